"""Stopping what runs: a deletion, then a look whether it has stopped."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION, kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify, gone
from airflow_ack_sagemaker.core.run.deadlines import Verdict
from airflow_ack_sagemaker.core.run.endings import ending
from airflow_ack_sagemaker.core.run.stopping import CONFIRM_SECONDS, has_ended, is_given_up, may_run, stop_report
from airflow_ack_sagemaker.follow.wait import follow_sync
from airflow_ack_sagemaker.kube.deletion import delete_if_same
from airflow_ack_sagemaker.kube.errors import KubeError
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.look import resources_of

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.identity import RunIdentity
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import KubeClient

KILL_SECONDS = 3.0
"""How long a task that is being killed may look: Airflow's supervisor sends SIGKILL five seconds after SIGTERM."""
_TOLD = 5
"""Resources that an error tells of."""


def stop(client: KubeClient, outcomes: Sequence[Outcome], *, why: str, log: Log) -> None:
    """Delete what is active, all at once, and wait until it has stopped: what comes next would compete with it.

    :param why: begins the line of the log, for example ``The task was cleared``.
    :raises KubeError: the cluster refuses it or cannot be asked, or the controller gives a deletion up.
    """
    for outcome in outcomes:
        log.info("%s: deleting %s, which stops it.", why, outcome.resource)
        if not delete_if_same(client, kind_of(outcome.kind), outcome.name, outcome.namespace, uid=outcome.uid):
            log.info("%s is gone already.", outcome.resource)
    if given_up := confirm_all_stopped(client, outcomes, log=log):
        raise KubeError("\n".join(ending(one, Verdict.REACHED) for one in given_up[:_TOLD]))


def stop_run(
    client: KubeClient, namespace: str, identity: RunIdentity, *, kind: Kind = PIPELINE_EXECUTION, log: Log
) -> int:
    """Delete all of this run that has not ended, which stops it; what was begun in this very moment, too.

    :param kind: executions, or other jobs.

    :returns: how many were deleted.
    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    stopping: list[Outcome] = []
    for resource in resources_of(client, namespace, identity, kind=kind):
        outcome = classify(resource)
        if not identity.of_run(resource) or outcome.finished or outcome.state is State.DELETING:
            continue
        log.info("A user has ended the task: deleting %s, which stops it.", outcome.resource)
        try:
            deleted = delete_if_same(client, kind, outcome.name, namespace, uid=outcome.uid)
        except KubeError as error:  # the others are stopped all the same
            log.warning("%s could not be stopped and runs on: %s", outcome.resource, error)
            continue
        if deleted:
            stopping.append(outcome)
    confirm_all_stopped(client, stopping, log=log, seconds=KILL_SECONDS)
    return len(stopping)


def confirm_all_stopped(
    client: KubeClient, outcomes: Sequence[Outcome], *, log: Log, seconds: float = CONFIRM_SECONDS
) -> list[Outcome]:
    """`confirm_stopped` for many that stop at the same time: ``seconds`` is for all of them together.

    :returns: those whose deletion the controller has given up.
    """
    end, given_up = time.monotonic() + seconds, []
    for index, outcome in enumerate(outcomes):
        left = end - time.monotonic()
        if left <= 0:
            log.warning("Not looked whether %d more executions have stopped.", len(outcomes) - index)
            break
        last, _ = watch_stopping(client, outcome, log=log, seconds=left)
        if is_given_up(last):
            given_up.append(last)
    return given_up


def confirm_stopped(client: KubeClient, outcome: Outcome, *, log: Log, seconds: float = CONFIRM_SECONDS) -> str:
    """Follow a resource that was deleted until its job has stopped, and log that, or that it is not confirmed.

    :param outcome: the resource as it was last seen.
    :param seconds: how long to wait.
    :returns: the line that was logged.
    """
    return watch_stopping(client, outcome, log=log, seconds=seconds)[1]


def watch_stopping(
    client: KubeClient, outcome: Outcome, *, log: Log, seconds: float = CONFIRM_SECONDS
) -> tuple[Outcome, str]:
    """The same; gives the resource as it was seen last as well."""
    last, began = outcome, time.monotonic()
    try:
        states = follow_sync(
            client, kind_of(outcome.kind), outcome.name, outcome.namespace, timeout=seconds, poll_interval=1.0
        )
        with closing(states) as source:
            for state in source:
                last = classify(state) if state and fields.uid(state) == outcome.uid else gone(last)
                if has_ended(last):
                    break
    except KubeError as error:
        log.warning("Cannot look whether %s has stopped: %s", outcome.resource, error)
    said = stop_report(last, time.monotonic() - began)
    (log.warning if may_run(last) else log.info)("%s", said)
    return last, said

"""Following a job that was asked to stop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome, classify, gone
from airflow_ack_sagemaker.core.run.decision import Action, Decision
from airflow_ack_sagemaker.core.run.stopping import CONFIRM_SECONDS, has_ended, stop_report
from airflow_ack_sagemaker.follow.wait import follow_sync
from airflow_ack_sagemaker.kube.errors import Conflict, KubeError, NotFound
from airflow_ack_sagemaker.kube.log import Log

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient

KILL_SECONDS = 3.0
"""How long a task that is being killed may look: Airflow's supervisor sends SIGKILL five seconds after SIGTERM."""


def stop_cleared(client: KubeClient, decision: Decision, *, log: Log) -> None:
    """Stop what a user has cleared, where the decision to create another attempt says so, and wait until it has.

    The one that comes next would compete with it for the account's instances.

    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    outcome = decision.outcome
    if decision.action is not Action.CREATE or outcome is None:
        return
    try:
        client.delete(kind_of(outcome.kind), outcome.name, outcome.namespace, uid=outcome.uid)
    except (NotFound, Conflict):
        log.info("%s is gone already.", outcome.resource)
        return
    confirm_stopped(client, outcome, log=log)


def confirm_all_stopped(
    client: KubeClient, outcomes: Sequence[Outcome], *, log: Log, seconds: float = CONFIRM_SECONDS
) -> None:
    """`confirm_stopped` for many that stop at the same time: ``seconds`` is for all of them together."""
    end = time.monotonic() + seconds
    for index, outcome in enumerate(outcomes):
        left = end - time.monotonic()
        if left <= 0:
            log.warning("Not looked whether %d more executions have stopped.", len(outcomes) - index)
            return
        confirm_stopped(client, outcome, log=log, seconds=left)


def confirm_stopped(client: KubeClient, outcome: Outcome, *, log: Log, seconds: float = CONFIRM_SECONDS) -> str:
    """Follow a resource that was deleted until its job has stopped, and log that, or that it is not confirmed.

    :param outcome: the resource as it was last seen.
    :param seconds: how long to wait.
    :returns: the line that was logged.
    """
    last, began = outcome, time.monotonic()
    try:
        states = follow_sync(
            client, kind_of(outcome.kind), outcome.name, outcome.namespace, timeout=seconds, poll_interval=1.0
        )
        with closing(states) as source:
            for state in source:
                last = classify(state) if state and state["metadata"]["uid"] == outcome.uid else gone(last)
                if has_ended(last):
                    break
    except KubeError as error:
        log.warning("Cannot look whether %s has stopped: %s", outcome.resource, error)
    said = stop_report(last, time.monotonic() - began)
    (log.info if has_ended(last) else log.warning)("%s", said)
    return said

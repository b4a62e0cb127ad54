"""A verdict, and what is done then: report, withdraw, stop, leave, or go on. Executions, batches, other resources."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_ack_sagemaker import metrics
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.run.deadlines import Verdict, goes_on
from airflow_ack_sagemaker.core.run.reported import report
from airflow_ack_sagemaker.core.run.then import Then, then
from airflow_ack_sagemaker.kube.deletion import delete_if_same
from airflow_ack_sagemaker.kube.errors import KubeError, NotFound
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.stop import confirm_stopped

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient

_ROUNDS, _PAUSE = 20, 0.2
"""Looks before a deletion, and the seconds between them: each loses to another writer at most once."""


@dataclass(frozen=True, slots=True)
class End:
    """How a wait ended after all that was to be done. ``verdict`` None: it goes on, wait again.

    ``details`` is a line for the error's text. ``withdrawn`` tells a resource that is deleted and never ran.
    ``deleted`` tells one that was asked to stop and whose end is not confirmed yet (``confirm=False``).
    """

    outcome: Outcome
    verdict: Verdict | None
    details: str = ""
    withdrawn: bool = False
    deleted: bool = False


def end(
    client: KubeClient,
    outcome: Outcome,
    verdict: Verdict,
    *,
    on_timeout: str = "leave",
    confirm: bool = True,
    log: Log,
) -> End:
    """Do what the verdict asks for, and look once more before anything is deleted.

    :param outcome: the resource as it was last seen.
    :param confirm: wait until what is stopped has stopped; False: the caller does, for many at once.
    """
    match then(verdict, on_timeout=on_timeout):
        case Then.REPORT:
            return End(outcome, verdict)
        case Then.WITHDRAW:
            now = withdraw(client, outcome, log=log)
            if now is None:
                return End(outcome, verdict, withdrawn=True)
            if now.finished:
                return End(now, Verdict.REACHED)
            if goes_on(verdict, now):
                return End(now, None)
            who = "SageMaker knows it already" if now.started else "A controller has taken it up"
            return End(outcome, verdict, f"{who}, so it is left as it is; a retry attaches to it.")
        case Then.STOP:
            log.warning("Timed out: deleting %s, which stops it (on_timeout='stop').", outcome.resource)
            ended = withdraw(client, outcome, log=log, even_if_started=True)
            if ended is not None:  # while the task waited for its place
                return End(ended, Verdict.REACHED)
            details = confirm_stopped(client, outcome, log=log) if confirm else ""
            return End(outcome, verdict, details, deleted=True)
        case _:
            return End(outcome, verdict, "It is left running (on_timeout='leave'); a retry attaches to it.")


def record(client: KubeClient, outcome: Outcome, *, try_number: int, log: Log) -> None:
    """Write on the resource that its end was told to Airflow, so that the next try does not tell it again.

    Nothing is written about what has not ended. What cannot be written is no reason to hide the outcome: a retry then
    reports the same end once more, which costs a try and never an execution.
    """
    if outcome.finished:
        metrics.ended(outcome.kind, outcome.state.value)
    if not outcome.finished or outcome.gone:
        return
    try:
        body = report(outcome, try_number=try_number, now=time.time())
        client.patch(kind_of(outcome.kind), outcome.name, body, outcome.namespace)
    except NotFound:
        log.info("%s is gone already.", outcome.resource)
    except KubeError as error:
        log.warning("Cannot record on %s that it was reported: %s", outcome.resource, error)


def withdraw(client: KubeClient, outcome: Outcome, *, log: Log, even_if_started: bool = False) -> Outcome | None:
    """Delete a resource that is given up, unless a controller has taken it up in the meantime.

    :param even_if_started: delete it all the same; the controller stops what runs.
    :returns: how it stands if it was taken up, or has ended, and is therefore left alone; None if it is withdrawn.
    """
    kind = kind_of(outcome.kind)
    for _ in range(_ROUNDS):
        try:
            live = client.get(kind, outcome.name, outcome.namespace)
            now = classify(live)
            if now.uid != outcome.uid:
                return None
            if now.finished:
                log.info("%s has ended in the meantime: %s.", outcome.resource, now.state)
                return now
            # A controller that has taken it up may start it before its first word: only its finalizer tells.
            if (now.started or now.state is State.IN_PROGRESS) and not even_if_started:
                log.info("%s has been taken up after all.", outcome.resource)
                return now
            # The controller may start it between our look and our delete; then the version differs.
            version = None if even_if_started else fields.version(live)
            if not delete_if_same(client, kind, outcome.name, outcome.namespace, uid=now.uid, resource_version=version):
                client.sleep(_PAUSE)  # it has changed since the look: look again
                continue
        except NotFound:
            return None
        except KubeError as error:  # must not hide why it was given up
            log.warning(
                "Cannot withdraw %s; it may still start later, and a retry attaches: %s", outcome.resource, error
            )
            return None
        log.info("Withdrew %s: otherwise it could start later with nobody following it.", outcome.resource)
        return None
    log.warning("Cannot withdraw %s, which changes again and again; a retry attaches to it.", outcome.resource)
    return None

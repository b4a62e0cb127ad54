"""A job that one run has made by `apply_resource`: whether it is this run's, and its end by a user.

Its name is what the DAG's author gives, so that another run, or this one before a user's clear, may have used it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import RunIdentity, identity_of
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.launched_by import Relation, launched_by, relation
from airflow_ack_sagemaker.core.resource.manifest import SpecError
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.kube.deletion import delete_if_same
from airflow_ack_sagemaker.kube.errors import KubeError, NotFound
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.look import Run
from airflow_ack_sagemaker.runs.stop import KILL_SECONDS, confirm_stopped, stop

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import KubeClient


def is_this_runs_job(client: KubeClient, live: Resource, outcome: Outcome, run: Run, *, log: Log) -> bool:
    """Whether a job that is there was made by an earlier try of this run; one from before a user's clear goes.

    :returns: False: it was from before a clear, and has been deleted.
    :raises SpecError: another run has made it, or somebody else.
    :raises KubeError: the cluster refuses a deletion or cannot be asked.
    """
    tried = launched_by(live)
    if not run.identity.owns(live) or tried is None:
        owner = identity_of(live)
        raise _not_this_runs(outcome, f"was made by {owner.text}" if owner else "was not made by this run")
    match relation(tried, run.tried):
        case Relation.ANOTHER_RUN:
            raise _not_this_runs(outcome, f"was made by another run of this id, which began at {tried.run_start}")
        case Relation.CLEARED if outcome.finished:
            log.info("The task was cleared: deleting %s, which has ended.", outcome.resource)
            delete_if_same(client, kind_of(outcome.kind), outcome.name, outcome.namespace, uid=outcome.uid)
            return False
        case Relation.CLEARED:
            stop(client, [outcome], why="The task was cleared", log=log)
            return False
    _tell(outcome, log)
    return True


def stop_job(client: KubeClient, kind: Kind, name: str, namespace: str, identity: RunIdentity, *, log: Log) -> None:
    """Delete the job of this run, which stops it; one that has ended, or that another run has made, stays.

    Nothing is raised: the task is being killed, and what cannot be done is said.
    """
    try:
        live = client.get(kind, name, namespace)
        outcome = classify(live)
        if not identity.owns(live) or outcome.finished or outcome.state is State.DELETING:
            return
        log.info("A user has ended the task: deleting %s, which stops it.", outcome.resource)
        if not delete_if_same(client, kind, name, namespace, uid=outcome.uid):
            return
    except NotFound:
        return
    except KubeError as error:
        log.warning("%s/%s could not be stopped and runs on: %s", kind.singular, name, error)
        return
    confirm_stopped(client, outcome, log=log, seconds=KILL_SECONDS)


def _not_this_runs(outcome: Outcome, whose: str) -> SpecError:
    return SpecError(
        f"{outcome.resource} exists already ({outcome.sagemaker_status or outcome.state}) and {whose}. A job runs "
        "once, so its end would be reported for a run that has not asked for it. Give each run a name of its own, for "
        "example with {{ ts_nodash | lower }}; what others have made is waited for with AckResourceSensor."
    )


def _tell(outcome: Outcome, log: Log) -> None:
    if not outcome.finished:
        log.info("%s was made by an earlier try of this run: attaching to it.", outcome.resource)
    elif outcome.state is State.SUCCEEDED:
        log.info("%s was made by an earlier try of this run and has succeeded.", outcome.resource)
    elif outcome.state is not State.REFUSED:
        log.warning(
            "%s was made by an earlier try of this run and ended as %s. A job of this name does not run again: where a "
            "retry is to start another, make the try a part of its names ({{ ti.try_number }}).",
            outcome.resource,
            outcome.sagemaker_status or outcome.state,
        )

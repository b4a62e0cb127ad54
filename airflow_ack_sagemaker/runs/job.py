"""A job that one run has made by `apply_resource`: whether it is this run's, and which attempt comes next.

Its name is what the DAG's author gives, so that another run, or this one before a user's clear, may have used it; or it
follows from the run, as that of an execution does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import identity_of
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.launched_by import Relation, launched_by, relation
from airflow_ack_sagemaker.core.resource.manifest import SpecError
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from airflow_ack_sagemaker.core.run.decision import Action, decide
from airflow_ack_sagemaker.kube.deletion import delete_if_same
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.runs.look import Run, resources_of
from airflow_ack_sagemaker.runs.stop import stop

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import KubeClient

_LONGEST = {"HyperParameterTuningJob": 32}
"""Characters of a job's name in SageMaker, where it is fewer than a label of Kubernetes has (63)."""


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


def next_attempt(client: KubeClient, kind: Kind, run: Run, *, log: Log) -> int:
    """Which attempt a job is whose name follows from its run: one that runs or has not been told of goes on, what has
    failed and was told of is followed by another.

    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    found = resources_of(client, run.namespace, run.identity, kind=kind)
    mine = [resource for resource in found if run.identity.owns(resource)]
    decision = decide(mine, run.tried, first_attempt=run.first_attempt)
    log.info("Decision: %s, because %s.", decision.action.value, decision.why)
    if decision.action is Action.CREATE and decision.outcome is not None:
        stop(client, [decision.outcome], why="The task was cleared", log=log)
    return decision.attempt


def named_by_run(kind: Kind, spec: Mapping[str, Any], run: Run, attempt: int) -> tuple[str, dict[str, Any]]:
    """Name and spec of a job that was given no name: in Kubernetes, and in SageMaker where the spec gives none."""
    given = spec.get(kind.name_field) if kind.name_field else None
    name = run.identity.resource_name(given if isinstance(given, str) else kind.singular, attempt)
    if not kind.name_field or given is not None:
        return name, dict(spec)
    longest = _LONGEST.get(kind.kind, len(name))
    return name, {**spec, kind.name_field: name[-longest:].lstrip("-")}


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

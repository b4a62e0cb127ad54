"""What is wrong with the resources of a namespace, and what to do about it: pure, so that every finding has a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.advice import CONTROLLER_LOG
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.freshness import observe, spec_changed
from airflow_ack_sagemaker.core.resource.identity import identity_of
from airflow_ack_sagemaker.core.resource.status import ANSWER_TIME, FINISHED, Outcome, State
from airflow_ack_sagemaker.core.resource.times import time_or_none
from airflow_ack_sagemaker.core.run.collectable import collectable
from airflow_ack_sagemaker.core.run.duplicates import Duplicate
from airflow_ack_sagemaker.core.run.reported import is_reported

DELETING = timedelta(minutes=5)
MANY_FINISHED = 30
"""Finished executions whose upkeep is worth a word: one call to AWS a minute each."""
UNREPORTED = timedelta(days=1)
"""Between the end of an execution and its task's report: a retry delay may lie between."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should do something about. ``check`` names what was looked at."""

    what: str
    where: str
    todo: str
    check: str = "executions"
    fixable: bool = False


def examine(resources: Sequence[Resource], *, now: datetime) -> list[Finding]:
    """The findings about resources of any kind but Endpoint (`endpoints`), the most urgent first.

    :param resources: as the API server returns them, each with its ``kind``.
    :param now: the API server's present time, with a time zone.
    """
    aged = [(observe(resource), resource) for resource in resources]
    return [
        *_untouched(aged, now),
        *_deleting(aged, now),
        *_in_trouble(aged, now),
        *_finished(aged, now),
        *_unreported(aged, now),
    ]


def tell_duplicate(duplicate: Duplicate, namespace: str) -> Finding:
    """The finding about executions that no resource owns."""
    ones = "; ".join(str(execution) for execution in duplicate.others)
    if duplicate.count > 1:
        owned = str(duplicate.owned) if duplicate.owned else "none of them"
        what = (
            f"{duplicate.count} executions have the display name {duplicate.display_name}, which is given once: the "
            f"controller has started it more than once. Its resource owns {owned}; no resource owns {ones}"
        )
    else:
        what = f"An execution runs that no resource in namespace {namespace} owns: {ones}"
    running = [execution.arn for execution in duplicate.others if execution.runs]
    if running:
        todo = "Unless another cluster or namespace has launched it, stop it: " + "; ".join(
            f"aws sagemaker stop-pipeline-execution --pipeline-execution-arn {arn}" for arn in running
        )
    else:
        todo = "All of them have ended. Expect the cost, and the model, twice. See why the controller restarted."
    resource = f"pipelineexecution/{duplicate.resource}" if duplicate.resource else "no resource (any more)"
    return Finding(what, f"{resource} (namespace {namespace})", todo)


Aged = Sequence[tuple[Outcome, Resource]]


def _untouched(aged: Aged, now: datetime) -> Iterator[Finding]:
    untouched = [
        outcome
        for outcome, resource in aged
        if outcome.state is State.UNSEEN and (since := _changed(resource)) is not None and now - since > ANSWER_TIME
    ]
    if untouched:
        yield Finding(
            f"Nobody reconciles {_count(untouched)}: no controller has answered within a minute",
            _names(untouched),
            "See whether the ACK SageMaker controller runs, watches this namespace (watchNamespace, watchSelectors) "
            f"and these kinds (reconcile.resources), and reaches AWS: {CONTROLLER_LOG}",
        )


def _deleting(aged: Aged, now: datetime) -> Iterator[Finding]:
    stuck = [
        outcome
        for outcome, resource in aged
        if (since := fields.deleted(resource)) is not None and now - since > DELETING
    ]
    if stuck:
        yield Finding(
            f"{_count(stuck)} deleted, but still there after {DELETING.seconds // 60} minutes",
            _names(stuck),
            "The finalizer waits for the controller. See whether the controller runs, and may delete things in AWS: "
            f"{CONTROLLER_LOG}",
        )


def _in_trouble(aged: Aged, now: datetime) -> Iterator[Finding]:
    for outcome, resource in aged:
        young = (created := fields.created(resource)) is not None and now - created <= ANSWER_TIME
        if outcome.state is State.REFUSED:
            yield Finding(f"Refused for good: {outcome.reason}", outcome.resource, outcome.remedy or "")
        elif outcome.state is State.RETRYING and not young:
            yield Finding(
                f"The controller cannot do it and tries again: {outcome.reason}", outcome.resource, outcome.remedy or ""
            )
        elif outcome.warning:
            yield Finding(
                outcome.warning,
                outcome.resource,
                f"See the whole status: kubectl describe {outcome.kind.lower()} {outcome.name} -n {outcome.namespace}",
            )


def _finished(aged: Aged, now: datetime) -> Iterator[Finding]:
    executions = [resource for outcome, resource in aged if outcome.kind == "PipelineExecution"]
    finished = [outcome for outcome, _ in aged if outcome.kind == "PipelineExecution" and outcome.state in FINISHED]
    if len(finished) > MANY_FINISHED:
        going = collectable(executions, now=now, history_limit=10, ttl=None)
        yield Finding(
            f"{len(finished)} finished executions are still in the cluster: each costs the controller an AWS call a "
            "minute, and slows down those that run",
            _names(finished),
            "Run AckCollectExecutionsOperator regularly, or ack-sagemaker collect: with the default limit it would "
            f"delete {len(going)} now. SageMaker keeps the executions.",
            fixable=True,
        )


def _unreported(aged: Aged, now: datetime) -> Iterator[Finding]:
    """Ended, and the task that launched it has not said so: it was killed for good, or its DAG is gone."""
    waiting = [
        outcome
        for outcome, resource in aged
        if outcome.kind == "PipelineExecution"
        and outcome.state in FINISHED
        and identity_of(resource) is not None
        and not is_reported(resource)
        and (changed := _last_changed(resource)) is not None
        and now - changed > UNREPORTED
    ]
    if waiting:
        yield Finding(
            f"{_count(waiting)} ended more than a day ago, and no task has told Airflow: it stays uncollected",
            _names(waiting),
            "See whether their tasks still run or wait for a retry. Where the DAG is gone: ack-sagemaker delete NAME.",
        )


def _changed(resource: Resource) -> datetime | None:
    """Since when it may be expected to be answered: its creation, or the last change of its spec."""
    return max(filter(None, (fields.created(resource), spec_changed(resource))), default=None)


def _last_changed(resource: Resource) -> datetime | None:
    """When a job ended, as its status says; else when its resource was created."""
    return time_or_none(fields.status(resource).get("lastModifiedTime")) or fields.created(resource)


def _count(outcomes: Sequence[Outcome]) -> str:
    return "1 resource" if len(outcomes) == 1 else f"{len(outcomes)} resources"


def _names(outcomes: Sequence[Outcome]) -> str:
    names = [outcome.resource for outcome in outcomes[:_SHOWN]]
    more = len(outcomes) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")

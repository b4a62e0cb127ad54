"""Selective executions: which steps run, and what SageMaker refuses (API model, ``SelectiveExecutionConfig``)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from airflow_ack_sagemaker.core.definition.expressions import Unresolved
from airflow_ack_sagemaker.sandbox.aws.errors import invalid
from airflow_ack_sagemaker.sandbox.aws.plan import Plan
from airflow_ack_sagemaker.sandbox.aws.records import Execution
from airflow_ack_sagemaker.sandbox.aws.runs import Taken
from airflow_ack_sagemaker.sandbox.aws.timeline import triggers


def needed_by(plan: Plan, selected: Collection[str]) -> list[str]:
    """The steps of which the selected ones need the results, in the definition's order, and that are not selected."""
    needed = {before for task in plan.tasks if task.name in selected for before, _ in task.dependencies}
    return [task.name for task in plan.tasks if task.name in needed and task.name not in selected]


def taken_over(plan: Plan, selected: Collection[str], source: Execution, now: float) -> tuple[Taken, ...]:
    """What the selected steps need of others, as the source execution had it.

    :raises AwsError: ValidationException: the source has not ended as Succeeded or Failed, or a step that is needed has
        not ended there as it must have.
    """
    status = source.status(now)
    if status not in ("Succeeded", "Failed"):
        raise invalid(f"Invalid SourcePipelineExecutionArn: {source.arn}. It is in status {status}.")
    ended, results = source.ended(now), source.results(now)
    needs = [(task.name, *need) for task in plan.tasks if task.name in selected for need in task.dependencies]
    for name, before, trigger in needs:
        if before not in selected and (before not in ended or not triggers(trigger, ended[before])):
            raise invalid(
                f"Invalid SourcePipelineExecutionArn: {source.arn}. The selected step [{name}] depends on [{before}], "
                f"which did not end there as it must have ({trigger})."
            )
    return tuple(
        Taken(name, ended[name], "{}" if isinstance(found, Unresolved) else json.dumps(found))
        for name, found in ((name, results.properties(name)) for name in needed_by(plan, selected))
    )


def check_selection(plan: Plan, names: Collection[str], source: str | None) -> frozenset[str]:
    """The selected steps.

    :raises AwsError: ValidationException: a step that is not there, a step on the way between two selected ones that is
        not selected, results that are needed and no execution that has them.
    """
    known = {task.name for task in plan.tasks}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise invalid(f"Invalid SelectedSteps: the pipeline has no steps {unknown}.")
    between = _between(plan, frozenset(names))
    if between:
        raise invalid(
            "Invalid SelectedSteps: all steps in all paths between two selected steps must be selected. "
            f"Missing: [{', '.join(between)}]."
        )
    needed = needed_by(plan, names)
    if needed and source is None:
        raise invalid(
            f"Invalid SourcePipelineExecutionArn: null. The selected steps [{', '.join(names)}] "
            f"have dependencies on [{', '.join(sorted(needed))}]."
        )
    return frozenset(names)


def _between(plan: Plan, selected: frozenset[str]) -> list[str]:
    """What is not selected and lies on a way from one selected step to another."""
    before = {task.name: [name for name, _ in task.dependencies] for task in plan.tasks}
    after: dict[str, list[str]] = {name: [] for name in before}
    for name, names in before.items():
        for other in names:
            after[other].append(name)
    reached = _reached(selected, after) & _reached(selected, before)
    return [task.name for task in plan.tasks if task.name in reached and task.name not in selected]


def _reached(start: Collection[str], neighbours: Mapping[str, Collection[str]]) -> set[str]:
    found: set[str] = set()
    pending = [other for name in start for other in neighbours[name]]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(neighbours[name])
    return found

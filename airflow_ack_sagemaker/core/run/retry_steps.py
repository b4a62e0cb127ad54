"""Which steps a retry runs again when it builds on a failed execution (SageMaker's selective execution).

SageMaker's rules, from the API model and the developer guide: the source execution must have ended as Failed or
Succeeded; 1 to 50 steps are selected; every step on a path between two selected ones is selected, too, and the selected
ones hang together; what is not selected gives the results that it had in the source, so it must have succeeded there
with the same parameters and the same definition. What lies downstream of a selected step runs only if it is selected.

So the selection is everything that did not succeed and everything downstream of that, except what an untaken branch of
a condition skips: selected without its condition, it would run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.definition.graph import StepGraph
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_DEFINITION_SHA256, ANNOTATION_RETRY_WHOLE
from airflow_ack_sagemaker.core.resource.status import classify
from airflow_ack_sagemaker.core.run.step_runs import StepRun

MAX_SELECTED = 50
"""API model, ``SelectedStepList``."""


_REUSED = "it had itself reused results that are needed again"


@dataclass(frozen=True, slots=True)
class Selection:
    """The steps to run again, in the definition's order; none where it cannot be done. ``why`` says so in words."""

    steps: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Selective:
    """A ``selectiveExecutionConfig``."""

    steps: tuple[str, ...]
    source_arn: str | None


def selective_of(resource: Mapping[str, Any]) -> Selective | None:
    """How an execution was launched selectively; None where it ran the whole pipeline."""
    config = fields.spec(resource).get("selectiveExecutionConfig")
    if not config or not isinstance(config, Mapping):
        return None
    selected = config.get("selectedSteps")
    steps = (step for step in (selected if isinstance(selected, list) else ()) if isinstance(step, Mapping))
    names = tuple(name for step in steps if (name := fields.text(step, "stepName")))
    return Selective(names, fields.text(config, "sourcePipelineExecutionARN"))


def obstacle(
    failed: Mapping[str, Any],
    *,
    parameters: Mapping[str, str],
    pipeline_version_id: int | None,
    definition_sha256: str | None,
) -> str | None:
    """Why a retry cannot build on this failed execution, as far as can be told without asking SageMaker; None: it may.

    :param failed: the PipelineExecution resource of the failed attempt.
    :param parameters: what the retry would be launched with, by name.
    :param definition_sha256: digest of the definition that the retry would run.
    """
    outcome = classify(failed)
    if (whole := fields.annotation(failed, ANNOTATION_RETRY_WHOLE)) is not None:
        return whole
    if outcome.sagemaker_status != "Failed":
        return f"it ended as {outcome.sagemaker_status}, and SageMaker builds only on what is Failed or Succeeded"
    if outcome.arn is None:
        return "its ARN is not known"
    before = fields.annotation(failed, ANNOTATION_DEFINITION_SHA256)
    if before is None or definition_sha256 is None:
        return "the definition that it ran is not known"
    if before != definition_sha256:
        return "the pipeline's definition has changed since"
    ran = (fields.spec(failed).get("pipelineVersionID"), fields.parameters(failed))
    if ran != (pipeline_version_id, dict(parameters)):
        return "parameters or pipeline version are others than those it ran with"
    return None


def retry_from(
    failed: Mapping[str, Any], runs: Sequence[StepRun], graph: StepGraph, *, types: Mapping[str, str]
) -> tuple[Selective | None, str]:
    """What a retry after this failed execution runs, and why; None: the whole pipeline.

    An execution that was itself selective may have the results that are needed only at second hand. Whether SageMaker
    hands those on is not documented, so the retry then builds on what that one was built on.

    :param failed: the PipelineExecution resource of the failed attempt, for which `obstacle` knows none.
    :param runs: see `select`, as is what follows.
    """
    before = selective_of(failed)
    selection = select(runs, graph, types=types, within=None if before is None else frozenset(before.steps))
    if selection.steps:
        return Selective(selection.steps, classify(failed).arn), selection.why
    if before is not None and before.source_arn is not None and selection.why == _REUSED:
        return before, f"the same steps again, because {selection.why}"
    return None, selection.why


def select(
    runs: Sequence[StepRun],
    graph: StepGraph,
    *,
    types: Mapping[str, str],
    within: Collection[str] | None = None,
) -> Selection:
    """The steps that a retry runs again.

    :param runs: the steps of the failed execution that SageMaker lists; those that never started are not among them.
    :param graph: steps of the definition that it ran.
    :param types: the type of each step.
    :param within: the steps that the failed execution was itself limited to; None: it ran the whole pipeline.
    """
    ran = {run.name: run for run in runs}
    unknown = [name for name in ran if name not in types]
    if unknown or any(run.iterated for run in runs):
        return Selection((), f"its steps are not those of the definition ({(unknown or list(ran))[0]!r})")
    refused = [run.name for run in runs if run.status == "Failed" and types[run.name] == "Fail"]
    if refused:
        return Selection((), f"step {refused[0]!r} fails on purpose, so what leads to it must run again")
    chosen, unclear = _not_succeeded(ran, graph, within)
    if unclear:
        return Selection((), f"which branch condition {unclear!r} took is not known")
    if not chosen:
        return Selection((), "none of its steps failed")
    needed = {before for name in chosen for before in graph.dependencies(name)} - chosen
    if not any(run.status == "Succeeded" for run in runs if run.name not in chosen):
        return Selection((), "no step had succeeded that could be kept")
    if len(chosen) > MAX_SELECTED:
        return Selection((), f"{len(chosen)} steps are to run again, and SageMaker selects at most {MAX_SELECTED}")
    if any(name not in ran or ran[name].reused for name in needed):
        return Selection((), _REUSED)
    if not _connected(chosen, graph):
        return Selection((), "the steps that are to run again do not hang together, which SageMaker refuses")
    steps = tuple(name for name in graph.nodes if name in chosen)
    return Selection(steps, f"{len(graph.nodes) - len(steps)} of {len(graph.nodes)} steps need not run again")


def _not_succeeded(
    ran: Mapping[str, StepRun], graph: StepGraph, within: Collection[str] | None
) -> tuple[set[str], str | None]:
    """The steps to run again, and a condition of which the branch would have to be known."""
    parents = {step: key for key, steps in graph.branches.items() for step in steps if key[1] != "body"}
    bodies = {step for (_, branch), steps in graph.branches.items() if branch == "body" for step in steps}
    chosen: set[str] = set()
    skipped: set[str] = set()
    for name in graph.order():
        if within is not None and name not in within:
            continue
        if name in bodies:
            continue  # The ForEach that runs it is what is selected.
        before = graph.dependencies(name)
        run = ran.get(name)
        condition, branch = parents.get(name, (None, None))
        if condition is not None and condition not in chosen and run is None:
            decided = ran.get(condition)
            taken = decided.branch if decided is not None else None
            if taken is None and condition not in skipped:
                return set(), condition
            if taken is not (branch == "if"):
                skipped.add(name)
                continue
        # What runs only after a failure was not needed where the step before succeeded.
        succeeded = (step for step in before if step in ran and ran[step].status == "Succeeded" and step not in chosen)
        needless = any(graph.triggers.get((step, name)) in ("Failed", "Stopped") for step in succeeded)
        if run is None and (needless or any(step in skipped for step in before)):
            skipped.add(name)
        elif run is None or run.status != "Succeeded" or any(step in chosen for step in before):
            chosen.add(name)
    return chosen, None


def _connected(chosen: set[str], graph: StepGraph) -> bool:
    reached: set[str] = set()
    pending = [next(iter(chosen))]
    while pending:
        name = pending.pop()
        if name in chosen and name not in reached:
            reached.add(name)
            pending.extend(graph.dependencies(name))
            pending.extend(graph.dependents(name))
    return reached == chosen

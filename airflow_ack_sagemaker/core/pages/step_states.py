"""The steps of a definition as an execution has run them: what a picture of its graph shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_ack_sagemaker.core.run.step_logs import StepLog, log_of
from airflow_ack_sagemaker.core.run.step_runs import branch_of_step

NOT_STARTED = "NotStarted"
SKIPPED = "Skipped"


@dataclass(frozen=True, slots=True)
class StepView:
    """A step. ``status`` is SageMaker's StepStatus, `NOT_STARTED`, `SKIPPED`, or None where it is not known; ``parent``
    and ``branch`` are the condition that it stands in; ``log`` is where its job writes.
    """

    name: str
    type: str
    display_name: str | None = None
    status: str | None = None
    started: str | None = None
    ended: str | None = None
    reason: str | None = None
    parent: str | None = None
    branch: str | None = None
    log: StepLog | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A definition's graph: ``steps`` in document order, and ``edges`` (source, target, branch of a condition or None).

    ``order`` has their names so that each comes after all that it waits for; ``before`` has what each waits for.
    """

    steps: tuple[StepView, ...]
    edges: tuple[tuple[str, str, str | None], ...]
    order: tuple[str, ...]
    before: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class StepState:
    """A step as SageMaker lists it (ListPipelineExecutionSteps); times are texts. ``outcome`` is that of a condition,
    ``source_arn`` the execution whose result was taken over.
    """

    name: str
    status: str
    type: str = ""
    display_name: str | None = None
    started: str | None = None
    ended: str | None = None
    reason: str | None = None
    outcome: bool | None = None
    source_arn: str | None = None
    iterated: bool = False
    log: StepLog | None = None


def picture_of(steps: Iterable[StepView], edges: Iterable[tuple[str, str]], order: Iterable[str]) -> Picture:
    """The picture of a definition, without states.

    :param steps: in document order.
    :param edges: (step, step that waits for it).
    :param order: the names of the steps, each after all that it waits for.
    """
    steps, edges = tuple(steps), tuple(edges)
    branches = {step.name: (step.parent, step.branch) for step in steps}
    before: defaultdict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        before[target].append(source)
    labelled = ((source, target, *branches[target]) for source, target in edges)
    return Picture(
        steps,
        tuple((source, target, branch if parent == source else None) for source, target, parent, branch in labelled),
        tuple(order),
        dict(before),
    )


def with_states(
    picture: Picture, states: Sequence[StepState], *, over: bool, selected: Collection[str] | None
) -> tuple[StepView, ...]:
    """The picture's steps as they stand; what SageMaker lists beyond them comes last.

    :param over: whether the execution has ended: then a step that has not run never will.
    :param selected: the steps that the execution is limited to; None: all.
    """
    # Of a step that a loop repeats, the last round is shown.
    known = {state.name: state for state in states}
    skipped: set[str] = set()
    shown: dict[str, StepView] = {}
    parents = {step.name: step for step in picture.steps}
    for name in picture.order:
        step = parents[name]
        state = known.get(name)
        if state is not None:
            shown[name] = _merged(step, state)
            continue
        why = _why_skipped(step, picture.before.get(name, ()), known, skipped, over, selected)
        if why is not None:
            skipped.add(name)
        shown[name] = replace(step, status=NOT_STARTED if why is None else SKIPPED, reason=why)
    others = [
        _merged(StepView(state.name, state.type or "Unknown"), state)
        for state in known.values()
        if state.name not in parents
    ]
    return (*(shown[step.name] for step in picture.steps), *others)


def _merged(step: StepView, state: StepState) -> StepView:
    reason = state.reason
    if state.source_arn:
        reason = f"Result taken over from {state.source_arn}"
    elif state.outcome is not None:
        reason = reason or f"The condition was {'met' if state.outcome else 'not met'}"
    return replace(
        step,
        display_name=state.display_name or step.display_name,
        status=state.status or None,
        started=state.started,
        ended=state.ended,
        reason=reason,
        log=state.log,
    )


def _why_skipped(
    step: StepView,
    before: Sequence[str],
    known: Mapping[str, StepState],
    skipped: Collection[str],
    over: bool,
    selected: Collection[str] | None,
) -> str | None:
    """Why a step that SageMaker does not list will never run; None: it may, or the execution ended before it."""
    if selected is not None and step.name not in selected:
        return "Not selected: this execution runs only some of the steps"
    if step.parent in skipped:
        return f"Its condition {step.parent} was skipped"
    decided = known.get(step.parent or "")
    if decided is not None and decided.outcome is not None and decided.outcome is not (step.branch == "if"):
        return f"The condition {step.parent} took the other branch"
    awaited = next((name for name in before if name in skipped), None)
    if over and awaited is not None:
        return f"It waits for {awaited}, which was skipped"
    return None


def state_of(step: Mapping[str, Any], text_of: Callable[[object], str | None]) -> StepState:
    """A member of ListPipelineExecutionSteps; ``text_of`` turns its times into texts."""
    metadata = _object(step.get("Metadata"))
    source = _object(step.get("SelectiveExecutionResult")).get("SourcePipelineExecutionArn")
    round_ = _object(step.get("IterationContext"))
    return StepState(
        name=_name(str(step.get("StepName") or ""), round_),
        status=step.get("StepStatus", ""),
        type=next(iter(metadata), "").removesuffix("Job"),
        display_name=step.get("StepDisplayName") or None,
        started=text_of(step.get("StartTime")),
        ended=text_of(step.get("EndTime")),
        reason=step.get("FailureReason") or None,
        outcome=branch_of_step(step),
        source_arn=source,
        iterated=bool(step.get("IterationContext")),
        log=log_of(step),
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _name(name: str, round_: Mapping[str, Any]) -> str:
    """A round of a loop's step is called like that step and the round's number."""
    return name.removesuffix(f"-{round_['Index']}") if "Index" in round_ else name

"""A step as an execution has run it: the one reader of a member of ListPipelineExecutionSteps that decides anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StepRun:
    """A step as an execution has run it (a member of ListPipelineExecutionSteps).

    ``status`` is SageMaker's StepStatus, ``branch`` the outcome of a condition, ``reused`` tells a step whose results
    come from another execution, ``iterated`` one that a loop has made.
    """

    name: str
    status: str
    branch: bool | None = None
    reused: bool = False
    iterated: bool = False


def run_of_step(step: Mapping[str, Any]) -> StepRun:
    """A member of ListPipelineExecutionSteps, as a retry wants to know it."""
    return StepRun(
        name=str(step.get("StepName") or ""),
        status=step.get("StepStatus", ""),
        branch=branch_of_step(step),
        reused=bool(step.get("SelectiveExecutionResult")),
        iterated=bool(step.get("IterationContext")),
    )


def branch_of_step(step: Mapping[str, Any]) -> bool | None:
    """Whether a condition was met; None for a step that is no condition, or one that is not decided.

    Source: API model, ``ConditionStepMetadata.Outcome``, which SageMaker writes as ``True`` or ``False``.
    """
    metadata = step.get("Metadata")
    condition = metadata.get("Condition") if isinstance(metadata, Mapping) else None
    outcome = condition.get("Outcome") if isinstance(condition, Mapping) else None
    return {"True": True, "False": False}.get(str(outcome))

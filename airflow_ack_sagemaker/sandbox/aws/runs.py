"""A step's run as a value, and the course of an execution that is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.sandbox.aws.script import ScriptedOutcome


@dataclass(frozen=True, slots=True)
class LoopResult:
    """What a ForEach gives: the number of its items, of the runs of its body by their end, and the selected one."""

    items: int
    total: int
    succeeded: int = 0
    failed: int = 0
    stopped: int = 0
    selected: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One step's run: seconds since the execution's start (``end`` is infinite while it is held), and how it ends.

    ``name`` is what SageMaker lists it as, ``step`` the step of the definition. ``branch`` is the outcome of a
    condition, ``index`` and ``item`` are those of a round of a ForEach, ``attempt`` counts the retries of the execution
    before. ``outputs`` is what a callback sent. ``note`` says what the sandbox could only assume.
    """

    name: str
    start: float
    end: float
    status: str
    reason: str = ""
    branch: bool | None = None
    step: str = ""
    index: int | None = None
    item: str = ""
    attempt: int = 0
    outputs: tuple[tuple[str, str], ...] = ()
    loop: LoopResult | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """Every run in order of its start, and the end of the whole."""

    runs: tuple[Run, ...]
    end: float
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """What SendPipelineExecutionStepSuccess or ...Failure said of a step, ``at`` seconds after the start."""

    name: str
    attempt: int
    at: float
    succeeded: bool
    reason: str = ""
    outputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What an execution's course depends on, besides its pipeline. Durations are seconds of the clock (already divided
    by its speed).

    ``values`` and ``variables`` are those parameters and execution variables on which it depends. ``only`` limits it to
    some steps (selective execution), ``done`` are runs that succeeded in an earlier attempt, ``released`` says when
    held steps were let go.
    """

    outcomes: tuple[tuple[str, ScriptedOutcome], ...]
    step_seconds: float
    speed: float
    values: tuple[tuple[str, Any], ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    parallel: int | None = None
    only: frozenset[str] | None = None
    done: tuple[Run, ...] = ()
    released: float | None = None
    attempt: int = 0
    answers: tuple[CallbackAnswer, ...] = ()

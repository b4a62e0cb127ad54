"""A step's run as a value, and the course of an execution that is made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

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
    before. ``outputs`` is what a callback sent.
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


class Asked(NamedTuple):
    """An object of S3 that an expression needs: in which attempt, and how many seconds after its start."""

    uri: str
    attempt: int
    at: float


class Seen(NamedTuple):
    """What was read for it: the text, or why there is none."""

    asked: Asked
    text: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Course:
    """Every run in order of its start, and the end of the whole. What was ``asked`` for and is not read yet, comes in
    the order of time: until it is, what follows from it is not known."""

    runs: tuple[Run, ...]
    end: float
    status: str
    reason: str = ""
    asked: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """What SendPipelineExecutionStepSuccess or ...Failure said of a step, ``at`` seconds after the start."""

    name: str
    attempt: int
    at: float
    succeeded: bool
    reason: str = ""
    outputs: tuple[tuple[str, str], ...] = ()


class Taken(NamedTuple):
    """A step whose result an execution takes over: how it ended, and its properties as JSON."""

    name: str
    status: str
    properties: str


@dataclass(frozen=True, slots=True)
class Given:
    """What an execution's course depends on, besides its pipeline. Durations are seconds of the clock (already divided
    by its speed).

    ``values`` and ``variables`` are those parameters and execution variables on which it depends. ``only`` limits it to
    some steps (selective execution), ``taken`` are the others that they need, as an earlier execution had them.
    ``done`` are runs that succeeded in an earlier attempt, ``released`` says when held steps were let go. ``seen`` is
    what was read of S3.
    """

    outcomes: tuple[tuple[str, ScriptedOutcome], ...]
    step_seconds: float
    speed: float
    values: tuple[tuple[str, Any], ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    parallel: int | None = None
    only: frozenset[str] | None = None
    taken: tuple[Taken, ...] = ()
    done: tuple[Run, ...] = ()
    released: float | None = None
    attempt: int = 0
    answers: tuple[CallbackAnswer, ...] = ()
    seen: tuple[Seen, ...] = ()

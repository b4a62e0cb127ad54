"""How long a task waits for what, and what it says when that is over: pure, so that operator, trigger and sensor wait
alike.

Three waits are distinct because their causes and remedies are: nobody reconciles the resource; the controller tries in
vain; the run itself takes too long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from airflow_ack_sagemaker.core.resource.status import FINISHED, Outcome, State

RECONCILE_TIMEOUT = 300.0
"""Default seconds until a resource that nobody has touched is given up. A controller answers in about one; a busy one,
or one that is
being rolled out, in minutes."""

RECOVERABLE_TIMEOUT = 900.0
"""Default seconds that the controller may try in vain: its back-off reaches minutes."""


class Goal(StrEnum):
    """What is waited for."""

    FINISHED = "finished"
    STARTED = "started"
    """SageMaker has it; a job may still run."""
    GONE = "gone"
    """The resource is no longer there."""


class Verdict(StrEnum):
    """Why waiting has ended."""

    REACHED = "reached"
    """The outcome is the answer, good or bad."""
    NOT_RECONCILED = "not_reconciled"
    STUCK = "stuck"
    TIMED_OUT = "timed_out"
    OTHER_DEFINITION = "other_definition"
    """It may have run another definition than the one that its run has applied."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Unix times (seconds) at which each wait is over; None: never.

    ``unknown_seconds`` is how long a status may stay that this version does not know.
    """

    reconcile_by: float | None = None
    recover_by: float | None = None
    finish_by: float | None = None
    unknown_seconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """For a trigger's arguments."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Deadlines:
        """What `to_dict` wrote."""
        return cls(**data)


def verdict_of(outcome: Outcome, deadlines: Deadlines, now: float, *, goal: Goal = Goal.FINISHED) -> Verdict | None:
    """Whether waiting has ended, and why; None: go on.

    :param now: Unix time in seconds.
    """
    if _reached(outcome, goal):
        return Verdict.REACHED
    for verdict, deadline in _deadlines(outcome, deadlines):
        if deadline is not None and now >= deadline:
            return verdict
    return None


def next_deadline(outcome: Outcome, deadlines: Deadlines) -> float | None:
    """Unix time at which `verdict_of` must be asked again though nothing has changed; None: never."""
    return min((deadline for _, deadline in _deadlines(outcome, deadlines) if deadline is not None), default=None)


def goes_on(verdict: Verdict, now: Outcome) -> bool:
    """Whether a started resource, looked at once more after this verdict, is worth another wait.

    One that the controller has started but tries in vain to describe looks now as it did before: to wait again would be
    to wait for ever.
    """
    return not (verdict is Verdict.STUCK and now.state is State.RETRYING)


def _reached(outcome: Outcome, goal: Goal) -> bool:
    if goal is Goal.GONE:
        return outcome.gone
    if outcome.state in FINISHED:
        return True
    return goal is Goal.STARTED and outcome.started and outcome.state is not State.UNSEEN


def _deadlines(outcome: Outcome, deadlines: Deadlines) -> list[tuple[Verdict, float | None]]:
    waits: list[tuple[Verdict, float | None]] = [(Verdict.TIMED_OUT, deadlines.finish_by)]
    if outcome.state is State.UNSEEN:
        waits.insert(0, (Verdict.NOT_RECONCILED, deadlines.reconcile_by))
    if outcome.state is State.RETRYING:
        waits.insert(0, (Verdict.STUCK, deadlines.recover_by))
    if outcome.state is State.UNKNOWN and outcome.since is not None and deadlines.unknown_seconds is not None:
        waits.append((Verdict.TIMED_OUT, outcome.since + deadlines.unknown_seconds))
    return waits

"""How long a task waits for what, and what it says when that is over: pure, so that operator, trigger and sensor wait
alike.

The waits are distinct because their causes and remedies are: nobody reconciles the resource; the controller tries in
vain; the run itself takes too long; a deletion does not end; Airflow's own ``execution_timeout`` is over, which Airflow
does not enforce while a task is deferred. No state is waited for without end, unless the DAG author says so.

Deadlines are times of the clock of the process that waits. What another machine has written down, and what the API
server has stamped, is brought to that clock first: `Deadlines.read_at`, `noted`, and `core.resource.server_clock`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from airflow_ack_sagemaker.core.resource.server_clock import Moment, ServerClock, age, elapsed
from airflow_ack_sagemaker.core.resource.status import FINISHED, Outcome, State
from airflow_ack_sagemaker.core.resource.times import time_or_none

RECONCILE_TIMEOUT = 300.0
"""Default seconds until a resource that nobody has touched is given up. A controller answers in about one; a busy one,
or one that is
being rolled out, in minutes."""

RECOVERABLE_TIMEOUT = 900.0
"""Default seconds that the controller may try in vain: its back-off reaches minutes."""

DELETION_TIMEOUT = 900.0
"""Seconds from the request until a deletion that has not ended is given up. The controller lets an execution go some 30
seconds after SageMaker has stopped it; training jobs get two minutes to stop, endpoints take minutes to delete, and the
controller's back-off reaches minutes."""

DELETION_GRACE = 120.0
"""Seconds that a try waits at least for a deletion, however long ago it was asked for: its own request may be what the
controller was missing, and the API server's clock may have been set forward since."""


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
    """The run, or a deletion, has taken too long."""
    EXECUTION_TIMED_OUT = "execution_timed_out"
    """The task's ``execution_timeout`` is over; what it followed is left as it is."""
    OTHER_DEFINITION = "other_definition"
    """It may have run another definition than the one that its run has applied."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Unix times (seconds) at which each wait is over; None: never.

    ``unknown_seconds`` is how long a status may stay that this version does not know, ``deletion_seconds`` how long a
    deletion may take; ``begun`` is when this try began to wait. ``told`` is when they were handed over to another
    process, and ``told_server`` the same moment on the API server's clock (None: not known).
    """

    reconcile_by: float | None = None
    recover_by: float | None = None
    finish_by: float | None = None
    unknown_seconds: float | None = None
    deletion_seconds: float | None = DELETION_TIMEOUT
    execution_by: float | None = None
    begun: float | None = None
    told: float | None = None
    told_server: float | None = None

    def since(self, now: float) -> Deadlines:
        """The same, for a try that begins to wait now, unless it is known when it began."""
        return self if self.begun is not None else replace(self, begun=now)

    def handed_over(self, now: float, clock: ServerClock | None = None) -> Deadlines:
        """The same, for a process on another machine, which reads them by `read_at`.

        :param clock: the API server's; None: as they were read.
        """
        if clock is None and self.told is not None and self.told_server is not None:
            clock = ServerClock(self.told_server - self.told)
        return replace(self, told=now, told_server=None if clock is None else clock.now(now))

    @property
    def moment(self) -> Moment | None:
        """When they were handed over; None: never, or by an older version."""
        return None if self.told is None else Moment(self.told, self.told_server)

    def read_at(self, now: float, clock: ServerClock | None = None) -> Deadlines:
        """The same on this machine's clock, however far it is from the writer's.

        :param now: this machine's Unix time (seconds).
        :param clock: the API server's as this machine has found it; None: not asked.
        """
        if self.moment is None:
            return self
        told = now - elapsed(self.moment, now, clock)
        moved = told - self.moment.local
        times = {name: getattr(self, name) for name in _TIMES}
        return replace(self, **{name: time + moved for name, time in times.items() if time is not None})

    def to_dict(self) -> dict[str, Any]:
        """For a trigger's arguments."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Deadlines:
        """What `to_dict` wrote."""
        return cls(**data)


_TIMES = ("reconcile_by", "recover_by", "finish_by", "execution_by", "begun", "told")
"""The members of `Deadlines` that are times of this machine's clock."""


def noted(outcome: Outcome, last: Outcome | None, now: float, clock: ServerClock | None = None) -> Outcome:
    """The outcome, with its stamp as this machine's time.

    What changes while it is followed has changed now, whatever the API server's clock says. Only what stands at the
    first look is as old as its stamp; where that is not known, it counts from now.

    :param last: the outcome as it was seen before in this wait; None: this is the first look.
    :param now: this machine's Unix time (seconds).
    :param clock: the API server's; only the first look needs it.
    """
    if outcome.stamp is None:
        return outcome
    if last is not None:
        return replace(outcome, noted=last.noted if last.stamp == outcome.stamp and last.noted is not None else now)
    return replace(outcome, noted=now - (age(outcome.stamp, now, clock) or 0.0))


def verdict_of(outcome: Outcome, deadlines: Deadlines, now: float, *, goal: Goal = Goal.FINISHED) -> Verdict | None:
    """Whether waiting has ended, and why; None: go on.

    :param now: Unix time in seconds.
    """
    if _reached(outcome, goal):
        return Verdict.REACHED
    for verdict, deadline in _waits(outcome, deadlines, goal):
        if deadline is not None and now >= deadline:
            return verdict
    return None


def next_deadline(outcome: Outcome, deadlines: Deadlines, *, goal: Goal = Goal.FINISHED) -> float | None:
    """Unix time at which `verdict_of` must be asked again though nothing has changed; None: never."""
    return min(
        (deadline for _, deadline in _waits(outcome, deadlines, goal) if deadline is not None),
        default=None,
    )


def goes_on(verdict: Verdict, now: Outcome) -> bool:
    """Whether a resource, looked at once more after this verdict, is worth another wait.

    One that looks now as it did before is not: to wait again would be to wait for ever.
    """
    return verdict not in (held for held, _ in _waits(now, Deadlines(), Goal.FINISHED))


def finish_by(timeout: float | None, *, age: float | None, begun: float) -> float | None:
    """Until when a try waits for the whole run, as Unix time; None: for ever.

    It counts from the resource's creation, so that a try goes on where the one before was lost. Where that is over
    before this try begins, the try before has told of it: this one waits its own ``timeout``.

    :param timeout: seconds.
    :param age: of the resource in seconds when this try began (`core.resource.server_clock.age`); None: not known.
    :param begun: when this try began.
    """
    if timeout is None:
        return None
    gone_by = 0.0 if age is None or timed_out_before(timeout, age=age) else age
    return begun - gone_by + timeout


def timed_out_before(timeout: float | None, *, age: float | None) -> bool:
    """Whether the ``timeout`` of a run was over before this try began, which therefore waits its own share."""
    return timeout is not None and age is not None and age >= timeout


def seconds_late(timeout: float | None, outcome: Outcome) -> float:
    """By how many seconds a job that has ended has overstepped its ``timeout``; 0 where it has not, or it is not known.

    Both its beginning and its end are stamps of one clock.
    """
    created = time_or_none(outcome.created)
    if timeout is None or created is None or outcome.since is None:
        return 0.0
    return max(outcome.since - created.timestamp() - timeout, 0.0)


def _reached(outcome: Outcome, goal: Goal) -> bool:
    if goal is Goal.GONE:
        return outcome.gone or (outcome.state is State.REFUSED and outcome.deleted is not None)
    if outcome.state in FINISHED:
        return True
    return goal is Goal.STARTED and outcome.started and outcome.state is not State.UNSEEN


def _waits(outcome: Outcome, deadlines: Deadlines, goal: Goal) -> list[tuple[Verdict, float | None]]:
    """The waits that hold in this state, the most telling first."""
    waits: list[tuple[Verdict, float | None]] = []
    if goal is not Goal.GONE:
        if outcome.state is State.UNSEEN or (_not_started(outcome) and outcome.reason is None):
            waits.append((Verdict.NOT_RECONCILED, deadlines.reconcile_by))
        elif outcome.state is State.RETRYING or _not_started(outcome):
            waits.append((Verdict.STUCK, deadlines.recover_by))
    waits.append((Verdict.TIMED_OUT, deadlines.finish_by))
    if outcome.state is State.UNKNOWN and deadlines.unknown_seconds is not None and (since := _since(outcome)):
        waits.append((Verdict.TIMED_OUT, since + deadlines.unknown_seconds))
    if outcome.state is State.DELETING or goal is Goal.GONE:
        waits.append((Verdict.TIMED_OUT, _deleted_by(outcome, deadlines)))
    waits.append((Verdict.EXECUTION_TIMED_OUT, deadlines.execution_by))
    return waits


def _not_started(outcome: Outcome) -> bool:
    """Whether a controller has put its finalizer there, and SageMaker has nothing yet: it may have died in between."""
    return outcome.state is State.IN_PROGRESS and not outcome.started


def _deleted_by(outcome: Outcome, deadlines: Deadlines) -> float | None:
    if deadlines.deletion_seconds is None:
        return None
    asked = _since(outcome) if outcome.deleted is not None else deadlines.begun
    if asked is None:
        return None
    least = asked if deadlines.begun is None else deadlines.begun + DELETION_GRACE
    return max(asked + deadlines.deletion_seconds, least)


def _since(outcome: Outcome) -> float | None:
    return outcome.stamp if outcome.noted is None else outcome.noted

"""What a try of a batch remembers between two looks, and how long it waits for each execution: small JSON that travels
between worker and triggerer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.server_clock import Moment, ServerClock, age, elapsed
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from airflow_ack_sagemaker.core.resource.times import time_or_none
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Verdict, finish_by

MAX_REASON = 300
"""Characters of a reason in a batch's result, which lives in Airflow's database."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long each execution is waited for, in seconds; None for no end."""

    reconcile: float | None = None
    recover: float | None = None
    whole: float | None = None


@dataclass(slots=True)
class Progress:
    """What a try remembers: which executions it has seen active or has launched, which it has stopped itself, which it
    gave up and why, and the attempt that comes next where the last one does not count. ``ended`` is how those that were
    seen to end have ended, and in which attempt: somebody may delete the resource of one before all have. ``proven``
    are those that are known to run the run's own definition (of the digest ``definition``), whatever becomes of the
    Pipeline later, with the API server's stamp of their creation, which tells them from a later resource of the name;
    and ``confirmed`` those of which SageMaker was asked at their end, too; ``slots`` are the numbers of the executions
    of the list whose digest is ``asked``.

    Times are Unix times of the clock of the process that has it: ``started`` is when the try began, ``launched`` when
    it has launched an execution, ``execution_by`` when the task's ``execution_timeout`` is over, ``told`` when another
    process handed it over, and ``told_server`` the same moment on the API server's clock. ``oldest`` is how many
    seconds ago the run began when the try began: nothing of it is older.
    """

    started: float
    touched: set[int] = field(default_factory=set)
    stopped: set[int] = field(default_factory=set)
    given_up: dict[int, Verdict] = field(default_factory=dict)
    reasons: dict[Verdict, str] = field(default_factory=dict)
    next_attempt: dict[int, int] = field(default_factory=dict)
    ended: dict[int, tuple[int, State]] = field(default_factory=dict)
    definition: str = ""
    proven: dict[int, float] = field(default_factory=dict)
    confirmed: set[int] = field(default_factory=set)
    asked: str = ""
    slots: list[int] = field(default_factory=list)
    launched: dict[int, float] = field(default_factory=dict)
    execution_by: float | None = None
    told: float | None = None
    told_server: float | None = None
    oldest: float | None = None

    @property
    def clock(self) -> ServerClock | None:
        """The API server's clock; None: not known."""
        return None if self.told is None or self.told_server is None else ServerClock(self.told_server - self.told)

    def deadlines_of(self, index: int, outcome: Outcome, waits: Waits) -> Deadlines:
        """How long this execution is waited for: the whole from its creation, the others not from before this try.

        What this try has launched itself counts from then, whatever the API server's clock says.
        """
        begun, created = self.launched.get(index), time_or_none(outcome.created)
        old = 0.0 if begun is not None else None
        if begun is None:
            begun = self.started
            if created is not None:
                old = age(created.timestamp(), begun, self.clock, most=self.oldest)
        return Deadlines(
            reconcile_by=None if waits.reconcile is None else begun + waits.reconcile,
            recover_by=None if waits.recover is None else begun + waits.recover,
            finish_by=finish_by(waits.whole, age=old, begun=begun),
            unknown_seconds=waits.recover,
            begun=self.started,
        )

    def hand_over(self, now: float, clock: ServerClock | None) -> None:
        """Write down when another process is told, perhaps on another machine: it reads that by `read_at`."""
        self.told, self.told_server = now, None if clock is None else clock.now(now)

    @property
    def moment(self) -> Moment | None:
        """When it was handed over; None: never."""
        return None if self.told is None else Moment(self.told, self.told_server)

    def read_at(self, now: float, clock: ServerClock | None = None) -> float:
        """Bring all times to this machine's clock, as `Deadlines.read_at`; by how many seconds they have moved."""
        if self.moment is None:
            return 0.0
        moved = now - elapsed(self.moment, now, clock) - self.moment.local
        self.started += moved
        self.told = self.moment.local + moved
        if self.execution_by is not None:
            self.execution_by += moved
        self.launched = {index: moment + moved for index, moment in self.launched.items()}
        return moved

    def to_dict(self) -> dict[str, Any]:
        """Small JSON for a trigger's arguments and event."""
        by_verdict: dict[str, list[int]] = defaultdict(list)
        for index, verdict in self.given_up.items():
            by_verdict[verdict.value].append(index)
        by_end: dict[tuple[int, State], list[int]] = defaultdict(list)
        for index, end in self.ended.items():
            by_end[end].append(index)
        extra = {
            "next_attempt": {str(index): attempt for index, attempt in self.next_attempt.items()},
            "ended": [[attempt, state.value, to_ranges(indexes)] for (attempt, state), indexes in by_end.items()],
            "definition": self.definition,
            "proven": _by_time(self.proven),
            "confirmed": to_ranges(self.confirmed),
            "asked": self.asked,
            # Most often each execution has the number of its place.
            "slots": [] if self.slots == list(range(len(self.slots))) else self.slots,
            "count": len(self.slots),
            "launched": _by_time(self.launched),
            "execution_by": self.execution_by,
            "told": self.told,
            "told_server": self.told_server,
            "oldest": self.oldest,
        }
        return {
            **{name: value for name, value in extra.items() if value},
            "started": self.started,
            "touched": to_ranges(self.touched),
            "stopped": to_ranges(self.stopped),
            "given_up": {verdict: to_ranges(indexes) for verdict, indexes in by_verdict.items()},
            "reasons": {verdict.value: reason for verdict, reason in self.reasons.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Progress:
        """What `to_dict` wrote."""
        return cls(
            started=data["started"],
            touched=set(from_ranges(data["touched"])),
            stopped=set(from_ranges(data["stopped"])),
            given_up={i: Verdict(verdict) for verdict, text in data["given_up"].items() for i in from_ranges(text)},
            reasons={Verdict(verdict): reason for verdict, reason in data["reasons"].items()},
            next_attempt={int(index): attempt for index, attempt in data.get("next_attempt", {}).items()},
            ended={i: (end[0], State(end[1])) for end in data.get("ended", ()) for i in from_ranges(end[2])},
            definition=data.get("definition", ""),
            proven={i: made for made, text in data.get("proven", ()) for i in from_ranges(text)},
            confirmed=set(from_ranges(data.get("confirmed", ""))),
            asked=data.get("asked", ""),
            slots=list(data.get("slots", ())) or list(range(data.get("count", 0))),
            launched={i: moment for moment, text in data.get("launched", ()) for i in from_ranges(text)},
            execution_by=data.get("execution_by"),
            told=data.get("told"),
            told_server=data.get("told_server"),
            oldest=data.get("oldest"),
        )

    def saw(self, index: int, attempt: int, outcome: Outcome) -> None:
        """Remember the end of an attempt, where it is one that nothing changes any more."""
        if outcome.state in (State.SUCCEEDED, State.FAILED, State.STOPPED):
            self.ended[index] = max((attempt, outcome.state), self.ended.get(index, (0, outcome.state)))

    def end_of(self, index: int, attempt: int) -> State:
        """How an attempt has ended whose resource is not there any more, as far as it was seen. What is known of an
        earlier one says nothing about it.
        """
        seen, state = self.ended.get(index, (0, State.GONE))
        return state if seen >= attempt else State.GONE

    def prove(self, index: int, resource: Resource) -> None:
        """Remember that this resource's execution runs the run's own definition."""
        if (created := fields.created(resource)) is not None:
            self.proven[index] = created.timestamp()

    def is_proven(self, index: int, resource: Resource) -> bool:
        """Whether that is known of this very resource."""
        created = fields.created(resource)
        return created is not None and self.proven.get(index) == created.timestamp()

    def forget(self, index: int) -> None:
        """What is known of an execution is of an attempt that does not count."""
        self.touched.discard(index)
        self.proven.pop(index, None)
        self.ended.pop(index, None)

    def give_up(self, index: int, verdict: Verdict, outcome: Outcome) -> None:
        """Remember an execution that is waited for no longer."""
        self.given_up[index] = verdict
        if outcome.reason:
            self.reasons.setdefault(verdict, outcome.reason[:MAX_REASON])


def to_ranges(numbers: Collection[int]) -> str:
    """Numbers in short: ``0-4,7``."""
    parts: list[list[int]] = []
    for number in sorted(set(numbers)):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def from_ranges(text: str) -> list[int]:
    """What `to_ranges` wrote."""
    numbers: list[int] = []
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        numbers.extend(range(int(first), int(last or first) + 1))
    return numbers


def _by_time(moments: Mapping[int, float]) -> list[tuple[float, str]]:
    """Indexes by their times, in short: many are launched at once."""
    by_time: dict[float, list[int]] = defaultdict(list)
    for index, moment in moments.items():
        by_time[round(moment, 1)].append(index)
    return [(moment, to_ranges(indexes)) for moment, indexes in by_time.items()]

"""The API server's clock, as its own stamps tell it.

Everything that a deadline is counted from is written by the API server: when a resource was made, when its status was
last written. This machine's clock may differ from that one by minutes. The ``Date`` header of an answer is no help: a
proxy between the two may write it. What the server stamps into an object is: when the object was created, and, in
``metadata.managedFields``, when a manager last wrote. A dry run is stamped, too, and changes nothing.

A stamp becomes an `age` here, and what another process has written down becomes seconds that have passed (`elapsed`).
Clocks are wrong and are set right: what lies in the future is not known, and of two ways to tell it the shorter counts,
since a wait that ends too early gives up healthy work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.identity import PREFIX
from airflow_ack_sagemaker.core.resource.times import time_or_none

ANNOTATION_STAMP = f"{PREFIX}/stamp"
"""An annotation of dry runs alone. A new value makes each of them a change, and only a change is stamped."""

_STAMP_SECONDS = 1.0
"""Stamps are whole seconds, cut off: the moment lies within the second that follows."""


@dataclass(frozen=True, slots=True)
class ServerClock:
    """``offset`` is what must be added to this machine's Unix time (seconds) to get the API server's."""

    offset: float = 0.0

    def now(self, local: float) -> float:
        """The API server's time at this machine's ``local`` time."""
        return local + self.offset

    def local(self, server: float) -> float:
        """This machine's time at the API server's ``server`` time."""
        return server - self.offset


def server_clock(stamp: datetime, *, asked: float, answered: float) -> ServerClock:
    """The clock that wrote ``stamp`` into the answer to a request of this process.

    Clocks that differ by no more than the stamp and the request leave open count as the same.

    :param stamp: `created` of an object that was just created, or `stamp_of_write`.
    :param asked: this machine's Unix time (seconds) when the request was sent.
    :param answered: the same when the answer had come.
    """
    least = stamp.timestamp() - answered
    most = stamp.timestamp() + _STAMP_SECONDS - asked
    return ServerClock() if least <= 0 <= most else ServerClock((least + most) / 2)


def stamp_of_write(answer: Mapping[str, Any], *, manager: str = PREFIX) -> datetime | None:
    """When the API server performed a write of ``manager``, by the object that it answered with.

    It is the time of *this* write only where the write has changed something: see `ANNOTATION_STAMP`.
    """
    entries = fields.managed_fields(answer)
    times = (time_or_none(entry.get("time")) for entry in entries if entry.get("manager") == manager)
    return max(filter(None, times), default=None)


NEAR = 60.0
"""Seconds that a handing over from one process to the next may well take. Where this machine's clock tells another
time, two machines' clocks may differ, and the API server's is asked."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was written down, as Unix time: ``local`` on the writer's clock, ``server`` on the API server's
    (None: the writer did not know it).
    """

    local: float
    server: float | None = None

    def doubtful(self, now: float) -> bool:
        """Whether only the API server's clock can tell how long ago it was, and is worth asking."""
        return self.server is not None and not 0 <= now - self.local <= NEAR


def elapsed(since: Moment, now: float, clock: ServerClock | None = None) -> float:
    """Seconds that have passed since a moment; 0 where neither clock makes sense of it.

    :param now: this machine's Unix time (seconds).
    :param clock: the API server's, as this machine has found it; None: not known.
    """
    found = [now - since.local]
    if clock is not None and since.server is not None:
        found.append(_rounded(clock.now(now) - since.server))
    return min((seconds for seconds in found if seconds >= 0), default=0.0)


def age(stamp: float, now: float, clock: ServerClock | None, *, most: float | None = None) -> float | None:
    """How many seconds ago the API server wrote a stamp; None: not known, also where it lies in the future.

    :param stamp: Unix time on the API server's clock.
    :param now: this machine's Unix time (seconds).
    :param most: what it cannot be older than, known from elsewhere. A negative number makes no sense and says nothing.
    """
    if clock is None:
        return None
    seconds = _rounded(clock.now(now) - stamp)
    if seconds < 0:
        return None
    return seconds if most is None or most < 0 else min(seconds, most)


def _rounded(seconds: float) -> float:
    # Within what a stamp leaves open, a moment ahead is now.
    return 0.0 if -2 * _STAMP_SECONDS <= seconds < 0 else seconds

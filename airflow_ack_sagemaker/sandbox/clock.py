"""Time for the sandbox: real timestamps, durations that can be made short.

A step of 20 seconds or a requeue of 30 seconds takes that long divided by ``speed``; what is written down (creation
times, transition times) is the real time, so that clients which compare it with their own clock see nothing odd.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """The real clock, with durations divided by ``speed``.

    :param speed: how many times faster than real time durations pass, above 0 (60 = a minute takes a second).
    :raises ValueError: the speed is not above 0.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"The speed of the sandbox's clock must be above 0, not {speed}.")
        self.speed = speed

    def time(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def now(self) -> datetime:
        """The time as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def shortened(self, seconds: float) -> float:
        """How many seconds of :meth:`time` a duration of ``seconds`` takes."""
        return seconds / self.speed

    def delay(self, due: float) -> float | None:
        """Real seconds until :meth:`time` reaches ``due``; None if only :meth:`ManualClock.advance` ends the wait."""
        return max(0.0, due - self.time())

    def subscribe(self, moved: Callable[[], None]) -> Callable[[], None]:
        """Have ``moved`` called whenever the clock is set by hand (never, here); returns what ends it."""
        return lambda: None


class _Movable(Clock):
    """What the clocks that are set by hand have in common."""

    def __init__(self, speed: float = 1.0) -> None:
        super().__init__(speed)
        self._subscribers: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def subscribe(self, moved: Callable[[], None]) -> Callable[[], None]:
        """Have ``moved`` called after each change by hand, in its thread."""
        with self._lock:
            self._subscribers.append(moved)
        return lambda: self._subscribers.remove(moved)

    def _tell(self) -> None:
        with self._lock:
            subscribers = list(self._subscribers)
        for moved in subscribers:
            moved()


class LateClock(_Movable):
    """The real clock, but slow by weeks until it is moved up: what is made meanwhile becomes the history of a cluster.

    :param start: the time it begins with, seconds since the epoch; from then on it goes like any other.
    :raises ValueError: that lies in the future.
    """

    def __init__(self, start: float, speed: float = 1.0) -> None:
        super().__init__(speed)
        self._behind = time.time() - start
        if self._behind < 0:
            raise ValueError("The sandbox's clock cannot start in the future.")

    def time(self) -> float:
        """Seconds since the epoch, as far as the clock is."""
        return time.time() - self._behind

    def move_to(self, moment: float) -> None:
        """Go on from ``moment``, at most from the real time; a moment that has passed changes nothing."""
        with self._lock:
            self._behind = max(0.0, min(self._behind, time.time() - moment))
        self._tell()


class ManualClock(_Movable):
    """A clock that stands still until it is moved, for tests of what happens after 30 or 60 seconds."""

    def __init__(self, start: float | None = None) -> None:
        super().__init__()
        self._time = time.time() if start is None else start

    def time(self) -> float:
        """Seconds since the epoch, as far as the clock was moved."""
        return self._time

    def delay(self, due: float) -> float | None:
        """0 when ``due`` is reached, None when the clock has to be moved first."""
        return 0.0 if due <= self._time else None

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        with self._lock:
            self._time += seconds
        self._tell()

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


class ManualClock(Clock):
    """A clock that stands still until it is moved, for tests of what happens after 30 or 60 seconds."""

    def __init__(self, start: float | None = None) -> None:
        super().__init__()
        self._time = time.time() if start is None else start
        self._subscribers: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def time(self) -> float:
        """Seconds since the epoch, as far as the clock was moved."""
        return self._time

    def delay(self, due: float) -> float | None:
        """0 when ``due`` is reached, None when the clock has to be moved first."""
        return 0.0 if due <= self._time else None

    def subscribe(self, moved: Callable[[], None]) -> Callable[[], None]:
        """Have ``moved`` called after each :meth:`advance`, in its thread."""
        with self._lock:
            self._subscribers.append(moved)
        return lambda: self._subscribers.remove(moved)

    def advance(self, seconds: float) -> None:
        """Move the clock forward."""
        with self._lock:
            self._time += seconds
            subscribers = list(self._subscribers)
        for moved in subscribers:
            moved()

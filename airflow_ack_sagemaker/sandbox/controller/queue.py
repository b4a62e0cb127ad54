"""The work queue of one kind: each resource once at a time, requeues and back-off on the sandbox's clock."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from contextlib import suppress
from dataclasses import dataclass

from airflow_ack_sagemaker.sandbox.clock import Clock
from airflow_ack_sagemaker.sandbox.controller.reconcile import Again

FIRST_BACKOFF_SECONDS = 0.005
MAX_BACKOFF_SECONDS = 1000.0

Name = tuple[str, str]
"""Namespace and name."""


def backoff(failures: int) -> float:
    """Seconds until the next try after so many failures in a row (1, 2, ...): doubled each time, at most 1000.

    It is controller-runtime's: 5 ms, 10 ms, 20 ms, ... so that a refusal is seen eight times within the first second.
    """
    return min(FIRST_BACKOFF_SECONDS * 2.0 ** min(failures - 1, 20), MAX_BACKOFF_SECONDS)


@dataclass(frozen=True, slots=True)
class Item:
    """A resource to look at; ``changed``: because it was changed, not because of the time."""

    name: Name
    changed: bool


class Queue:
    """The queue; to be used in one event loop, but for `idle`, which any thread may ask."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._ready: dict[Name, bool] = {}
        """What is to be looked at now, in order, and whether it was changed."""
        self._busy: dict[Name, bool] = {}
        """What is being looked at, and whether it was changed meanwhile."""
        self._later: list[tuple[float, int, Name]] = []
        self._due: dict[Name, int] = {}
        """The number of the one entry of ``_later`` that counts for each."""
        self._failures: dict[Name, int] = {}
        self._lock = threading.Lock()
        """Held while a resource goes from one of these to another, between which it is in none."""
        self._numbers = itertools.count()
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.close = clock.subscribe(self._moved)

    def _moved(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    @property
    def idle(self) -> bool:
        """Whether nothing is being looked at and nothing is due."""
        with self._lock:
            due = bool(self._later) and self._later[0][0] <= self.clock.time()
            return not (self._ready or self._busy or due)

    def add(self, name: Name) -> None:
        """Look at a resource as soon as possible, because it was changed."""
        if name in self._busy:
            self._busy[name] = True
            return
        self._ready[name] = True
        self._wake.set()

    async def take(self) -> Item:
        """The next resource; :meth:`done` has to follow."""
        while True:
            delay = self._collect()
            if self._ready:
                name = next(iter(self._ready))
                with self._lock:
                    changed = self._ready.pop(name)
                    self._due.pop(name, None)
                    self._busy[name] = False
                return Item(name, changed)
            self._wake.clear()
            # Not asyncio.wait_for, which in Python 3.11 loses a cancellation that comes together with the waking.
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._wake.wait()

    def _collect(self) -> float | None:
        """Move what is due to the ready ones; gives the seconds until the next is due."""
        now = self.clock.time()
        while self._later:
            due, number, name = self._later[0]
            if self._due.get(name) == number:
                if due > now:
                    return self.clock.delay(due)
                del self._due[name]
                self._ready.setdefault(name, False)
            with self._lock:
                heapq.heappop(self._later)
        return None

    def done(self, item: Item, again: Again) -> None:
        """The resource was looked at; look again as asked for, or at once if it has changed meanwhile."""
        with self._lock:
            changed = self._busy.pop(item.name)
            if again.failed and again.seconds is None:
                self._failures[item.name] = self._failures.get(item.name, 0) + 1
                seconds: float | None = backoff(self._failures[item.name])
            else:
                self._failures.pop(item.name, None)
                seconds = again.seconds
            if changed:
                self._ready[item.name] = True
                self._wake.set()
            elif seconds is not None:
                number = next(self._numbers)
                self._due[item.name] = number
                heapq.heappush(self._later, (self.clock.time() + self.clock.shortened(seconds), number, item.name))
                self._wake.set()

"""Responses that many want at once and that are asked for once."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

ERROR_SECONDS = 10.0
"""How long a failure is remembered: a hundred viewers of what cannot be read are one request in that time."""


class NotYet(Exception):
    """The answer is being fetched. Ask again later."""

    def __init__(self) -> None:
        super().__init__("The answer is being fetched. Look again in a moment.")


class SingleFlight(Generic[T]):
    """A bounded memory of answers by key. Two callers who ask for the same wait for one answer.

    :param size: answers that are kept; what was not wanted for the longest time goes first.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: OrderedDict[Hashable, tuple[float, T | None, Exception | None]] = OrderedDict()
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    async def get(
        self,
        key: Hashable,
        fetch: Callable[[], Awaitable[T]],
        *,
        seconds: float,
        wait_seconds: float = 5.0,
    ) -> T:
        """The answer, from memory where it is not older than asked.

        :param fetch: asks; whatever it raises is remembered for some seconds.
        :param seconds: how long an answer that is fetched now holds.
        :param wait_seconds: seconds to wait for it. After them an outdated answer is better than none.
        :raises NotYet: there is none in that time.
        """
        known = self._known.get(key)
        if known is not None and known[0] > time.monotonic():
            self._known.move_to_end(key)
            return _told(known)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.get_running_loop().create_task(self._fetch(key, fetch, seconds))
            # Its caller may have gone. Then asyncio would complain about an error that nobody has looked at.
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        # One caller's cancellation does not end it: others may wait, too.
        done, _ = await asyncio.wait({task}, timeout=wait_seconds)
        if done:
            return task.result()
        if known is not None and known[2] is None:
            return _told(known)
        raise NotYet

    async def _fetch(self, key: Hashable, fetch: Callable[[], Awaitable[T]], seconds: float) -> T:
        try:
            value = await fetch()
        except Exception as error:
            self._keep(key, (time.monotonic() + ERROR_SECONDS, None, error))
            raise
        else:
            self._keep(key, (time.monotonic() + seconds, value, None))
            return value
        finally:
            del self._running[key]

    def _keep(self, key: Hashable, known: tuple[float, T | None, Exception | None]) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > self._size:
            self._known.popitem(last=False)


def _told(known: tuple[float, T | None, Exception | None]) -> T:
    _, value, error = known
    if error is not None:
        raise error.with_traceback(None)
    return value  # type: ignore[return-value]


class Pace:
    """A minimum of seconds between the beginnings of two requests, for all callers together."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    async def turn(self) -> None:
        """Wait for one's turn."""
        now = time.monotonic()
        turn = max(now, self._next)
        self._next = turn + self._seconds
        if turn > now:
            await asyncio.sleep(turn - now)

"""A clock that sleeping moves, so that minutes of following take no time."""

from __future__ import annotations

import asyncio


class Clock:
    """Calling it tells the time in seconds; ``pauses`` are those that were slept."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Time passes at once."""
        self.pauses.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        """As `sleep`, but others get their turn."""
        self.sleep(seconds)
        await asyncio.sleep(0)

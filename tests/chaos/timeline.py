"""What something was, and when: an edit takes a moment, in which it may be either."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Timeline(Generic[T]):
    """The values that something has had, with the times (seconds since the epoch) at which each came into force."""

    def __init__(self, value: T) -> None:
        self._changes = [(0.0, 0.0, value)]

    @property
    def now(self) -> T:
        """The newest value."""
        return self._changes[-1][2]

    @contextmanager
    def becoming(self, value: T) -> Iterator[None]:
        """Change it inside the block; whoever looks meanwhile may see either value, also when the change fails."""
        begun, before = time.time(), self.now
        self._changes.append((begun, float("inf"), value))
        try:
            yield
        except BaseException:
            now = time.time()
            self._changes[-1:] = [(begun, now, value), (now, now, before)]
            raise
        self._changes[-1] = (begun, time.time(), value)

    def between(self, first: float, last: float) -> list[T]:
        """The values that somebody who looked between two times may have seen."""
        ends = [end for _, end, _ in self._changes[1:]] + [float("inf")]
        return [
            value
            for (begun, _, value), replaced in zip(self._changes, ends, strict=True)
            if begun <= last and first <= replaced
        ]

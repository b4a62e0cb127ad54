"""When the next thing happens: by chance, and never so fast that nothing gets done."""

from __future__ import annotations

import random
import time
from collections.abc import Callable


class Pace:
    """Something is due after a pause, drawn anew each time, and once the work has got on by some steps.

    On a machine that does other work as well, steps are what keeps faults from coming faster than runs recover.

    :param pause: seconds, at least and at most.
    :param progress: counts the steps of the work, from whenever.
    :param steps: how many of them there are between two things.
    """

    def __init__(
        self,
        chance: random.Random,
        pause: tuple[float, float],
        progress: Callable[[], int] = lambda: 0,
        steps: int = 0,
    ) -> None:
        self._random = chance
        self._pause = pause
        self._progress = progress
        self._steps = steps
        self.next()

    @property
    def due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._next and self._progress() >= self._enough

    def next(self) -> None:
        """Draw when the next one is due."""
        self._next = time.monotonic() + self._random.uniform(*self._pause)
        self._enough = self._progress() + self._steps

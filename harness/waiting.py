"""Wait for a condition with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_BUSY = 4
"""A machine that does other work is so many times slower. A deadline ends what hangs; it says nothing about speed."""

HUNG = 1_200.0
"""Seconds after which what another process does has hung for sure, however busy the machine is."""


def wait_until(
    condition: Callable[[], T | None], timeout: float, what: Callable[[], str] | str, every: float = 0.2
) -> T:
    """Return the first true value of `condition`, asked every `every` seconds until it has hung for sure.

    `timeout` is how many seconds a quiet machine may take; a busy one gets `_BUSY` times as many. `HUNG` and more
    are what a busy one may take.

    Raises TimeoutError with `what` (a text, or a function that describes where things stand).
    """
    if timeout < HUNG:
        timeout *= _BUSY
    deadline = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what if isinstance(what, str) else what()}")
        time.sleep(every)

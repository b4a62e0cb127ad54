"""Wait for a condition with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T | None], timeout: float, what: Callable[[], str] | str, every: float = 0.2
) -> T:
    """Return the first true value of `condition`, asked every `every` seconds for at most `timeout` seconds.

    Raises TimeoutError with `what` (a text, or a function that describes where things stand).
    """
    deadline = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what if isinstance(what, str) else what()}")
        time.sleep(every)

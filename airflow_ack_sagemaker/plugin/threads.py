"""The threads for what would hold up the event loop: few, and none of Airflow's.

Airflow's own routes share forty threads. A hundred viewers of ours would take them all, each to wait for one of the few
connections to Airflow's database, and Airflow's users with them. And of all threads that compute, Python lets one at a
time: each further one takes a share of the event loop's time and makes nothing faster.

The event loop gives the interpreter away at each read of a socket or of Airflow's database, and then waits for it
again, as long as Python's switch interval for each thread that computes: 5 ms, some ten times for each request of
anybody. So that is a tenth of it while a thread of ours is at work (docs/benchmarks.md).
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_short = ThreadPoolExecutor(2, thread_name_prefix="ack-sagemaker")
_long = ThreadPoolExecutor(1, thread_name_prefix="ack-sagemaker-long")

SWITCH_SECONDS = 0.0005
"""How long a thread that computes keeps the interpreter from the others while one of ours is at work."""


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What some milliseconds of work give. What waits for another server has no place here: it would hold up all
    pages.
    """
    return await _run(_short, partial(work, *args, **kwargs))


async def in_turn(work: Callable[[], T]) -> T:
    """What work gives whose length somebody else's data decide, when no other such work is being done."""
    return await _run(_long, work)


async def _run(threads: Executor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, partial(copy_context().run, giving_way, work))


class _Switching:
    """Python's switch interval, shorter from the first thread that begins until the last has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_work = 0
        self._before = self._ours = 0.0

    def begin(self) -> None:
        with self._lock:
            self._at_work += 1
            if self._at_work == 1:
                self._before = self._ours = sys.getswitchinterval()
                if self._before > SWITCH_SECONDS:
                    sys.setswitchinterval(SWITCH_SECONDS)
                    self._ours = sys.getswitchinterval()

    def end(self) -> None:
        with self._lock:
            self._at_work -= 1
            # What somebody has set meanwhile stays.
            if not self._at_work and sys.getswitchinterval() == self._ours != self._before:
                sys.setswitchinterval(self._before)


_switching = _Switching()


def giving_way(work: Callable[[], T]) -> T:
    """Work of a thread, while which the others get the interpreter sooner."""
    _switching.begin()
    try:
        return work()
    finally:
        _switching.end()

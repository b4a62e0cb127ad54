"""Ctrl-C that Python would lose."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SECONDS = 0.05


@contextmanager
def no_interrupt_lost() -> Iterator[None]:
    """Within it Ctrl-C counts, too, that comes while Python throws a generator away: it prints such an exception and
    goes on. httpx's streams are generators, and one ends so with each watch.
    """
    before, sys.unraisablehook = sys.unraisablehook, _send_again
    try:
        yield
    finally:
        sys.unraisablehook = before


def _send_again(lost: sys.UnraisableHookArgs) -> None:
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
    elif (main := threading.main_thread().ident) is not None:
        # Later: what is raised within this hook is lost as well.
        timer = threading.Timer(_SECONDS, signal.pthread_kill, (main, signal.SIGINT))
        timer.daemon = True
        timer.start()

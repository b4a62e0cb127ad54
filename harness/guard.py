"""Run one command as a container would: when this process ends, everything that the command started is gone.

    python guard.py GRACE_SECONDS COMMAND ARGUMENT...

Airflow's parts start workers, supervisors, parsers and tasks, some in their own sessions; killing the part leaves them
behind. This process adopts such orphans (Linux: it is a child subreaper) and ends them all

- when the command has ended (exit code: the command's; 128 + N after signal N),
- on SIGTERM or SIGINT: SIGTERM for the command, GRACE_SECONDS later SIGKILL for everything,
- on SIGQUIT: SIGKILL for everything at once, as a node that dies,
- when standard input closes: whoever started it is gone, by `kill -9` perhaps; as on SIGQUIT.

It imports nothing of the project and of Airflow, so that it starts in milliseconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import socket
import subprocess
import sys
import time

import psutil

_PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reap() -> dict[int, int]:
    """Collect every child that has ended: process id -> exit code as `subprocess` counts it."""
    ended: dict[int, int] = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            ended[pid] = os.waitstatus_to_exitcode(status)
    return ended


def _end_descendants() -> None:
    """Kill until nothing is left: a process may fork between the listing and its kill."""
    while children := psutil.Process().children(recursive=True):
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(children, timeout=0.2)
        _reap()


def run(command: list[str], grace: float) -> int:
    """Run `command` until it, or whoever wants it, has ended; return the exit code to report."""
    _adopt_orphans()
    wake_read, wake_write = socket.socketpair()
    wake_read.setblocking(False)
    wake_write.setblocking(False)
    signal.set_wakeup_fd(wake_write.fileno())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)

    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    deadline: float | None = None
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        selector.register(wake_read, selectors.EVENT_READ)
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return 128 + signal.SIGKILL
            ready = {key.fd for key, _ in selector.select(left)}
            received = wake_read.recv(4096) if wake_read.fileno() in ready else b""
            ended = _reap()
            if child.pid in ended:
                code = ended[child.pid]
                child.returncode = code
                return code if code >= 0 else 128 - code
            abandoned = sys.stdin.fileno() in ready and not os.read(sys.stdin.fileno(), 4096)
            if abandoned or signal.SIGQUIT in received:
                return 128 + signal.SIGKILL
            asked = signal.SIGTERM in received or signal.SIGINT in received
            if asked and deadline is None:
                deadline = time.monotonic() + grace
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGTERM)


if __name__ == "__main__":
    try:
        exit_code = run(sys.argv[2:], float(sys.argv[1]))
    finally:
        signal.set_wakeup_fd(-1)  # its socket is gone; the handlers stay, nothing interrupts the end
        _end_descendants()
    sys.exit(exit_code)

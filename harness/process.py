"""One guarded process: what it starts ends with it, and it ends with us."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from harness.waiting import wait_until

_GUARD = Path(__file__).with_name("guard.py")


class ProcessEnded(Exception):
    """The process ended although it was expected to run; the message carries the end of its output."""


class GuardedProcess:
    """A command under `guard.py`, its output in a file.

    `name` is how messages call it, `started` the time of its start in seconds since 1970, `grace` the time in seconds
    between SIGTERM and SIGKILL.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], output: Path, grace: float = 10.0
    ) -> None:
        self.name = name
        self.output = output
        self.started = time.time()
        self._grace = grace
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("ab") as stream:
            self._guard = subprocess.Popen(
                [sys.executable, str(_GUARD), str(grace), *command],
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,  # a Ctrl-C is for us, we end it in order
            )

    @property
    def running(self) -> bool:
        """Whether the command still runs."""
        return self._guard.poll() is None

    def check(self) -> None:
        """Raise ProcessEnded if it has ended."""
        code = self._guard.poll()
        if code is not None:
            raise ProcessEnded(f"{self.name} ended with exit code {code}. The end of its output:\n{self.tail()}")

    def tail(self, lines: int = 30) -> str:
        """The last lines of its output."""
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-lines:])

    def processes(self) -> list[psutil.Process]:
        """The command's processes, all generations, the command itself first; the guard is not among them."""
        try:
            return psutil.Process(self._guard.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def send_signal(self, number: int) -> None:
        """Send a signal to all its processes (SIGSTOP and SIGCONT: a machine that hangs and comes back)."""
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def ask_to_stop(self, number: int = signal.SIGTERM) -> None:
        """SIGTERM asks the command; SIGKILL ends it and all that it started at once. Does not wait."""
        if self.running:
            self._guard.send_signal(signal.SIGQUIT if number == signal.SIGKILL else number)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Like `ask_to_stop`, and wait until nothing of it is left."""
        self.ask_to_stop(number)
        wait_until(
            lambda: not self.running, self._grace + 60, f"the end of all that {self.name} has started", every=0.02
        )
        if self._guard.stdin is not None:
            self._guard.stdin.close()

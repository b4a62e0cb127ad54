"""The one base of all servers that are started here: under a guard, awaited at the start, gone at the end."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from harness.environment import clean_environment
from harness.process import GuardedProcess
from harness.waiting import wait_until


class NotInstalled(Exception):
    """A server's program is not on this machine; the message says what to do."""


class Servers(ABC):
    """Processes that belong together, each under a guard of its own; a context manager. Any thread may call.

    A subclass says which parts there are (`names`), how one is started (`_command`) and when it does its work
    (`_is_ready`). What a part prints is in `folder/output/<part>.log`.

    :param folder: where their files are. Without it a temporary one is made at the start and removed at the end.
    """

    names: ClassVar[Sequence[str]]
    """The parts, in the order of their start."""
    ready_within: ClassVar[float] = 300.0
    """Seconds; many times what it takes, since the machine may be busy."""
    asked_every: ClassVar[float] = 0.1
    """Seconds between two looks whether a part is ready."""
    ended_by: ClassVar[int] = signal.SIGTERM
    """The signal at the end; SIGKILL where nothing is worth saving."""

    def __init__(self, folder: Path | None = None) -> None:
        self._parts: dict[str, GuardedProcess] = {}
        self._lock = threading.RLock()
        self._folder = folder.resolve() if folder is not None else None
        self._temporary = folder is None
        self._prepared = False

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # What a subclass says

    def _prepare(self) -> None:  # noqa: B027
        """What has to be there before the first part is started; done once."""

    @abstractmethod
    def _command(self, name: str) -> Sequence[str]:
        """The command line of a part."""

    def _environment(self) -> Mapping[str, str]:
        """The variables of all parts."""
        return clean_environment(self.folder / "home")

    @abstractmethod
    def _is_ready(self, name: str) -> bool:
        """Whether a part, which runs, does its work by now."""

    # What all of them can do

    @property
    def folder(self) -> Path:
        """Where their files are.

        :raises RuntimeError: it is a temporary one, and nothing was started.
        """
        if self._folder is None:
            raise RuntimeError(f"{type(self).__name__} was not started")
        return self._folder

    def prepare(self) -> None:
        """Make what has to be there before the first part is started, once."""
        with self._lock:
            if not self._prepared:
                if self._folder is None:
                    # Not in pytest's folder: only root may enter that, and not every server runs as root.
                    self._folder = Path(tempfile.mkdtemp(prefix=f"{type(self).__name__.lower()}-"))
                self._prepare()
                self._prepared = True

    def start(self, *names: str) -> None:
        """Start parts (default: all) that do not run, without waiting until they are ready."""
        with self._lock:
            self.prepare()
            for name in names or self.names:
                if name not in self._parts or not self._parts[name].running:
                    output = self.folder / "output" / f"{name}.log"
                    self._parts[name] = GuardedProcess(name, self._command(name), self._environment(), output)

    def ready(self, *names: str) -> bool:
        """Whether parts (default: all that were started) do their work. Raises ProcessEnded when one has ended."""
        with self._lock:
            wanted = names or tuple(self._parts)
            for name in wanted:
                self._parts[name].check()
            return all(self._is_ready(name) for name in wanted)

    def wait_ready(self, *names: str, timeout: float | None = None) -> None:
        """Wait until parts (default: all that were started) do their work.

        :raises ProcessEnded: one has ended instead.
        :raises TimeoutError: it has taken too long.
        """
        wait_until(
            lambda: self.ready(*names),
            timeout or self.ready_within,
            lambda: f"{', '.join(names or self._parts)} to be ready:\n{self.output()}",
            every=self.asked_every,
        )

    def part(self, name: str) -> GuardedProcess:
        """The process of a part that was started: `.processes()`, `.send_signal(SIGSTOP)`, `.tail()`."""
        return self._parts[name]

    def output(self, lines: int = 30) -> str:
        """The end of what each part printed."""
        return "\n".join(f"--- {name}\n{process.tail(lines)}" for name, process in self._parts.items())

    def stop(self, *names: str, number: int = signal.SIGTERM) -> None:
        """End parts and wait until nothing of them is left: SIGTERM as a restart does, SIGKILL as a lost node does.

        Ten seconds after SIGTERM whatever is left is killed.
        """
        with self._lock:
            for name in names:
                self._parts[name].ask_to_stop(number)
            for name in names:
                self._parts[name].stop(number)

    def close(self) -> None:
        """End everything; harmless when not started."""
        with self._lock:
            self.stop(*self._parts, number=self.ended_by)
            if self._temporary and self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder, self._prepared = None, False


_lock = threading.Lock()
_register: int | None = None
"""An open file; who has locked the byte of a number has the port of this number, for as long as the process lives."""
_given: set[int] = set()


def free_ports(count: int) -> list[int]:
    """TCP ports of the loopback interface that nothing listens on.

    Whatever else on this machine asks here, side by side, gets others: a server may take long until it listens.
    """
    global _register
    probes: list[socket.socket] = []
    ports: list[int] = []
    with _lock:
        if _register is None:
            path = Path(tempfile.gettempdir(), f"airflow-ack-sagemaker-ports-{os.getuid()}")
            _register = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            while len(ports) < count:
                probes.append(socket.socket())
                probes[-1].bind(("127.0.0.1", 0))
                port = probes[-1].getsockname()[1]
                if port not in _given and _reserved(_register, port):
                    _given.add(port)
                    ports.append(port)
        finally:
            for probe in probes:
                probe.close()
    return ports


def _reserved(register: int, port: int) -> bool:
    try:
        fcntl.lockf(register, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except (BlockingIOError, PermissionError):  # another process has it
        return False
    return True


def free_port() -> int:
    """A TCP port of the loopback interface that nothing listens on."""
    return free_ports(1)[0]

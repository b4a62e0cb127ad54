"""A Redis of one's own on loopback, without persistence: the queue of an Airflow whose tasks run on several workers."""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path
from typing import Self

from harness.airflow_processes import free_port
from harness.environment import clean_environment
from harness.process import GuardedProcess
from harness.waiting import wait_until


class NoRedis(Exception):
    """Redis's server is not installed; the message says what to do."""


class Redis:
    """A server with an empty database; a context manager. ``url`` is its address as Celery writes it.

    :raises NoRedis: at the start, when it is not installed.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = Path()
        self._process: GuardedProcess | None = None

    def __enter__(self) -> Self:
        program = shutil.which("redis-server")
        if program is None:
            raise NoRedis("Redis is not installed. On Debian and Ubuntu: make system")
        self._folder = Path(tempfile.mkdtemp(prefix="redis-"))
        settings = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": self._folder}
        arguments = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
        self._process = GuardedProcess(
            "Redis", [program, *arguments], clean_environment(self._folder / "home"), self._folder / "output.log"
        )
        try:
            wait_until(self._answers, 30.0, lambda: "Redis to be ready:\n" + self._tail(), every=0.05)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        assert self._process is not None
        self._process.check()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def _tail(self) -> str:
        return self._process.tail() if self._process is not None else ""

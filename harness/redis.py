"""A Redis of one's own on loopback, without persistence: the queue of an Airflow whose tasks run on several workers."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Sequence

from harness.servers import NotInstalled, Servers, free_port


class Redis(Servers):
    """A server with an empty database; a context manager. `url` is its address as Celery writes it.

    :raises NotInstalled: at the start.
    """

    names = ("redis",)

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def _command(self, name: str) -> Sequence[str]:
        program = shutil.which("redis-server")
        if program is None:
            raise NotInstalled("Redis is not installed. On Debian and Ubuntu: make system")
        settings = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": self.folder}
        return [program, *(part for option, value in settings.items() for part in (f"--{option}", str(value)))]

    def _is_ready(self, name: str) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

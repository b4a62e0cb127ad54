"""A PostgreSQL of one's own on loopback: Airflow's processes write at once, which SQLite makes wait for each other."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import psycopg2

from harness.airflow_processes import free_port
from harness.environment import clean_environment
from harness.process import GuardedProcess
from harness.waiting import wait_until

USER = "airflow"
_DEBIAN = Path("/usr/lib/postgresql")
# PostgreSQL refuses to run as root; Debian's package makes this user.
_UNPRIVILEGED = "postgres"


class NoPostgreSQL(Exception):
    """PostgreSQL's server is not installed; the message says what to do."""


def programs() -> Path:
    """The folder with ``initdb`` and ``postgres``: that of PATH, else the newest of Debian's.

    :raises NoPostgreSQL: there is none.
    """
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parents[1].name))
    if not versions:
        raise NoPostgreSQL("PostgreSQL is not installed. On Debian and Ubuntu: make system")
    return versions[-1].parent


class PostgreSQL:
    """A server with an empty cluster in a temporary folder; a context manager.

    ``url(database)`` is SQLAlchemy's address of a database, which :meth:`create` makes.

    :raises NoPostgreSQL: at the start, when it is not installed.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self._password = secrets.token_hex(16)
        self._folder = Path()
        self._process: GuardedProcess | None = None

    def __enter__(self) -> Self:
        binaries = programs()
        # Not in pytest's folder: only root may enter that, and the server is not root.
        self._folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        try:
            self._start(binaries)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """SQLAlchemy's address of a database."""
        return f"postgresql+psycopg2://{USER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, template: str = "template1") -> str:
        """Make a database, a copy of another one if asked for; its address."""
        with contextlib.closing(self._connect()) as connection:
            connection.autocommit = True
            connection.cursor().execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    def _connect(self) -> psycopg2.extensions.connection:
        return psycopg2.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self._password, dbname="postgres", connect_timeout=5
        )

    def _start(self, binaries: Path) -> None:
        data, secret = self._folder / "data", self._folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        environment = clean_environment(self._folder / "home")
        command: list[str] = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam(_UNPRIVILEGED)
            for path in (self._folder, secret, self._folder / "home"):
                os.chown(path, owner.pw_uid, owner.pw_gid)
            command = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", "--"]
        subprocess.run(
            [
                *command,
                str(binaries / "initdb"),
                f"--pgdata={data}",
                f"--username={USER}",
                f"--pwfile={secret}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                # The data need not outlive the tests.
                "--no-sync",
            ],
            env=environment,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": 300,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        self._process = GuardedProcess(
            "PostgreSQL",
            [*command, str(binaries / "postgres"), "-D", str(data), *(f"--{key}={settings[key]}" for key in settings)],
            environment,
            self._folder / "output.log",
        )

        def ready() -> bool:
            assert self._process is not None
            self._process.check()
            with contextlib.suppress(psycopg2.OperationalError):
                self._connect().close()
                return True
            return False

        wait_until(ready, 60.0, lambda: "PostgreSQL to be ready:\n" + (self._process.tail() if self._process else ""))

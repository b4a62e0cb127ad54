"""A PostgreSQL of one's own on loopback: Airflow's processes write at once, which SQLite makes wait for each other."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg2

from harness.servers import NotInstalled, Servers, free_port

USER = "airflow"
_DEBIAN = Path("/usr/lib/postgresql")
# PostgreSQL refuses to run as root; Debian's package makes this user.
_UNPRIVILEGED = "postgres"


def programs() -> Path:
    """The folder with `initdb` and `postgres`: that of PATH, else the newest of Debian's.

    :raises NotInstalled: there is none.
    """
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parents[1].name))
    if not versions:
        raise NotInstalled("PostgreSQL is not installed. On Debian and Ubuntu: make system")
    return versions[-1].parent


class PostgreSQL(Servers):
    """A server with an empty cluster; a context manager.

    `url(database)` is SQLAlchemy's address of a database, which `create` makes.

    :param address: the interface that it listens on. Who comes from elsewhere needs the password as well.
    :raises NotInstalled: at the start.
    """

    names = ("postgresql",)

    def __init__(self, address: str = "127.0.0.1") -> None:
        super().__init__()
        self.address = address
        self.port = free_port()
        self._password = secrets.token_hex(16)

    def url(self, database: str) -> str:
        """SQLAlchemy's address of a database."""
        return f"postgresql+psycopg2://{USER}:{self._password}@{self.address}:{self.port}/{database}"

    def create(self, database: str, template: str = "template1") -> str:
        """Make a database, a copy of another one if asked for; its address."""
        with contextlib.closing(self._connect()) as connection:
            connection.autocommit = True
            connection.cursor().execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    def _connect(self) -> psycopg2.extensions.connection:
        return psycopg2.connect(
            host=self.address,
            port=self.port,
            user=USER,
            password=self._password,
            dbname="postgres",
            connect_timeout=30,
        )

    def _as_its_user(self, program: str, *arguments: str) -> Sequence[str]:
        command = [str(programs() / program), "-D", str(self.folder / "data"), *arguments]
        if os.geteuid() != 0:
            return command
        owner = pwd.getpwnam(_UNPRIVILEGED)
        return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", "--", *command]

    def _prepare(self) -> None:
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        environment = self._environment()
        if os.geteuid() == 0:
            owner = pwd.getpwnam(_UNPRIVILEGED)
            for path in (self.folder, secret, Path(environment["HOME"])):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        subprocess.run(
            self._as_its_user(
                "initdb",
                f"--username={USER}",
                f"--pwfile={secret}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                # The data need not outlive the tests.
                "--no-sync",
            ),
            env=environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all all scram-sha-256\n")

    def _command(self, name: str) -> Sequence[str]:
        settings = {
            "port": self.port,
            "listen_addresses": self.address,
            "unix_socket_directories": "",
            "max_connections": 300,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        return self._as_its_user("postgres", *(f"--{option}={value}" for option, value in settings.items()))

    def _is_ready(self, name: str) -> bool:
        with contextlib.suppress(psycopg2.OperationalError):
            self._connect().close()
            return True
        return False

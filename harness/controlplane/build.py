"""The binaries of a control plane: built once from the Go module beside this file, then kept in the cache.

`CONTROLPLANE_BIN` names a folder that already holds `etcd` and `kube-apiserver`; then nothing is built.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness.environment import cache_folder

_SOURCES = Path(__file__).resolve().parent
_VERSION_PACKAGE = "k8s.io/component-base/version"


class NoControlPlane(Exception):
    """A control plane cannot be had here; the message says what is missing."""


def _go_version() -> str:
    go = shutil.which("go")
    if go is None:
        raise NoControlPlane(
            "kube-apiserver is built with Go, which is not on PATH: install Go, or give the tests a cluster of their "
            "own with make test KUBECONFIG=path."
        )
    return subprocess.run([go, "env", "GOVERSION"], cwd=_SOURCES, capture_output=True, text=True, check=True).stdout


def binaries() -> Path:
    """The folder with `etcd` and `kube-apiserver`; builds them (10 minutes) when the cache does not hold them.

    :raises NoControlPlane: Go is missing, or the build fails.
    """
    if given := os.environ.get("CONTROLPLANE_BIN"):
        return Path(given)
    digest = hashlib.sha256(_go_version().encode())
    for source in sorted(path for path in _SOURCES.rglob("*") if path.name in ("go.mod", "go.sum", "main.go")):
        digest.update(source.relative_to(_SOURCES).as_posix().encode() + b"\0" + source.read_bytes())
    parent = cache_folder("controlplane")
    folder = parent / digest.hexdigest()[:16]
    with (parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=parent) as unfinished:
                _build(Path(unfinished))
                shutil.copytree(unfinished, f"{folder}.new", dirs_exist_ok=True)
            Path(f"{folder}.new").rename(folder)
    return folder


def _build(target: Path) -> None:
    version = next(line.split()[-1] for line in _go_mod() if "k8s.io/kubernetes v" in line)
    major, minor, _ = version.removeprefix("v").split(".")
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = " ".join(["-s -w", *(f"-X {_VERSION_PACKAGE}.{name}={value}" for name, value in stamps.items())])
    for name in ("etcd", "kube-apiserver"):
        print(f"building {name} (once; kube-apiserver takes some 10 minutes)", flush=True)
        command = ["go", "build", "-mod=readonly", "-ldflags", flags, "-o", str(target / name), f"./cmd/{name}"]
        environment = {**os.environ, "CGO_ENABLED": "0"}
        done = subprocess.run(command, cwd=_SOURCES, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoControlPlane(f"{name} does not build: {done.stderr.strip()[-2000:]}")


def _go_mod() -> list[str]:
    return (_SOURCES / "go.mod").read_text().splitlines()

"""The binaries of a control plane: built once from the Go module beside this file, then kept in the cache.

`CONTROLPLANE_BIN` names a folder that already holds `etcd` and `kube-apiserver`; then nothing is built.
`CONTROLPLANE_KUBERNETES` names an older minor version that has module files here (`1.34` for `1.34.mod`); without it
the version is that of `go.mod`. etcd is always of `go.mod`.
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
    module = _module()
    digest = hashlib.sha256(_go_version().encode())
    for source in sorted(path for path in _SOURCES.rglob("*") if path.name in ("go.mod", "go.sum", "main.go")):
        digest.update(source.relative_to(_SOURCES).as_posix().encode() + b"\0" + source.read_bytes())
    if module.name != "go.mod":
        digest.update(module.read_bytes() + module.with_suffix(".sum").read_bytes())
    parent = cache_folder("controlplane")
    folder = parent / digest.hexdigest()[:16]
    # One for each version: who needs the one that is there does not wait until another is built.
    with (parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=parent) as unfinished:
                _build(Path(unfinished), module)
                shutil.copytree(unfinished, f"{folder}.new", dirs_exist_ok=True)
            Path(f"{folder}.new").rename(folder)
    return folder


def _module() -> Path:
    minor = os.environ.get("CONTROLPLANE_KUBERNETES", "")
    module = _SOURCES / (f"{minor}.mod" if minor else "go.mod")
    if not module.is_file():
        known = ", ".join(sorted(path.stem for path in _SOURCES.glob("*.mod") if path.stem != "go"))
        raise NoControlPlane(f"CONTROLPLANE_KUBERNETES={minor}: there are {known}, and the newest without it.")
    return module


def _build(target: Path, module: Path) -> None:
    lines = module.read_text().splitlines()
    version = next(line.split()[-1] for line in lines if "k8s.io/kubernetes v" in line)
    major, minor, _ = version.removeprefix("v").split(".")
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = " ".join(["-s -w", *(f"-X {_VERSION_PACKAGE}.{name}={value}" for name, value in stamps.items())])
    for name in ("etcd", "kube-apiserver"):
        print(f"building {name} (once; kube-apiserver takes some 10 minutes)", flush=True)
        chosen = [f"-modfile={module.name}"] if name == "kube-apiserver" and module.name != "go.mod" else []
        command = [
            "go",
            "build",
            *chosen,
            "-mod=readonly",
            "-ldflags",
            flags,
            "-o",
            str(target / name),
            f"./cmd/{name}",
        ]
        environment = {**os.environ, "CGO_ENABLED": "0"}
        done = subprocess.run(command, cwd=_SOURCES, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoControlPlane(f"{name} does not build: {done.stderr.strip()[-2000:]}")

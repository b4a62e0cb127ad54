"""The binaries of a node: built once from the Go module beside this file, then kept in the cache."""

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
KUBERNETES = ("kube-scheduler", "kube-controller-manager", "kube-proxy", "kubelet", "pause")
DEBIAN = {
    "containerd": "containerd",
    "ctr": "containerd",
    "ip": "iproute2",
    "iptables": "iptables",
    "nsenter": "util-linux",
    "runc": "runc",
    "unshare": "util-linux",
}
"""Program -> Debian's package that has it."""
CNI = Path("/usr/lib/cni")
"""Where Debian's containernetworking-plugins are."""


class NoNode(Exception):
    """A node cannot be had here; the message says what is missing."""


def check() -> None:
    """Whether this machine can run a node at all. :raises NoNode: it cannot; with what to do."""
    if os.geteuid() != 0:
        raise NoNode("Only root can make the namespaces of a node.")
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = {package for program, package in DEBIAN.items() if shutil.which(program, path=path) is None}
    if not (CNI / "bridge").exists():
        missing.add("containernetworking-plugins")
    if missing:
        raise NoNode(f"Not on this machine; on Debian and Ubuntu: apt-get install {' '.join(sorted(missing))}")


def binaries() -> Path:
    """The folder with all of them; builds them when the cache does not hold them.

    :raises NoNode: Go is missing, or the build fails.
    """
    if shutil.which("go") is None:
        raise NoNode("The parts of a node are built with Go, which is not on PATH: install Go.")
    digest = hashlib.sha256(_run("go", "env", "GOVERSION").encode())
    for source in sorted(path for path in _SOURCES.rglob("*") if path.name in ("go.mod", "go.sum", "main.go")):
        digest.update(source.relative_to(_SOURCES).as_posix().encode() + b"\0" + source.read_bytes())
    parent = cache_folder("node")
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
    lines = (_SOURCES / "go.mod").read_text().splitlines()
    version = next(line.split()[-1] for line in lines if "k8s.io/kubernetes v" in line)
    major, minor, _ = version.removeprefix("v").split(".")
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    flags = " ".join(["-s -w", *(f"-X {_VERSION_PACKAGE}.{name}={value}" for name, value in stamps.items())])
    for name in KUBERNETES:
        print(f"building {name} (once)", flush=True)
        _run("go", "build", "-mod=readonly", "-ldflags", flags, "-o", str(target / name), f"./cmd/{name}")


def _run(*command: str, folder: Path = _SOURCES) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "CGO_ENABLED": "0"}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NoNode(f"{' '.join(command[:2])}: {done.stderr.strip()[-2000:]}")
    return done.stdout

"""A real control plane for tests: etcd and kube-apiserver on loopback, built once from the Go module proxy.

``CONTROLPLANE_BIN`` names a folder that already holds ``etcd`` and ``kube-apiserver``; then nothing is built.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from harness.environment import cache_folder

SOURCES = Path(__file__).resolve().parents[1] / "tests" / "contract" / "controlplane"
_VERSION_PACKAGE = "k8s.io/component-base/version"
_START_SECONDS = 60.0
API_SERVER = "kube-apiserver"


class NoControlPlane(Exception):
    """A control plane cannot be had here; the message says what is missing."""


def _go_version() -> str:
    go = shutil.which("go")
    if go is None:
        raise NoControlPlane(
            "kube-apiserver is built with Go, which is not on PATH: install Go, or give the tests a cluster of their "
            "own with make test KUBECONFIG=path."
        )
    return subprocess.run([go, "env", "GOVERSION"], cwd=SOURCES, capture_output=True, text=True, check=True).stdout


def binaries() -> Path:
    """The folder with ``etcd`` and ``kube-apiserver``; builds them (10 minutes) when the cache does not hold them.

    :raises NoControlPlane: Go is missing, or the build fails.
    """
    if given := os.environ.get("CONTROLPLANE_BIN"):
        return Path(given)
    digest = hashlib.sha256(_go_version().encode())
    for source in sorted(path for path in SOURCES.rglob("*") if path.name in ("go.mod", "go.sum", "main.go")):
        digest.update(source.relative_to(SOURCES).as_posix().encode() + b"\0" + source.read_bytes())
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
        done = subprocess.run(command, cwd=SOURCES, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoControlPlane(f"{name} does not build: {done.stderr.strip()[-2000:]}")


def _go_mod() -> list[str]:
    return (SOURCES / "go.mod").read_text().splitlines()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for bound in sockets:
            bound.bind(("127.0.0.1", 0))
        return [bound.getsockname()[1] for bound in sockets]
    finally:
        for bound in sockets:
            bound.close()


def kubeconfig(server: str, ca: str, token: str, namespace: str = "default") -> dict[str, Any]:
    """A kubeconfig of whoever has the token; `ca` is the certificate of the server's authority in PEM."""
    name = "controlplane"
    authority = base64.b64encode(ca.encode()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        "current-context": name,
    }


# Linux kills such a process when the thread that started it ends: an aborted test run leaves no server behind. A
# program of its own asks for it, because code between fork and exec is not safe in a process that has threads.
_PR_SET_PDEATHSIG = 1
_DIE_WITH_PARENT = (
    "import ctypes, os, sys; "
    f"ctypes.CDLL(None).prctl({_PR_SET_PDEATHSIG}, {int(signal.SIGKILL)}); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


class ControlPlane:
    """etcd and kube-apiserver with RBAC, on free ports, with an administrator; a context manager.

    :param options: more options of kube-apiserver.
    :raises NoControlPlane: from :meth:`start`, when the parts cannot be had or do not come up.
    """

    def __init__(self, options: Sequence[str] = ()) -> None:
        self._options = options
        self.token = secrets.token_hex(16)
        self.url = ""
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, list[str]] = {}

    @property
    def folder(self) -> Path:
        """Where its files are, while it runs."""
        assert self._folder is not None, "the control plane is not started"
        return Path(self._folder.name)

    @property
    def ca(self) -> str:
        """The certificate, in PEM, by which clients know the server."""
        return (self.folder / "certificates" / "apiserver.crt").read_text()

    @property
    def kubeconfig_path(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    def kubeconfig(self, namespace: str = "default", token: str | None = None) -> dict[str, Any]:
        """A kubeconfig of the administrator, or of whoever has the token."""
        return kubeconfig(self.url, self.ca, token or self.token, namespace)

    def start(self) -> ControlPlane:
        """Start both, and return when the API server is ready."""
        programs = binaries()
        self._folder = tempfile.TemporaryDirectory(prefix="controlplane-")
        try:
            self._launch(programs)
            self._await_ready()
        except BaseException:
            self.stop()
            raise
        self.kubeconfig_path.write_text(json.dumps(self.kubeconfig()))
        return self

    def _launch(self, programs: Path) -> None:
        folder = self.folder
        client, peer, secure = _free_ports(3)
        etcd, self.url = f"http://127.0.0.1:{client}", f"https://127.0.0.1:{secure}"
        key = folder / "service-account.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], capture_output=True, check=True)
        (folder / "tokens.csv").write_text(f'{self.token},admin,admin,"system:masters"\n')
        self._run(
            programs / "etcd",
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
            # The data need not outlive the tests.
            "--unsafe-no-fsync",
        )
        self._run(
            programs / "kube-apiserver",
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={secure}",
            f"--cert-dir={folder / 'certificates'}",
            f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            # On loopback there is no address that could be an endpoint of the service "kubernetes".
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            # No controller makes the service accounts that this would demand.
            "--disable-admission-plugins=ServiceAccount",
            *self._options,
        )

    def _run(self, program: Path, *arguments: str) -> None:
        self._commands[program.name] = [str(program), *arguments]
        self._spawn(program.name)

    def _spawn(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, *self._commands[name]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder)},
            )
        self._processes[name] = process

    def freeze(self) -> None:
        """Let the API server hang: its connections stay and nothing answers, until :meth:`thaw`."""
        self._processes[API_SERVER].send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the API server go on."""
        self._processes[API_SERVER].send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Kill the API server and start it again at the same address; etcd keeps what it knew.

        Call it from a thread that lasts: the server ends with the thread that has started it.
        """
        process = self._processes[API_SERVER]
        process.kill()
        process.wait()
        self._spawn(API_SERVER)
        self._await_ready()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            for name, process in self._processes.items():
                if process.poll() is not None:
                    raise NoControlPlane(f"{name} ended at its start: {self._last_words()}")
            if self._ready():
                return
            time.sleep(0.05)
        raise NoControlPlane(f"kube-apiserver is not ready after {_START_SECONDS:.0f} s: {self._last_words()}")

    def _ready(self) -> bool:
        port = int(self.url.rpartition(":")[2])
        # Only asks whether it is up; the tests themselves check the certificate.
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=ssl._create_unverified_context())
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _last_words(self) -> str:
        logs = [self.folder / f"{name}.log" for name in self._processes]
        return " | ".join(log.read_text(errors="replace").strip()[-500:] for log in logs)

    def stop(self) -> None:
        """End both and remove their files; harmless when not started."""
        # Nothing is worth saving: their graceful end would take ten seconds.
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()
        self._processes = {}
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> ControlPlane:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

"""A real control plane: etcd and kube-apiserver on loopback, built once from the Go module proxy (`build`)."""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import signal
import socket
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.controlplane.build import NoControlPlane, binaries
from harness.servers import Servers, free_ports
from harness.waiting import HUNG, wait_until

__all__ = ["ControlPlane", "NoControlPlane", "binaries", "kubeconfig"]

_ETCD, _API_SERVER = "etcd", "kube-apiserver"
_NAMESPACES = {"default", "kube-node-lease", "kube-public", "kube-system"}
"""What kube-apiserver makes by itself, a moment after it says that it is ready."""


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


class ControlPlane(Servers):
    """etcd and kube-apiserver with RBAC, on free ports, with an administrator; a context manager.

    :param options: more options of kube-apiserver.
    :raises NoControlPlane: at the start, when the parts cannot be had.
    """

    names = (_ETCD, _API_SERVER)
    asked_every = 0.05
    ended_by = signal.SIGKILL  # nothing is worth saving, and their graceful end would take ten seconds

    def __init__(self, options: Sequence[str] = ()) -> None:
        super().__init__()
        self.token = secrets.token_hex(16)
        self._options = options
        self._client, self._peer, self._secure = free_ports(3)
        self.url = f"https://127.0.0.1:{self._secure}"

    @property
    def ca(self) -> str:
        """The certificate, in PEM, by which clients know the server."""
        return (self.folder / "certificates" / "apiserver.crt").read_text()

    @property
    def kubeconfig_path(self) -> Path:
        """The administrator's kubeconfig, which is there once the server is ready."""
        return self.folder / "kubeconfig"

    def kubeconfig(self, namespace: str = "default", token: str | None = None) -> dict[str, Any]:
        """A kubeconfig of the administrator, or of whoever has the token."""
        return kubeconfig(self.url, self.ca, token or self.token, namespace)

    def wait_ready(self, *names: str, timeout: float | None = None) -> None:
        """As of all servers."""
        super().wait_ready(*names, timeout=timeout)
        self.kubeconfig_path.write_text(json.dumps(self.kubeconfig()))

    def freeze(self) -> None:
        """Let the API server hang: its connections stay and nothing answers, until `thaw`."""
        self.part(_API_SERVER).send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the API server go on."""
        self.part(_API_SERVER).send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Kill the API server and start it again at the same address; etcd keeps what it knew."""
        self.stop(_API_SERVER, number=signal.SIGKILL)
        self.start(_API_SERVER)
        self.wait_ready()

    def _prepare(self) -> None:
        self._programs = binaries()
        (self.folder / "tokens.csv").write_text(f'{self.token},admin,admin,"system:masters"\n')
        command = ["openssl", "genrsa", "-out", str(self.folder / "service-account.key"), "2048"]
        subprocess.run(command, capture_output=True, check=True)

    def _command(self, name: str) -> Sequence[str]:
        if name == _API_SERVER:
            # It waits twenty seconds for etcd, which a busy machine may need for its start, and gives up.
            wait_until(self._etcd_answers, HUNG, "etcd to answer")
        options = self._etcd() if name == _ETCD else self._api_server()
        return [str(self._programs / name), *options]

    def _etcd(self) -> Sequence[str]:
        client, peer = f"http://127.0.0.1:{self._client}", f"http://127.0.0.1:{self._peer}"
        return [
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            # The data need not outlive the tests.
            "--unsafe-no-fsync",
        ]

    def _api_server(self) -> Sequence[str]:
        key = self.folder / "service-account.key"
        return [
            f"--etcd-servers=http://127.0.0.1:{self._client}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._secure}",
            f"--cert-dir={self.folder / 'certificates'}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
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
        ]

    def _etcd_answers(self) -> bool:
        self.part(_ETCD).check()
        try:
            with socket.create_connection(("127.0.0.1", self._client), timeout=30):
                return True
        except OSError:
            return False

    def _is_ready(self, name: str) -> bool:
        if name == _ETCD:  # the API server is not ready before it
            return True
        # Only asks whether it is up; the tests themselves check the certificate.
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", self._secure, timeout=30, context=context)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            answer.read()
            if answer.status != http.client.OK:
                return False
            connection.request("GET", "/api/v1/namespaces", headers={"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            listed = json.loads(answer.read())
            return {item["metadata"]["name"] for item in listed.get("items", ())} >= _NAMESPACES
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

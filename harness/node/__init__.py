"""A one-node Kubernetes cluster of the real parts, in namespaces of its own; Linux, root."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

import httpx

from harness.controlplane import binaries as control_plane_binaries
from harness.controlplane import kubeconfig
from harness.node import settings
from harness.node.build import NoNode, binaries, check
from harness.node.network import NODE, OUTSIDE, SERVICES, Network
from harness.plain_client import connect
from harness.servers import Servers
from harness.waiting import wait_until

__all__ = ["OUTSIDE", "Cluster", "NoNode"]

_ETCD, _API_SERVER, _MANAGER, _SCHEDULER, _PROXY = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
)
_MACHINE, _CONTAINERD, _KUBELET = "machine", "containerd", "kubelet"
_START = Path(__file__).with_name("start.sh")
_CGROUPS = Path("/sys/fs/cgroup")


class Cluster(Servers):
    """Control plane and one node; a context manager. One at a time on a machine.

    :param images: archives of images (as ``docker save`` writes them) that the node has.
    :raises NoNode: at the start, when this machine cannot run one.
    :raises NoControlPlane: at the start, when kube-apiserver cannot be had.
    """

    # kube-proxy ends itself when its node appears after it.
    names = (_ETCD, _API_SERVER, _MANAGER, _SCHEDULER, _MACHINE, _CONTAINERD, _KUBELET, _PROXY)
    ended_by = signal.SIGKILL
    asked_every = 0.2

    def __init__(self, images: Sequence[Path] = ()) -> None:
        super().__init__()
        self._images = images
        self._has_images = False
        self._network = Network("ack-node")
        self._token = secrets.token_hex(16)
        self._group = f"ack-node-{os.getpid()}"
        self.url = f"https://{NODE}:{settings.PORT}"

    def __enter__(self) -> Self:
        check()
        self._programs, self._control_plane = binaries(), control_plane_binaries()
        return super().__enter__()

    @property
    def kubeconfig_path(self) -> Path:
        """The administrator's kubeconfig, which is there once the API server is ready."""
        return self.folder / "kubeconfig"

    def client(self) -> httpx.Client:
        """The administrator's plain HTTP client."""
        return connect(self.kubeconfig_path)

    def start(self, *names: str) -> None:
        """As of all servers, but one after another: each needs those before it."""
        for name in names or self.names:
            super().start(name)
            self.wait_ready(name)
            if name == _API_SERVER:
                self._write_kubeconfig()
            if name == _CONTAINERD and not self._has_images:
                self._import_images()

    def restart_node(self) -> None:
        """Cut the node's power and switch it on again: all its processes, pods and mounts are gone at once, its disk
        stays. The control plane, which is elsewhere, goes on.
        """
        self.stop(_KUBELET, _CONTAINERD, _MACHINE, number=signal.SIGKILL)
        self.start(_MACHINE, _CONTAINERD, _KUBELET)

    def close(self) -> None:
        """End everything; harmless when not started."""
        super().close()
        self._network.close()
        for group in sorted(_CGROUPS.glob(f"*/{self._group}/**/"), reverse=True):
            if group.is_dir():
                group.rmdir()

    # The parts

    def _prepare(self) -> None:
        self._network.__enter__()
        (self.folder / "tokens.csv").write_text(f'{self._token},admin,admin,"system:masters"\n')
        key = self.folder / "service-account.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], capture_output=True, check=True)
        for hierarchy in _CGROUPS.iterdir():
            if (hierarchy / "tasks").exists():
                (hierarchy / self._group).mkdir()
        disk = self.folder / "disk"
        settings.write(self.folder, disk, pause=settings.PAUSE, group=f"/{self._group}")

    def _command(self, name: str) -> Sequence[str]:
        if name == _ETCD:
            return self._network.inside(str(self._control_plane / name), *settings.etcd(self.folder))
        if name == _API_SERVER:
            return self._network.inside(str(self._control_plane / name), *settings.api_server(self.folder, SERVICES))
        if name == _MACHINE:
            unshare = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--")
            return self._network.inside(*unshare, "bash", str(_START), str(self.folder / "disk"))
        if name == _CONTAINERD:
            return self._inside_node(name, *settings.options(name, self.folder))
        command = [str(self._programs / name), *settings.options(name, self.folder)]
        return self._inside_node(*command) if name == _KUBELET else self._network.inside(*command)

    def _environment(self) -> Mapping[str, str]:
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
        }

    def _is_ready(self, name: str) -> bool:
        if name == _API_SERVER:
            return _answers(f"{self.url}/readyz")
        if name == _MACHINE:
            return self._run_folder().joinpath("started").exists()
        if name == _CONTAINERD:
            with socket.socket(socket.AF_UNIX) as probe:
                return probe.connect_ex(str(self._run_folder() / "containerd" / "containerd.sock")) == 0
        if name == _KUBELET:
            return self._node_is_ready()
        return True  # the API server is not ready without etcd; what the others do is seen by what they did

    def _node_is_ready(self) -> bool:
        with self.client() as client:
            answer = client.get(f"/api/v1/nodes/{settings.NODE_NAME}")
        conditions = answer.json()["status"].get("conditions", ()) if answer.is_success else ()
        for condition in conditions:
            if condition["type"] == "Ready" and condition["status"] == "True":
                beat = datetime.fromisoformat(condition["lastHeartbeatTime"]).timestamp()
                return beat >= int(self.part(_KUBELET).started)
        return False

    def _init(self) -> int:
        """The process id, here, of the node's first process."""

        def found() -> int | None:
            processes = [process for process in self.part(_MACHINE).processes() if process.name() == "bash"]
            return processes[0].pid if processes else None

        return wait_until(found, 60.0, "the node's first process")

    def _run_folder(self) -> Path:
        return Path(f"/proc/{self._init()}/root/run")

    def _import_images(self) -> None:
        for archive in (self._pause_archive(), *self._images):
            begun = time.monotonic()
            command = self._inside_node("ctr", "--namespace=k8s.io", "images", "import", str(archive))
            environment = dict(self._environment())
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise NoNode(f"The image {archive} cannot be imported: {done.stderr[-2000:]}")
            print(f"image {archive.name}: {time.monotonic() - begun:.0f} s", flush=True)
        self._has_images = True

    def _inside_node(self, *command: str) -> list[str]:
        return ["nsenter", f"--target={self._init()}", "--mount", "--pid", "--net", "--uts", "--ipc", "--", *command]

    def _pause_archive(self) -> Path:
        archive = self.folder / "pause.tar"
        if not archive.exists():
            settings.image(archive, settings.PAUSE, {"pause": self._programs / "pause"}, ["/pause"])
        return archive

    def _write_kubeconfig(self) -> None:
        authority = (self.folder / "certificates" / "apiserver.crt").read_text()
        self.kubeconfig_path.touch(mode=0o600)
        self.kubeconfig_path.write_text(json.dumps(kubeconfig(self.url, authority, self._token)))


def _answers(url: str) -> bool:
    # Only asks whether it is up; clients check the certificate.
    try:
        return httpx.get(url, verify=False, trust_env=False, timeout=30.0).is_success
    except httpx.TransportError:
        return False

"""What the parts of a one-node cluster are told: command lines and configuration files."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.node.build import CNI
from harness.node.network import BRIDGE, NODE, PODS

PORT = 6443
NODE_NAME = "node"
PAUSE = "node.local/pause:1"
SOCKET = "/run/containerd/containerd.sock"


def etcd(folder: Path) -> Sequence[str]:
    """etcd's options."""
    # The data need not outlive the tests.
    return [f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync"]


def api_server(folder: Path, services: str) -> Sequence[str]:
    """kube-apiserver's options."""
    key = folder / "service-account.key"
    return [
        "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={NODE}",
        f"--secure-port={PORT}",
        f"--cert-dir={folder / 'certificates'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        f"--service-cluster-ip-range={services}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        # A token is good for as long as it says, and not for a year more.
        "--service-account-extend-token-expiration=false",
        "--allow-privileged=true",
        # Nobody knows the node by its name.
        "--kubelet-preferred-address-types=InternalIP",
    ]


def options(name: str, folder: Path) -> Sequence[str]:
    """The options of one of the parts that work on the API server, or of containerd."""
    config = folder / "kubeconfig"
    if name == "containerd":
        return [f"--config={folder / 'containerd.toml'}"]
    if name == "kubelet":
        return [
            f"--config={folder / 'kubelet.json'}",
            f"--kubeconfig={config}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={NODE}",
        ]
    if name == "kube-controller-manager":
        return [
            f"--kubeconfig={config}",
            f"--service-account-private-key-file={folder / 'service-account.key'}",
            f"--root-ca-file={folder / 'certificates' / 'apiserver.crt'}",
            "--leader-elect=false",
            "--use-service-account-credentials=false",
            # A lost node is noticed sooner than after 40 seconds.
            "--node-monitor-grace-period=20s",
        ]
    if name == "kube-scheduler":
        return [f"--kubeconfig={config}", "--leader-elect=false"]
    if name == "kube-proxy":
        return [
            f"--kubeconfig={config}",
            f"--hostname-override={NODE_NAME}",
            f"--cluster-cidr={PODS}",
            "--proxy-mode=iptables",
            # The limits of the machine's connection table are not a namespace's to set.
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
        ]
    raise ValueError(name)


def write(folder: Path, disk: Path, *, pause: str, group: str) -> None:
    """Write the configuration files of containerd, the network of pods, and kubelet."""
    network = folder / "cni"
    for each in (disk / "containerd", network):
        each.mkdir(parents=True)
    (folder / "containerd.toml").write_text(_containerd(disk, network, pause))
    (network / "10-pods.conflist").write_text(json.dumps(_cni(), indent=2))
    (folder / "kubelet.json").write_text(json.dumps(_kubelet(group), indent=2))


def _containerd(disk: Path, network: Path, pause: str) -> str:
    return f"""version = 2
root = "{disk / "containerd"}"
state = "/run/containerd"

[grpc]
address = "{SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
# Without the right to raise limits, every pod would fail.
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{CNI}"
conf_dir = "{network}"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"""


def _cni() -> Mapping[str, Any]:
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": PODS, "gateway": NODE}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge]}


def _kubelet(group: str) -> Mapping[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": group,
        # What a machine of tests may lack: the second version of control groups, no swap, room on the disk.
        "failCgroupV1": False,
        "failSwapOn": False,
        "localStorageCapacityIsolation": False,
        "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
        "enforceNodeAllocatable": [],
        # In a network of its own, where nobody else is.
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "nodeStatusUpdateFrequency": "4s",
        "resolvConf": "",
        "registerNode": True,
    }


def image(archive: Path, name: str, files: Mapping[str, Path], command: Sequence[str]) -> None:
    """Write an image of a few programs as ``docker save`` does: one layer, a configuration, a manifest."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for place, path in files.items():
            entry = tarfile.TarInfo(place)
            entry.mode, entry.size = 0o755, path.stat().st_size
            with path.open("rb") as program:
                tar.addfile(entry, program)
    content = layer.getvalue()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": list(command)},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(content).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, mode="w") as tar:
        parts = {
            "layer.tar": content,
            "config.json": json.dumps(config).encode(),
            "manifest.json": json.dumps(manifest).encode(),
        }
        for place, data in parts.items():
            entry = tarfile.TarInfo(place)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))

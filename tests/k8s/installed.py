"""What `deploy/` says, made to fit a cluster of one node that has neither a registry nor names for services."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from harness.airflow_api import AirflowApi
from harness.node import Cluster
from harness.plain_client import install_crds
from harness.postgresql import PostgreSQL
from harness.sandbox_process import SandboxProcess, aws_connection
from harness.waiting import wait_until
from tests.compose.project import OURS
from tests.support.kubectl import find

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "deploy" / "kubernetes"
NAMESPACE = "ml"
API_SERVER = "10.252.0.80"
PASSWORD = secrets.token_urlsafe(12)
TOKEN_SECONDS = 600
"""The shortest that Kubernetes allows; kubelet renews a token after four fifths of it."""
_TOKENS = "/var/run/secrets/kubernetes.io/serviceaccount"


class Installed:
    """Airflow and the controller in a cluster."""

    def __init__(self, cluster: Cluster, sandbox: SandboxProcess, postgresql: PostgreSQL) -> None:
        self.cluster, self.sandbox = cluster, sandbox
        self._postgresql = postgresql
        self._kubectl = find()
        self.api = AirflowApi(f"http://{API_SERVER}:8080", "admin", PASSWORD)

    def install(self) -> None:
        """Do what docs/install.md says, and wait until all of it works."""
        with self.cluster.client() as client:
            install_crds(client)
        self.kubectl("create", "namespace", NAMESPACE)
        dags = [f"--from-file={folder}" for folder in (ROOT / "dags/scheduled_retraining.py", ROOT / "tests/k8s/dags")]
        self.kubectl("create", "configmap", "airflow-dags", *dags, "--from-literal=.airflowignore=..*")
        secret = {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self._postgresql.create("airflow"),
            "AIRFLOW__CORE__FERNET_KEY": "",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "passwords.json": json.dumps({"admin": PASSWORD}),
        }
        self.kubectl("create", "secret", "generic", "airflow", *(f"--from-literal={k}={v}" for k, v in secret.items()))
        for name in ("rbac.yaml", "rbac-page.yaml", "airflow.yaml"):
            self.apply(MANIFESTS / name)
        self.apply(ROOT / "tests/k8s/controller.yaml")
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until every part of Airflow has said that it is alive, and the controller's pod is ready."""

        def ready() -> bool:
            pods = self.pods()
            health = self.api.health()
            alive = health and all(part.get("status") in ("healthy", None) for part in health.values())
            return bool(alive) and len(pods) >= 5 and all(map(_is_ready, pods))

        wait_until(ready, 7200.0, self.state, every=2.0)
        self.api.warm_up(900.0)

    def state(self) -> str:
        """Where things stand, for messages."""
        text = self.kubectl("get", "pods", "-o", "wide") + self.kubectl("get", "events")[-3000:]
        for pod in self.pods():
            if not _is_ready(pod):
                text += self.kubectl("logs", "--all-containers", "--tail=20", pod["metadata"]["name"], check=False)
        return f"{text}\n{self.api.health()}\n{self.cluster.output(5)}"

    def pods(self, **labels: str) -> list[dict[str, Any]]:
        """The pods that are not ended, by labels."""
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        found = json.loads(self.kubectl("get", "pods", "-o", "json", f"--selector={selector}"))["items"]
        return [pod for pod in found if pod["status"].get("phase") not in ("Succeeded", "Failed")]

    def apply(self, path: Path) -> None:
        """Apply a file, made to fit this cluster."""
        documents = [self._fitted(document) for document in yaml.safe_load_all(path.read_text()) if document]
        self.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(documents))

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as the administrator, in Airflow's namespace; what it prints."""
        command = [str(self._kubectl), f"--kubeconfig={self.cluster.kubeconfig_path}", "-n", NAMESPACE, *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise RuntimeError(f"kubectl {' '.join(arguments[:3])}: {done.stderr.strip()}")
        return done.stdout

    def _fitted(self, document: dict[str, Any]) -> dict[str, Any]:
        name = document["metadata"]["name"]
        if document["kind"] == "Deployment":
            _fit(document["spec"]["template"]["spec"])
            if name == "airflow-triggerer":
                _renew_token(document["spec"]["template"]["spec"])
            if name == "airflow-api-server":
                _give_passwords(document["spec"]["template"]["spec"])
            if name == "ack-controller":
                container = document["spec"]["template"]["spec"]["containers"][0]
                container["args"].append(f"--aws-endpoint-url={self.sandbox.aws_endpoint_url}")
                del container["env"]
        elif document["kind"] == "Service":
            document["spec"]["clusterIP"] = API_SERVER
        elif document["kind"] == "ConfigMap" and name == "airflow":
            document["data"] |= self._settings()
        elif document["kind"] == "ConfigMap" and name == "airflow-pod-template":
            pod = yaml.safe_load(document["data"]["pod.yaml"])
            _fit(pod["spec"])
            document["data"]["pod.yaml"] = yaml.safe_dump(pod)
        return document

    def _settings(self) -> dict[str, str]:
        manager = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
        return {
            "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(aws_connection(self.sandbox.aws_endpoint_url)),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__AUTH_MANAGER": manager,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": "/passwords/passwords.json",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
            # A lost task is found sooner than after five minutes.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }


def _containers(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (*spec.get("initContainers", ()), *spec["containers"])


def _fit(spec: dict[str, Any]) -> None:
    """No registry, and no names of services."""
    spec["hostAliases"] = [{"ip": API_SERVER, "hostnames": ["airflow-api-server"]}]
    for container in _containers(spec):
        assert container["image"] == OURS
        container["imagePullPolicy"] = "Never"


def _renew_token(spec: dict[str, Any]) -> None:
    """The account's token as Kubernetes projects it by default, but good for ten minutes instead of an hour."""
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_SECONDS}}
    authority = {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
    namespace = {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}
    sources = [token, authority, {"downwardAPI": {"items": [namespace]}}]
    spec["volumes"].append({"name": "account", "projected": {"sources": sources}})
    for container in spec["containers"]:
        container["volumeMounts"].append({"name": "account", "mountPath": _TOKENS, "readOnly": True})


def _give_passwords(spec: dict[str, Any]) -> None:
    # Airflow locks the file: a copy of its own, which it can write.
    spec["volumes"] += [
        {"name": "secret", "secret": {"secretName": "airflow", "items": [{"key": "passwords.json", "path": "it"}]}},
        {"name": "passwords", "emptyDir": {}},
    ]
    mounts = [{"name": "secret", "mountPath": "/secret"}, {"name": "passwords", "mountPath": "/passwords"}]
    copy = {
        "name": "passwords",
        "image": OURS,
        "imagePullPolicy": "Never",
        "args": ["cp", "/secret/it", "/passwords/passwords.json"],
        "volumeMounts": mounts,
    }
    spec["initContainers"].append(copy)
    for container in spec["containers"]:
        container["volumeMounts"] += mounts[1:]


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]

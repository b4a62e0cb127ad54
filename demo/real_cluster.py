"""A real Kubernetes API server made ready for the package: the kinds, a namespace, and Airflow's service account."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

from airflow_ack_sagemaker.model.kinds import API_VERSION
from airflow_ack_sagemaker.sandbox.crds import load_crds
from demo.controlplane import ControlPlane
from demo.waiting import wait_until

RBAC = Path(__file__).resolve().parents[1] / "deploy" / "kubernetes" / "rbac.yaml"
ACCOUNT = "airflow"
_APPLY = {"Content-Type": "application/apply-patch+yaml"}
_PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}


class RealCluster:
    """kube-apiserver and etcd, or the cluster of a kubeconfig; a context manager.

    `kubeconfig` is the administrator's, `airflow_kubeconfig` that of Airflow's service account, which has the rights of
    `deploy/kubernetes/rbac.yaml` in `namespace` and no others. `control_plane` is what was started, to freeze and
    restart it; None for a given cluster.

    :param directory: where the kubeconfigs are written.
    :param given: a kubeconfig, to use its cluster instead of starting one; whose user has a token or a certificate.
    :raises NoControlPlane: at the start, when kube-apiserver cannot be had.
    """

    def __init__(self, directory: Path, namespace: str = "default", given: Path | None = None) -> None:
        self.directory = directory.resolve()
        self.namespace = namespace
        self.kubeconfig = self.directory / "kubeconfig"
        self.airflow_kubeconfig = self.directory
        self.control_plane: ControlPlane | None = None
        self._given = given
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.directory.mkdir(parents=True, exist_ok=True)
            if self._given is None:
                self.control_plane = stack.enter_context(ControlPlane())
                config = self.control_plane.kubeconfig()
            else:
                config = yaml.safe_load(self._given.read_text())
            _write(self.kubeconfig, config)
            with self.client() as client:
                install_crds(client)
            self.airflow_kubeconfig = self.add_namespace(self.namespace)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def client(self) -> httpx.Client:
        """The administrator's plain HTTP client."""
        return connect(json.loads(self.kubeconfig.read_text()))

    def add_namespace(self, namespace: str) -> Path:
        """Make a namespace in which Airflow's service account has its rights; the account's kubeconfig."""
        path = self.directory / f"kubeconfig-airflow-{namespace}"
        with self.client() as client:
            _apply(client, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            for manifest in yaml.safe_load_all(RBAC.read_text()):
                _apply(client, _placed(manifest, namespace), namespace)
            _write(path, _as_account(client, json.loads(self.kubeconfig.read_text()), namespace))
        return path


def _apply(client: httpx.Client, manifest: Mapping[str, Any], namespace: str | None = None) -> None:
    """Server-side apply, as kubectl does with --namespace."""
    path = f"{_PATHS[manifest['kind']].format(namespace=namespace)}/{manifest['metadata']['name']}"
    query = {"fieldManager": "demo", "fieldValidation": "Strict"}
    _check(client.patch(path, params=query, content=json.dumps(manifest), headers=_APPLY))


def _placed(manifest: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """A namespaced manifest in a namespace, service accounts of a binding included."""
    placed = {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}
    if "subjects" in manifest:
        placed["subjects"] = [{**subject, "namespace": namespace} for subject in manifest["subjects"]]
    return placed


def account_token(client: httpx.Client, namespace: str) -> str:
    """A new token of Airflow's service account."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{ACCOUNT}/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}}
    token: str = _check(client.post(path, json=request)).json()["status"]["token"]
    return token


def _as_account(client: httpx.Client, config: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """A kubeconfig of Airflow's service account."""
    token = account_token(client, namespace)
    _, cluster, _ = current(config)
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": ACCOUNT, "user": {"token": token}}],
        "contexts": [{"name": ACCOUNT, "context": {"cluster": "cluster", "user": ACCOUNT, "namespace": namespace}}],
        "current-context": ACCOUNT,
    }


def _write(path: Path, config: Mapping[str, Any]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2))


def current(config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The current context of a kubeconfig, with its cluster and its user."""

    def named(kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(entry for entry in config[f"{kind}s"] if entry["name"] == name)[kind]
        return found

    context = named("context", config["current-context"])
    return context, named("cluster", context["cluster"]), named("user", context["user"])


def connect(config: Mapping[str, Any]) -> httpx.Client:
    """A plain HTTP client of a kubeconfig's cluster, whose user has a token or a client certificate."""
    _, cluster, user = current(config)
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    # kube-apiserver compresses some watches event by event, of which httpx would decode the first only.
    headers = {"Accept-Encoding": "identity"}
    if "token" in user:
        headers["Authorization"] = f"Bearer {user['token']}"
    else:
        with tempfile.TemporaryDirectory() as folder:
            certificate, key = Path(folder, "certificate"), Path(folder, "key")
            certificate.write_bytes(base64.b64decode(user["client-certificate-data"]))
            key.write_bytes(base64.b64decode(user["client-key-data"]))
            context.load_cert_chain(certificate, key)
    return httpx.Client(base_url=cluster["server"], verify=context, headers=headers, trust_env=False, timeout=30.0)


def install_crds(client: httpx.Client) -> None:
    """Have the ACK SageMaker kinds served, and wait until they are."""
    crds = load_crds()
    for crd in crds:
        _apply(client, crd)
    plurals = {crd["spec"]["names"]["plural"] for crd in crds}

    def served() -> bool:
        answer = client.get(f"/apis/{API_VERSION}")
        if not answer.is_success or not plurals <= {entry["name"] for entry in answer.json()["resources"]}:
            return False
        # A kind is discovered a moment before it can be watched.
        return all(client.get(f"/apis/{API_VERSION}/{plural}", params={"limit": 1}).is_success for plural in plurals)

    wait_until(served, 60.0, "the kinds to be served", every=0.1)


def _check(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise RuntimeError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    return answer

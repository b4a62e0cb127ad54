"""A real Kubernetes API server made ready for the package: the kinds, a namespace, and Airflow's service account."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

from airflow_ack_sagemaker.kube.errors import KubeError
from airflow_ack_sagemaker.model.kinds import API_VERSION, GROUP
from demo.controlplane import ControlPlane, NoControlPlane
from demo.plain_client import (
    apply,
    check,
    connect,
    install_crds,
    kubeconfig_of,
    placed,
    read,
    remove_crds,
    token_of,
)

RBAC = Path(__file__).resolve().parents[1] / "deploy" / "kubernetes" / "rbac.yaml"
ACCOUNT = "airflow"
ADMINISTRATOR = "airflow-ack-sagemaker-tests"
MADE = {"airflow-ack-sagemaker": "tests"}
"""The label of the namespaces that were made here; they are removed from a cluster that was there before."""


class RealCluster:
    """kube-apiserver and etcd, or the cluster of a kubeconfig; a context manager.

    `kubeconfig` is an administrator's, `airflow_kubeconfig` that of Airflow's service account, which has the rights of
    `deploy/kubernetes/rbac.yaml` in `namespace` and no others. A cluster that was there before gets an administrator of
    our own, because only its user's kubeconfig can say how that user gets a token; at the end everything is removed.

    :param directory: where the kubeconfigs are written.
    :param given: a kubeconfig, to use its cluster instead of starting one; its user must be an administrator.
    :param variables: environment variables for the exec plugin of that user.
    :raises NoControlPlane: at the start, when kube-apiserver cannot be had, or the cluster should not be used.
    """

    def __init__(
        self,
        directory: Path,
        namespace: str = "default",
        given: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.namespace = namespace
        self.kubeconfig = self.directory / "kubeconfig"
        self.airflow_kubeconfig = self.directory
        self._given = given
        self._variables = variables
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.directory.mkdir(parents=True, exist_ok=True)
            if self._given is None:
                config = stack.enter_context(ControlPlane()).kubeconfig()
            else:
                config = _administrator(stack, self._given, self._variables)
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
        return connect(self.kubeconfig)

    def add_namespace(self, namespace: str, manifests: Iterable[Mapping[str, Any]] | None = None) -> Path:
        """Make a namespace in which Airflow's service account has its rights; the account's kubeconfig.

        :param manifests: the account and its rights, instead of those of `deploy/kubernetes/rbac.yaml`.
        """
        path = self.directory / f"kubeconfig-airflow-{namespace}"
        with self.client() as client:
            make_namespace(client, namespace, may_exist=self._given is None)
            for manifest in manifests or yaml.safe_load_all(RBAC.read_text()):
                apply(client, placed(manifest, namespace), namespace)
            token = token_of(client, namespace, ACCOUNT)
        _write(path, kubeconfig_of(read(self.kubeconfig), ACCOUNT, token, namespace))
        return path


def make_namespace(client: httpx.Client, name: str, *, may_exist: bool = False) -> None:
    """Make a namespace.

    :raises RuntimeError: it is refused, or is there already and must not be: somebody else's would be removed later.
    """
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": MADE}}
    answer = client.post("/api/v1/namespaces", json=body)
    if not (may_exist and answer.status_code == httpx.codes.CONFLICT):
        check(answer)


def _administrator(stack: ExitStack, given: Path, variables: Mapping[str, str] | None) -> dict[str, Any]:
    """The kubeconfig of an administrator of our own in a cluster that is there, and what removes all that was made."""
    try:
        client = stack.enter_context(connect(given, variables))
        answer = client.get(f"/apis/{API_VERSION}")
    except (KubeError, httpx.HTTPError) as error:
        raise NoControlPlane(f"the cluster of {given} cannot be used: {error}") from error
    if answer.is_success:
        # An ACK controller may be at work there: it would carry every resource of these tests to AWS.
        raise NoControlPlane(f"the cluster of {given} has kinds of {GROUP} already; take one for tests only.")
    if answer.status_code != httpx.codes.NOT_FOUND:
        raise NoControlPlane(f"the cluster of {given} does not accept its user: HTTP {answer.status_code}.")
    namespace = f"{ADMINISTRATOR}-{secrets.token_hex(4)}"
    # In the reverse order, and each of them even when one of them fails.
    stack.callback(client.delete, f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{namespace}")
    stack.callback(_remove_namespaces, client)
    stack.callback(remove_crds, client)
    make_namespace(client, namespace)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ADMINISTRATOR}}
    apply(client, account, namespace)
    api, role = "rbac.authorization.k8s.io", {"kind": "ClusterRole", "name": "cluster-admin"}
    binding = {
        "apiVersion": f"{api}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": namespace},
        "roleRef": {"apiGroup": api, **role},
        "subjects": [{"kind": "ServiceAccount", "name": ADMINISTRATOR, "namespace": namespace}],
    }
    apply(client, binding)
    return kubeconfig_of(read(given), ADMINISTRATOR, token_of(client, namespace, ADMINISTRATOR), "default")


def _remove_namespaces(client: httpx.Client) -> None:
    label = "=".join(*MADE.items())
    for item in check(client.get("/api/v1/namespaces", params={"labelSelector": label})).json()["items"]:
        client.delete(f"/api/v1/namespaces/{item['metadata']['name']}")


def _write(path: Path, config: Mapping[str, Any]) -> None:
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2))

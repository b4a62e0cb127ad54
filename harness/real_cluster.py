"""A real Kubernetes API server made ready for the package: the kinds, a namespace, and Airflow's service account."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

from harness.controlplane import ControlPlane
from harness.plain_client import account_token, apply, check, connect, install_crds, kubeconfig_of, placed, read
from harness.waiting import HUNG, wait_until

RBAC = Path(__file__).resolve().parents[1] / "deploy" / "kubernetes" / "rbac.yaml"
LIFECYCLE = RBAC.with_name("rbac-lifecycle.yaml")
ACCOUNT = "airflow"
TOKEN_SECONDS = 86_400
"""A day: longer than all tests of a session on a busy machine."""
MADE = {"airflow-ack-sagemaker": "made"}
"""The label of the namespaces that are made here, by which they are found to be removed."""


class RealCluster:
    """kube-apiserver and etcd, or the cluster of a kubeconfig; a context manager.

    `kubeconfig` is the administrator's, `airflow_kubeconfig` that of Airflow's service account, which has the rights of
    `rbac.yaml` and `rbac-lifecycle.yaml` of `deploy/kubernetes` in `namespace` and no others. `control_plane` is what
    was started, to freeze and restart it; None for a given cluster.

    :param directory: where the kubeconfigs are written.
    :param given: an administrator's kubeconfig that needs no other file, to use its cluster instead of starting one;
        what is made there stays.
    :param token_seconds: how long the token of Airflow's service account is good for.
    :raises NoControlPlane: at the start, when kube-apiserver cannot be had.
    """

    def __init__(
        self,
        directory: Path,
        namespace: str = "default",
        given: Path | None = None,
        token_seconds: int = TOKEN_SECONDS,
    ) -> None:
        self.directory = directory.resolve()
        self.namespace = namespace
        self.kubeconfig = self.directory / "kubeconfig"
        self.airflow_kubeconfig = self.directory
        self.control_plane: ControlPlane | None = None
        self._given = given
        self._token_seconds = token_seconds
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.directory.mkdir(parents=True, exist_ok=True)
            if self._given is None:
                self.control_plane = stack.enter_context(ControlPlane())
                config = self.control_plane.kubeconfig()
            else:
                config = yaml.safe_load(self._given.read_text())
            write_private(self.kubeconfig, config)
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

        :param manifests: the account and its rights, instead of those of `deploy/kubernetes`.
        """
        path = self.directory / f"kubeconfig-airflow-{namespace}"
        with self.client() as client:
            make_namespace(client, namespace)
            ours = (manifest for file in (RBAC, LIFECYCLE) for manifest in yaml.safe_load_all(file.read_text()))
            manifests = list(manifests or ours)
            for manifest in manifests:
                apply(client, placed(manifest, namespace), namespace)
            token = account_token(client, namespace, ACCOUNT, self._token_seconds)
        write_private(path, kubeconfig_of(read(self.kubeconfig), ACCOUNT, token, namespace))
        wait_for_rights(path, namespace, manifests)
        return path


def wait_for_rights(kubeconfig: Path, namespace: str, manifests: Iterable[Mapping[str, Any]]) -> None:
    """Until the API server grants a user what its Roles say, and no more: it learns of a Role a moment later."""
    roles = (manifest for manifest in manifests if manifest["kind"] == "Role")
    wanted = {right for role in roles for rule in role["rules"] for right in _rights(rule)}
    groups = {group for group, _, _ in wanted}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    said = "nothing"
    with connect(kubeconfig) as client:

        def granted() -> bool:
            nonlocal said
            answer = client.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", json=review)
            said = answer.text
            if not answer.is_success:
                return False
            rules = answer.json()["status"]["resourceRules"]
            return wanted == {right for rule in rules for right in _rights(rule) if right[0] in groups}

        wait_until(granted, HUNG, lambda: f"the rights {sorted(wanted)} to hold, and no more: {said}", every=0.05)


def _rights(rule: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """API group, resource and verb."""
    return product(rule["apiGroups"], rule["resources"], rule["verbs"])


def make_namespace(client: httpx.Client, name: str) -> None:
    """Make a namespace, with the label; one that is there already stays as it is, without."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": MADE}}
    answer = client.post("/api/v1/namespaces", json=body)
    if answer.status_code != httpx.codes.CONFLICT:
        check(answer)


def write_private(path: Path, config: Mapping[str, Any]) -> None:
    """Write a kubeconfig that only its owner can read."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2))

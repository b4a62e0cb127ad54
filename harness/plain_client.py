"""A plain HTTP client of a Kubernetes cluster, and the few requests by which it is made ready for the package."""

from __future__ import annotations

import base64
import json
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, GROUP
from airflow_ack_sagemaker.kube.connection.authenticator import Authenticator
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig, cluster_config
from airflow_ack_sagemaker.sandbox.crds import load_crds
from harness.waiting import HUNG, wait_until

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_APPLY = {"Content-Type": "application/apply-patch+yaml"}
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_PATHS = {
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "Role": _RBAC + "/namespaces/{namespace}/roles",
    "RoleBinding": _RBAC + "/namespaces/{namespace}/rolebindings",
    "ClusterRoleBinding": _RBAC + "/clusterrolebindings",
    "CustomResourceDefinition": CRDS,
}


def read(kubeconfig: Path | Mapping[str, Any]) -> ClusterConfig:
    """The cluster and the user of a kubeconfig's current context.

    :raises ConfigError: it cannot be used.
    """
    extra = {"kube_config_path": str(kubeconfig)} if isinstance(kubeconfig, Path) else {"kube_config": kubeconfig}
    return cluster_config(extra, conn_id="plain", environ={})


def connect(
    kubeconfig: Path | Mapping[str, Any], variables: Mapping[str, str] | None = None, **options: Any
) -> httpx.Client:
    """A client of a kubeconfig's cluster: its user's token, certificate or exec plugin is the package's to find.

    :param variables: what the exec plugin finds in its environment beside our own.
    :param options: of httpx.Client, to override.
    """
    config = read(kubeconfig)
    if plugin := config.credential.plugin:
        plugin = replace(plugin, env=(*(variables or {}).items(), *plugin.env))
        config = replace(config, credential=replace(config.credential, plugin=plugin))
    authenticator = Authenticator(config)
    authenticator.load()
    chosen: dict[str, Any] = {
        "base_url": config.server,
        "verify": authenticator.tls(),
        "auth": _Credential(authenticator),
        # kube-apiserver compresses some watches event by event, of which httpx would decode the first only.
        "headers": {"Accept-Encoding": "identity"},
        "trust_env": False,
        "timeout": HUNG,
    }
    return httpx.Client(**chosen | options)


class _Credential(httpx.Auth):
    """The user's headers, renewed when they expire."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._authenticator.stale:
            self._authenticator.load()
        for name, value in self._authenticator.headers:
            request.headers.setdefault(name, value)
        yield request


def kubeconfig_of(config: ClusterConfig, user: str, token: str, namespace: str) -> dict[str, Any]:
    """A kubeconfig that needs no other file: of a cluster that is known, for whoever has the token."""
    cluster: dict[str, Any] = {"server": config.server}
    if authority := config.authority.read("certificate authority"):
        cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    if not config.verify:
        cluster["insecure-skip-tls-verify"] = True
    if config.tls_server_name:
        cluster["tls-server-name"] = config.tls_server_name
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": user, "context": {"cluster": "cluster", "user": user, "namespace": namespace}}],
        "current-context": user,
    }


def check(answer: httpx.Response) -> httpx.Response:
    """The answer, which must be a success.

    :raises RuntimeError: it is none.
    """
    if answer.is_error:
        raise RuntimeError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    return answer


def apply(client: httpx.Client, manifest: Mapping[str, Any], namespace: str | None = None) -> None:
    """Server-side apply, as kubectl does with --namespace."""
    path = f"{_PATHS[manifest['kind']].format(namespace=namespace)}/{manifest['metadata']['name']}"
    query = {"fieldManager": "demo", "fieldValidation": "Strict"}
    check(client.patch(path, params=query, content=json.dumps(manifest), headers=_APPLY))


def placed(manifest: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """A namespaced manifest in a namespace, service accounts of a binding included."""
    result = {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}
    if "subjects" in manifest:
        result["subjects"] = [{**subject, "namespace": namespace} for subject in manifest["subjects"]]
    return result


def account_token(client: httpx.Client, namespace: str, account: str, seconds: int) -> str:
    """A token of a service account, for so many seconds."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}}
    return str(check(client.post(path, json=request)).json()["status"]["token"])


def install_crds(client: httpx.Client) -> None:
    """Have the ACK SageMaker kinds served, and wait until they are."""
    crds = load_crds()
    for crd in crds:
        apply(client, crd)
    plurals = {crd["spec"]["names"]["plural"] for crd in crds}

    def served() -> bool:
        answer = client.get(f"/apis/{API_VERSION}")
        if not answer.is_success or not plurals <= {entry["name"] for entry in answer.json()["resources"]}:
            return False
        # A kind is discovered a moment before it can be watched.
        return all(client.get(f"/apis/{API_VERSION}/{plural}", params={"limit": 1}).is_success for plural in plurals)

    wait_until(served, HUNG, "the kinds to be served", every=0.1)

    def described() -> bool:
        # Each by itself, after they are served: their group in the list of all, and their schemas.
        groups = client.get("/apis")
        schemas = client.get(f"/openapi/v3/apis/{API_VERSION}")
        if not (groups.is_success and schemas.is_success):
            return False
        paths = schemas.json()["paths"]
        return GROUP in {group["name"] for group in groups.json()["groups"]} and all(
            f"/apis/{API_VERSION}/namespaces/{{namespace}}/{plural}" in paths for plural in plurals
        )

    wait_until(described, HUNG, "the kinds to be described", every=0.5)


def remove_crds(client: httpx.Client) -> None:
    """Remove the kinds with all their objects, and wait until they are gone."""
    paths = [f"{CRDS}/{crd['metadata']['name']}" for crd in load_crds()]
    for crd in load_crds():
        plural = crd["spec"]["names"]["plural"]
        answer = client.get(f"/apis/{API_VERSION}/{plural}")
        for item in answer.json()["items"] if answer.is_success else ():
            if item["metadata"].get("finalizers"):
                # Its controller has ended and will not remove it.
                path = f"/apis/{API_VERSION}/namespaces/{item['metadata']['namespace']}/{plural}"
                merge = {"Content-Type": "application/merge-patch+json"}
                body = json.dumps({"metadata": {"finalizers": None}})
                client.patch(f"{path}/{item['metadata']['name']}", content=body, headers=merge)
    for path in paths:
        client.delete(path)
    wait_until(
        lambda: all(client.get(path).status_code == httpx.codes.NOT_FOUND for path in paths),
        HUNG,
        "the kinds to be gone",
    )

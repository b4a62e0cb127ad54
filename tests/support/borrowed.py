"""A cluster that somebody gives to the tests, and gets back as it was."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, GROUP
from airflow_ack_sagemaker.kube.errors import KubeError
from harness.controlplane import NoControlPlane
from harness.plain_client import account_token, apply, check, connect, kubeconfig_of, read, remove_crds
from harness.real_cluster import MADE, TOKEN_SECONDS, make_namespace, write_private

ADMINISTRATOR = "airflow-ack-sagemaker-tests"
_API = "rbac.authorization.k8s.io"


@contextmanager
def borrowed(given: Path, kubeconfig: Path, variables: Mapping[str, str]) -> Iterator[Path]:
    """The kubeconfig of an administrator of our own in somebody's cluster. All that was made is removed at the end.

    Of our own, because only their kubeconfig knows how they get their token: by a file, a plugin, a certificate. Ours
    has a token, and works in any process.

    :param given: their kubeconfig; they must be an administrator.
    :param kubeconfig: where ours is written.
    :param variables: environment variables for their exec plugin.
    :raises NoControlPlane: the cluster cannot be used, or should not.
    """
    with ExitStack() as stack:
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
        stack.callback(client.delete, f"/apis/{_API}/v1/clusterrolebindings/{namespace}")
        stack.callback(_remove_namespaces, client)
        stack.callback(remove_crds, client)
        _appoint(client, namespace)
        token = account_token(client, namespace, ADMINISTRATOR, TOKEN_SECONDS)
        write_private(kubeconfig, kubeconfig_of(read(given), ADMINISTRATOR, token, "default"))
        yield kubeconfig


def _appoint(client: httpx.Client, namespace: str) -> None:
    """Make the administrator, in a namespace of that name."""
    make_namespace(client, namespace)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ADMINISTRATOR}}
    apply(client, account, namespace)
    binding = {
        "apiVersion": f"{_API}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": namespace},
        "roleRef": {"apiGroup": _API, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": ADMINISTRATOR, "namespace": namespace}],
    }
    apply(client, binding)


def _remove_namespaces(client: httpx.Client) -> None:
    label = "=".join(*MADE.items())
    for item in check(client.get("/api/v1/namespaces", params={"labelSelector": label})).json()["items"]:
        client.delete(f"/api/v1/namespaces/{item['metadata']['name']}")

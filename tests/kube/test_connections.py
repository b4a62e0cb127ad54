"""Each kind of connection works here as it works with the provider's hook: the same request arrives at the server."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_ack_sagemaker.core.resource.kinds import GROUP, PIPELINE, VERSION
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import cluster_config
from tests.kube.certificates import Authority, Pair
from tests.kube.objects import kubeconfig, listed
from tests.kube.servers import HttpServer, Seen

AUTHORITY = Authority()
CLIENT = AUTHORITY.issue("trainer")


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@dataclass
class Case:
    """A connection's extra and what it needs around it. ``home`` is a directory of its own."""

    server: HttpServer
    home: Path
    environ: dict[str, str] = field(default_factory=dict)

    def file(self, name: str, text: str) -> str:
        path = self.home / name
        path.write_text(text)
        return str(path)

    def config(self, user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
        if not cluster:
            cluster = {"certificate-authority-data": _b64(AUTHORITY.pem)}
        return kubeconfig(self.server.url, user, **cluster)

    def path(self, user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
        return {"kube_config_path": self.file("config", yaml.safe_dump(self.config(user, **cluster)))}

    def plugin(self, version: str, status: dict[str, Any]) -> dict[str, Any]:
        """A plugin beside the kubeconfig, which gives the token only when it is called as the protocol says."""
        version = f"client.authentication.k8s.io/{version}"
        reply = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})
        script = (
            f"#!{sys.executable}\nimport json, os, sys\n"
            "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
            f"assert info['apiVersion'] == {version!r} and info['spec']['cluster']['server'].startswith('https')\n"
            "assert sys.argv[1:] == ['--for', 'a cluster'] and os.environ['PROFILE'] == 'train'\n"
            f"print({reply!r})\n"
        )
        os.chmod(self.file("plugin", script), 0o700)
        return {
            "exec": {
                "apiVersion": version,
                "command": "./plugin",
                "args": ["--for", "a cluster"],
                "env": [{"name": "PROFILE", "value": "train"}],
                "interactiveMode": "IfAvailable",
                "provideClusterInfo": True,
            }
        }

    def pod(self) -> None:
        self.environ |= {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(self.server.port)}
        self.file("token", "pod-token")
        self.file("ca.crt", AUTHORITY.pem)


def in_cluster(case: Case) -> dict[str, Any]:
    case.pod()
    return {"in_cluster": True}


def nothing_in_a_pod(case: Case) -> dict[str, Any]:
    case.pod()
    return {}


def path_token(case: Case) -> dict[str, Any]:
    return case.path({"token": "t1"})


def prefixed_fields(case: Case) -> dict[str, Any]:
    return {f"extra__kubernetes__{name}": value for name, value in case.path({"token": "t1"}).items()}


def json_text(case: Case) -> dict[str, Any]:
    return {"kube_config": json.dumps(case.config({"token": "t2"}))}


def yaml_text(case: Case) -> dict[str, Any]:
    return {"kube_config": yaml.safe_dump(case.config({"token": "t2"}))}


def an_object(case: Case) -> dict[str, Any]:
    return {"kube_config": case.config({"token": "t3"})}


def other_context(case: Case) -> dict[str, Any]:
    content = case.config({"token": "first"})
    content["users"].append({"name": "v", "user": {"token": "second"}})
    content["contexts"].append({"name": "there", "context": {"cluster": "c", "user": "v"}})
    return {"kube_config": content, "cluster_context": "there"}


def unverified(case: Case) -> dict[str, Any]:
    return {**case.path({"token": "t4"}, **{"disable-compression": True}), "disable_verify_ssl": True}


def unverified_text(case: Case) -> dict[str, Any]:
    return {**case.path({"token": "t4"}, **{"disable-compression": True}), "disable_verify_ssl": "True"}


def insecure_cluster(case: Case) -> dict[str, Any]:
    return case.path({"token": "t5"}, **{"insecure-skip-tls-verify": True})


def no_keepalive(case: Case) -> dict[str, Any]:
    return {**case.path({"token": "t6"}), "disable_tcp_keepalive": True}


def token_file(case: Case) -> dict[str, Any]:
    case.file("secret-token", "from-file")
    return case.path({"tokenFile": "secret-token"})


def token_and_file(case: Case) -> dict[str, Any]:
    case.file("secret-token", "from-file")
    return case.path({"tokenFile": "secret-token", "token": "inline"})


def basic(case: Case) -> dict[str, Any]:
    return case.path({"username": "ada", "password": "p:w"})


def certificate_data(case: Case) -> dict[str, Any]:
    return case.path({"client-certificate-data": _b64(CLIENT.certificate), "client-key-data": _b64(CLIENT.key)})


def certificate_files(case: Case) -> dict[str, Any]:
    case.file("client.crt", CLIENT.certificate)
    return case.path({"client-certificate": "client.crt", "client-key": case.file("client.key", CLIENT.key)})


def certificate_and_token(case: Case) -> dict[str, Any]:
    case.file("both.pem", CLIENT.certificate + CLIENT.key)
    return case.path({"client-certificate": "both.pem", "token": "beside"})


def authority_file(case: Case) -> dict[str, Any]:
    case.file("ca.pem", AUTHORITY.pem)
    return case.path({"token": "t7"}, **{"certificate-authority": "ca.pem"})


def server_name(case: Case) -> dict[str, Any]:
    return case.path(
        {"token": "t8"}, **{"certificate-authority-data": _b64(AUTHORITY.pem), "tls-server-name": "kubernetes.test"}
    )


def exec_v1(case: Case) -> dict[str, Any]:
    return case.path(case.plugin("v1", {"token": "issued"}))


def exec_v1beta1(case: Case) -> dict[str, Any]:
    return case.path(case.plugin("v1beta1", {"token": "issued", "expirationTimestamp": "2099-01-01T00:00:00Z"}))


def exec_v1alpha1(case: Case) -> dict[str, Any]:
    return case.path(case.plugin("v1alpha1", {"token": "issued"}))


def exec_certificate(case: Case) -> dict[str, Any]:
    status = {"clientCertificateData": CLIENT.certificate, "clientKeyData": CLIENT.key}
    return case.path(case.plugin("v1", status))


def oidc(case: Case) -> dict[str, Any]:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 4070908800}).encode()).decode().rstrip("=")
    return case.path({"auth-provider": {"name": "oidc", "config": {"id-token": f"e30.{claims}.c2ln"}}})


def default_path(case: Case) -> dict[str, Any]:
    case.environ["KUBECONFIG"] = case.path({"token": "t9"})["kube_config_path"]
    return {}


def several_paths(case: Case) -> dict[str, Any]:
    """Each name from the first file that has it, the current context from the last."""
    one = case.config({"token": "of the first file".replace(" ", "-")})
    two = case.config({"token": "never"})
    two["users"].append({"name": "v", "user": {"tokenFile": "second-token"}})
    two["contexts"].append({"name": "there", "context": {"cluster": "c", "user": "v"}})
    two["current-context"] = "there"
    (case.home / "sub").mkdir()
    case.file("sub/second-token", "of-the-second-file")
    paths = [case.file("one", json.dumps(one)), str(case.home / "absent"), case.file("sub/two", yaml.safe_dump(two))]
    case.environ["KUBECONFIG"] = ":".join(paths)
    return {}


def several_paths_in_the_connection(case: Case) -> dict[str, Any]:
    several_paths(case)
    return {"kube_config_path": case.environ.pop("KUBECONFIG"), "cluster_context": "here"}


KINDS = [
    in_cluster,
    nothing_in_a_pod,
    path_token,
    prefixed_fields,
    json_text,
    yaml_text,
    an_object,
    other_context,
    unverified,
    unverified_text,
    insecure_cluster,
    no_keepalive,
    token_file,
    token_and_file,
    basic,
    certificate_data,
    certificate_files,
    certificate_and_token,
    authority_file,
    server_name,
    exec_v1,
    exec_v1beta1,
    exec_v1alpha1,
    exec_certificate,
    oidc,
    default_path,
    several_paths,
    several_paths_in_the_connection,
]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[HttpServer]:
    names = ("kubernetes.test",) if request.node.callspec.params["kind"] is server_name else ("127.0.0.1",)
    pair: Pair = AUTHORITY.issue("server", *names)
    with HttpServer(lambda seen: seen.answer(listed(1)), pair, AUTHORITY.pem) as running:
        yield running


def _arrived(server: HttpServer) -> dict[str, Any]:
    seen: Seen = server.seen.pop()
    assert not server.seen
    scheme, _, secret = seen.headers.get("authorization", "").partition(" ")
    return {
        "method": seen.method,
        "path": seen.path,
        "authorization": (scheme.lower(), secret),  # "bearer" and "Bearer" are one scheme
        "client certificate": seen.client,
        "server name": seen.server_name,
    }


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_arrives_is_what_the_provider_sends(
    kind: Any, server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
    from kubernetes.client import Configuration  # type: ignore[import-untyped]
    from kubernetes.config import incluster_config, kube_config  # type: ignore[import-untyped]

    case = Case(server, tmp_path)
    extra = kind(case)
    monkeypatch.setenv("AIRFLOW_CONN_SAME", json.dumps({"conn_type": "kubernetes", "extra": extra}))
    for name, value in case.environ.items():
        monkeypatch.setenv(name, value)
    # What that client reads once, when it is imported, and where it expects a pod's files.
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", case.environ.get("KUBECONFIG", "/absent"))
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(Configuration, "_default", None)

    KubernetesHook(conn_id="same").custom_object_client.list_namespaced_custom_object(
        GROUP, VERSION, "team", PIPELINE.plural
    )
    theirs = _arrived(server)

    with KubeClient(cluster_config(extra, conn_id="same", service_account=tmp_path)) as client:
        client.list(PIPELINE, "team")
    ours = _arrived(server)

    assert ours == theirs
    # An anonymous request would prove nothing.
    assert ours["authorization"][1] or ours["client certificate"]

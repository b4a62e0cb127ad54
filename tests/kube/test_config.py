"""What a connection's fields mean, and what is said about those that cannot work."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from airflow_ack_sagemaker.kube.connection.authenticator import Authenticator
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig, cluster_config
from airflow_ack_sagemaker.kube.connection.proxy import environment_proxy
from airflow_ack_sagemaker.kube.errors import ConfigError, CredentialsError
from tests.kube.certificates import Authority
from tests.kube.objects import kubeconfig


def load(extra: dict[str, Any], **options: Any) -> ClusterConfig:
    return cluster_config(extra, conn_id="k8s", **{"environ": {}, "service_account": Path("/absent"), **options})


def test_exclusive_fields() -> None:
    with pytest.raises(ConfigError, match="'k8s' sets in_cluster and kube_config_path, which exclude each other"):
        load({"in_cluster": True, "kube_config_path": "/x"})


def test_in_cluster_as_the_text_false(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(json.dumps(kubeconfig("https://a")))
    assert load({"in_cluster": "False", "kube_config_path": str(tmp_path / "config")}).server == "https://a"


def test_no_cluster_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(
        ConfigError, match=r"selects no cluster.*KUBERNETES_SERVICE_HOST is not set.*No kubeconfig found"
    ):
        load({})


def test_pod_without_a_token(tmp_path: Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    with pytest.raises(ConfigError, match="no service account token"):
        load({"in_cluster": True}, environ=environ, service_account=tmp_path)


def test_namespaces(tmp_path: Path) -> None:
    content = kubeconfig("https://a")
    assert load({"kube_config": content}).namespace == "default"
    content["contexts"][0]["context"]["namespace"] = "of-context"
    assert load({"kube_config": content}).namespace == "of-context"
    assert load({"kube_config": content, "namespace": "of-connection"}).namespace == "of-connection"
    for name, text in {"token": "t", "ca.crt": "c", "namespace": "of-pod\n"}.items():
        (tmp_path / name).write_text(text)
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    pod = load({"in_cluster": True}, environ=environ, service_account=tmp_path)
    assert (pod.namespace, pod.server) == ("of-pod", "https://[fd00::1]:443")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "neither JSON nor YAML"),
        ("token: [sesame", "neither JSON nor YAML"),
        ("- sesame", "must be an object"),
        (
            json.dumps({**kubeconfig("https://a"), "current-context": ""}),
            "Set the connection's cluster_context to one of: here",
        ),
        (json.dumps({**kubeconfig("https://a"), "current-context": "b"}), "no context 'b'. Its contexts: here"),
        (json.dumps({**kubeconfig("https://a"), "clusters": []}), "names the cluster 'c', which is not there"),
        (json.dumps({**kubeconfig("https://a"), "users": []}), "names the user 'u', which is not there"),
        (json.dumps(kubeconfig("a:6443")), "must be an http:// or https:// URL"),
        (
            json.dumps(kubeconfig("https://a", {}, **{"certificate-authority": "/absent/ca"})),
            "does not exist: /absent/ca",
        ),
        (
            json.dumps(kubeconfig("https://a", {"exec": {"command": "x", "apiVersion": "v9"}})),
            "apiVersion 'v9'; known are",
        ),
        (
            json.dumps(
                kubeconfig(
                    "https://a",
                    {
                        "exec": {
                            "command": "x",
                            "apiVersion": "client.authentication.k8s.io/v1",
                            "interactiveMode": "Always",
                        }
                    },
                )
            ),
            "wants a terminal",
        ),
        (json.dumps(kubeconfig("https://a", {"auth-provider": {"name": "azure"}})), "removed auth providers in 1.26"),
    ],
)
def test_broken_kubeconfigs(content: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load({"kube_config": content})
    assert said in str(error.value)
    assert "sesame" not in str(error.value)


def test_an_expired_login_of_a_removed_kind() -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 1}).encode()).decode().rstrip("=")
    user = {"auth-provider": {"name": "oidc", "config": {"id-token": f"e30.{claims}.c2ln"}}}
    with pytest.raises(ConfigError, match="has expired"):
        load({"kube_config": kubeconfig("https://a", user)})


def test_nothing_secret_is_printed() -> None:
    secret = {
        "token": "sesame-token",
        "client-key-data": base64.b64encode(b"sesame-key").decode(),
        "client-certificate-data": base64.b64encode(b"sesame-certificate").decode(),
    }
    plugin = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "x",
            "args": ["sesame-argument"],
            "env": [{"name": "PASSWORD", "value": "sesame-environment"}],
        }
    }
    for user in (secret, {"username": "u", "password": "sesame"}, plugin):
        config = load({"kube_config": kubeconfig("https://a", user, **{"proxy-url": "http://u:sesame@proxy"})})
        assert "sesame" not in repr(config)
        assert "sesame" not in str(config.credential)


def test_equal_connections_are_equal_keys() -> None:
    one, two = (load({"kube_config": kubeconfig("https://a", {"token": "t"})}) for _ in range(2))
    other = load({"kube_config": kubeconfig("https://a", {"token": "u"})})
    assert len({one, two, other}) == 2


@pytest.mark.parametrize("token", ["two\nlines", "a b", "naïve"])
def test_impossible_tokens(token: str) -> None:
    with pytest.raises(ConfigError, match="character that a token cannot contain") as error:
        Authenticator(load({"kube_config": kubeconfig("https://a", {"token": token})})).load()
    assert token not in str(error.value)


def test_missing_token_file() -> None:
    with pytest.raises(CredentialsError, match=r"/absent/token cannot be read: No such file"):
        Authenticator(load({"kube_config": kubeconfig("https://a", {"tokenFile": "/absent/token"})})).load()


def test_a_token_file_is_read_again_after_a_minute(tmp_path: Path) -> None:
    path, now = tmp_path / "token", [1000.0]
    path.write_text("one")
    auth = Authenticator(load({"kube_config": kubeconfig("https://a", {"tokenFile": str(path)})}), now=lambda: now[0])
    auth.load()
    path.write_text("two")
    now[0] += 59
    auth.load()
    assert auth.headers == [("Authorization", "Bearer one")]
    now[0] += 2
    assert auth.stale
    auth.load()
    assert auth.headers == [("Authorization", "Bearer two")]


def test_a_key_of_another_certificate() -> None:
    authority = Authority()
    one, two = authority.issue("one"), authority.issue("two")
    user = {
        "client-certificate-data": base64.b64encode(one.certificate.encode()).decode(),
        "client-key-data": base64.b64encode(two.key.encode()).decode(),
    }
    auth = Authenticator(load({"kube_config": kubeconfig("https://a", user)}))
    auth.load()
    with pytest.raises(ConfigError, match="belong together"):
        auth.tls()


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({}, ""),
        ({"HTTPS_PROXY": "http://p"}, "http://p"),
        ({"HTTPS_PROXY": "http://p", "http_proxy": "http://q"}, "http://q"),
        ({"HTTPS_PROXY": "p:3128"}, "http://p:3128"),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "*"}, ""),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "example.org"}, ""),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": ".example.org, other"}, ""),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "k8s.example.org:6443"}, ""),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "*", "no_proxy": "other"}, "http://p"),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "ample.org"}, "http://p"),
    ],
)
def test_proxies_of_the_environment(environ: dict[str, str], proxy: str) -> None:
    assert environment_proxy("https://k8s.example.org:6443", environ) == proxy


def test_proxies_and_networks() -> None:
    environ = {"HTTPS_PROXY": "http://p", "NO_PROXY": "10.0.0.0/8"}
    assert environment_proxy("https://10.1.2.3:443", environ) == ""
    assert environment_proxy("https://11.1.2.3:443", environ) == "http://p"
    strong = load({"kube_config": kubeconfig("https://10.1.2.3", {}, **{"proxy-url": "http://own"})}, environ=environ)
    assert strong.proxy == "http://own"

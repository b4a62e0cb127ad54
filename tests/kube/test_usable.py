"""A kubeconfig of odd shape is one clear error when it is read, and never an exception of httpx, idna or ssl later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
from airflow_ack_sagemaker.kube.async_client import AsyncKubeClient
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig, cluster_config
from airflow_ack_sagemaker.kube.errors import ConfigError, KubeError

CLOSED = "http://127.0.0.1:9"
"""Nothing listens there."""
ODD: list[Any] = [
    "", " ", "\n", "\r\nX: y", "\ud800", "é", "\0", "a" * 300, "/", "?", "#", "..", "%", "[",
    5, 5.5, True, [], {}, ["a"], {"a": 1}, None, float("nan"),
]  # fmt: skip


def kubeconfig(user: Any = None, context: Any = None, **cluster: Any) -> dict[str, Any]:
    return {
        "clusters": [{"name": "c", "cluster": {"server": CLOSED, **cluster}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", **(context or {})}}],
        "current-context": "x",
    }


def read(extra: dict[str, Any]) -> ClusterConfig:
    return cluster_config(extra, conn_id="odd", environ={})


@pytest.mark.parametrize(
    "server",
    [
        "http://127.0.0.1:99999", "http://127.0.0.1:x", "http://127.0.0.1:0", "http://\ud800", "http://xn--",
        "http://127.0.0.1:9/\ud800", "http://\0", "http://127.0.0.1:9\n", "http://[::1", "http:///x", "http://a b",
        "http://127.0.0.1:9?x=", "http://127.0.0.1:9/x#y", "file:///etc/passwd", "unix:///var/run/docker.sock",
    ],
)  # fmt: skip
def test_a_server_is_a_host_a_port_and_a_path(server: str) -> None:
    with pytest.raises(ConfigError):
        read({"kube_config": kubeconfig(server=server)})


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:9", "socks4://x", "file:///etc/passwd", "http://[", "http://\ud800", "x", "http://:9"]
)
def test_a_proxy_is_one_that_can_be_used(proxy: str) -> None:
    with pytest.raises(ConfigError):
        read({"kube_config": kubeconfig(**{"proxy-url": proxy})})


@pytest.mark.parametrize(
    "user",
    [
        {"username": "\ud800", "password": "x"},
        {"as": "é"},
        {"as": "a\r\nX-Remote-User: admin"},
        {"as": "a", "as-uid": "\ud800"},
        {"as": "a", "as-groups": ["é"]},
        {"as": "a", "as-user-extra": {"k": ["é"]}},
    ],
    ids=ascii,
)
def test_what_becomes_a_header_can_be_one(user: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        read({"kube_config": kubeconfig(user)})


@pytest.mark.parametrize("name", ["a\0b", "a" * 300, "\ud800", ".x"], ids=ascii)
def test_a_name_in_tls_is_the_name_of_a_host(name: str) -> None:
    with pytest.raises(ConfigError, match="tls-server-name"):
        read({"kube_config": kubeconfig(**{"tls-server-name": name})})


def test_the_error_has_no_secret() -> None:
    for cluster in ({"server": "http://me:hunter2@127.0.0.1:x"}, {"proxy-url": "http://me:hunter2@[:9"}):
        with pytest.raises(ConfigError) as raised:
            read({"kube_config": kubeconfig(**cluster)})
        assert "hunter2" not in str(raised.value)


def everywhere() -> Iterator[dict[str, Any]]:
    """Each odd value at each place of a connection and its kubeconfig."""
    for odd in ODD:
        for key in ("token", "as", "as-uid", "as-groups", "as-user-extra", "client-certificate-data",
                    "client-key-data", "auth-provider", "exec", "username"):  # fmt: skip
            yield {"kube_config": kubeconfig({key: odd, "password": odd})}
        for key in ("server", "tls-server-name", "certificate-authority-data", "insecure-skip-tls-verify",
                    "proxy-url", "extensions"):  # fmt: skip
            yield {"kube_config": kubeconfig(**{"server": "https://127.0.0.1:9", key: odd})}
        yield {"kube_config": kubeconfig(context={"namespace": odd})}
        for key in ("namespace", "cluster_context", "in_cluster", "disable_verify_ssl", "disable_tcp_keepalive"):
            yield {"kube_config": kubeconfig(), key: odd}
        for key in ("kube_config", "kube_config_path"):
            yield {key: odd}
        for key in ("clusters", "users", "contexts", "current-context"):
            yield {"kube_config": {**kubeconfig(), key: odd}}
            yield {"kube_config": {**kubeconfig(), key: [odd]}}


async def test_whatever_is_written_is_an_error_of_ours() -> None:
    """Up to the request: what is taken is sent, to where nothing listens."""

    async def no_pause(_: float) -> None:
        return

    reached = 0
    for extra in everywhere():
        try:
            config = read(extra)
        except ConfigError:
            continue
        async with AsyncKubeClient(config, sleep=no_pause) as client:
            with pytest.raises(KubeError):
                await client.list_page(PIPELINE)
        reached += 1
    assert reached > 50


ALIAS = "a0: &a0 [x]\n" + "".join(f"a{one}: &a{one} [*a{one - 1}, *a{one - 1}]\n" for one in range(1, 30))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ALIAS, "an alias"),
        ("a: &a [*a, *a]", "an alias"),
        ("clusters: &c []\nusers: *c", "an alias"),
        ("<<: {clusters: []}", "a merge key"),
        ("[" * 100_000, "nested more than"),
        ("a: 1" + ":1" * 1_000, "a number of more than"),
        ("a: 1" + ":1" * 190 + ".5", "neither JSON nor YAML"),
        ("a: !!int ''", "neither JSON nor YAML"),
        ("a: !!timestamp sesame", "neither JSON nor YAML"),
        ("a: b\n---\na: b", "2 YAML documents"),
    ],
    ids=lambda text: text[:20],
)
def test_a_text_is_no_more_than_it_is_long(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(text)
    for extra in ({"kube_config": text}, {"kube_config_path": str(tmp_path / "config")}):
        with pytest.raises(ConfigError, match=said) as error:
            read(extra)
        assert "sesame" not in str(error.value)


def test_what_kubectl_writes_has_no_alias() -> None:
    """Equal values are written out; a star in a text is none."""
    text = yaml.safe_dump(kubeconfig({"exec": PLUGIN | {"args": ["--audience", "*"]}}, {"namespace": "a"}))
    assert read({"kube_config": text}).namespace == "a"


LONG = "x" * 100_000
PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "command": "p"}


@pytest.mark.parametrize(
    "content",
    [
        kubeconfig(server=LONG),
        kubeconfig(server=f"{CLOSED}/{LONG}"),
        kubeconfig(**{"certificate-authority": f"/{LONG}"}),
        kubeconfig(**{"certificate-authority-data": "a"}) | {"current-context": LONG},
        kubeconfig(context={"cluster": LONG}),
        kubeconfig(context={"user": LONG}),
        kubeconfig(context={"namespace": LONG}),
        kubeconfig({"exec": PLUGIN | {"apiVersion": LONG}}),
        kubeconfig({"exec": PLUGIN | {"command": [LONG]}}),
        kubeconfig({"exec": PLUGIN | {"args": [[LONG]]}}),
        kubeconfig({"exec": PLUGIN | {"env": [{"name": "a", "value": {"a": LONG}}]}}),
        kubeconfig({"auth-provider": {"name": LONG}}),
        kubeconfig({"auth-provider": {"name": "oidc", "config": {"id-token": [LONG]}}}),
        kubeconfig({"as": [LONG]}),
        kubeconfig({"as": "a", "as-groups": [[LONG]]}),
        kubeconfig({"as": "a", "as-user-extra": {LONG: ["é"]}}),
        {"contexts": [{"name": f"{one}", "context": {}} for one in range(2_000)]},
        {"clusters": [{"name": LONG, "cluster": [1]}]},
        kubeconfig({"token": 5.5}),
        kubeconfig({"token": [LONG]}),
    ],
    ids=lambda content: str(content)[:150],
)
def test_a_message_is_short_however_long_a_value_is(content: dict[str, Any]) -> None:
    for given in (content, yaml.safe_dump(content)):
        with pytest.raises(ConfigError) as error:
            read({"kube_config": given})
        assert len(str(error.value)) < 1_000


def test_a_text_is_a_text_a_number_or_a_word() -> None:
    """As YAML has them without quotes; a date or a list is none."""
    assert read({"kube_config": "\n".join([yaml.safe_dump(kubeconfig({"token": 5}))])}).credential.token == "5"
    with pytest.raises(ConfigError, match=r"token of 'u' must be a text, not of type date: write it in quotes"):
        read({"kube_config": kubeconfig({"token": date(2026, 11, 1)})})

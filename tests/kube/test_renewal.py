"""A connection that was changed while a client of it lives: both clients go on with what it says now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION as KIND
from airflow_ack_sagemaker.kube.client import AsyncKubeClient, KubeClient
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import Unauthorized
from tests.kube.objects import config, event, listed, stored
from tests.kube.servers import HttpServer, Seen

Ask = Callable[[ClusterConfig, Callable[[], ClusterConfig], str], Any]


def blocking(config: ClusterConfig, resolve: Callable[[], ClusterConfig], method: str) -> Any:
    with KubeClient(config, resolve=resolve) as client:
        if method == "watch":
            return [one.object for one in client.watch(KIND, resource_version="1")]
        return getattr(client, method)(KIND, "x")


def awaiting(config: ClusterConfig, resolve: Callable[[], ClusterConfig], method: str) -> Any:
    async def read() -> ClusterConfig:
        return resolve()

    async def ask() -> Any:
        async with AsyncKubeClient(config, resolve=read) as client:
            if method == "watch":
                return [one.object async for one in client.watch(KIND, resource_version="1")]
            return await getattr(client, method)(KIND, "x")

    return asyncio.run(ask())


WAYS = [blocking, awaiting]


def only(token: str) -> Callable[[Seen], None]:
    def behave(seen: Seen) -> None:
        if seen.headers.get("authorization") != f"Bearer {token}":
            seen.refuse(401, "Unauthorized")
        elif "watch" in seen.query:
            seen.stream(event("ADDED", stored("x", 2)))
        else:
            seen.answer(stored("x", 1) if seen.path.endswith("/x") else listed(1))

    return behave


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("method", ["get", "delete", "watch"])
def test_a_token_that_was_replaced_in_the_connection_is_read_again(ask: Ask, method: str) -> None:
    with HttpServer(only("new")) as server:
        assert ask(config(server.url, {"token": "old"}), lambda: config(server.url, {"token": "new"}), method)
    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("method", ["get", "watch"])
def test_one_that_is_refused_still_is_an_error(ask: Ask, method: str) -> None:
    with HttpServer(only("new")) as server:
        old = config(server.url, {"token": "old"})
        with pytest.raises(Unauthorized):
            ask(old, lambda: old, method)
        with pytest.raises(Unauthorized):
            ask(old, lambda: config(server.url, {"token": "wrong"}), method)
    assert len(server.seen) == 3


@pytest.mark.parametrize("ask", WAYS)
def test_a_client_does_not_go_to_another_cluster(ask: Ask) -> None:
    """A deletion that was meant for one cluster must not hit another."""
    with HttpServer(only("new")) as here, HttpServer(only("new")) as there:
        with pytest.raises(Unauthorized):
            ask(config(here.url, {"token": "old"}), lambda: config(there.url, {"token": "new"}), "delete")
        assert there.seen == []


@pytest.mark.parametrize("ask", WAYS)
def test_a_connection_that_cannot_be_read_now_is_no_other_error(ask: Ask) -> None:
    def resolve() -> ClusterConfig:
        raise LookupError("the secrets backend is away")

    with HttpServer(only("new")) as server, pytest.raises(Unauthorized):
        ask(config(server.url, {"token": "old"}), resolve, "get")


def test_the_digest_tells_ways_apart_and_is_made_of_no_secret() -> None:
    here = "https://here"
    same = [config(here, {"token": "a"}), config(here, {"token": "b"})]
    assert len({one.digest for one in same}) == 1
    others = [
        config("https://there", {"token": "a"}),
        config(here),
        config(here, {"token": "a", "as": "robot"}),
        config(here, {"token": "a"}, **{"certificate-authority-data": "YQ=="}),
        config(here, {"token": "a"}, **{"insecure-skip-tls-verify": True}),
        config(here, {"username": "u", "password": "p"}),
    ]
    assert len({one.digest for one in [*same, *others]}) == 1 + len(others)

"""The client for single requests outlives neither its credential nor its connection."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airflow_ack_sagemaker.kube.errors import NotFound, Unauthorized, Unreachable
from airflow_ack_sagemaker.plugin.connected import Connected


class Client:
    """A client with a token, of a server that accepts one token."""

    def __init__(self, server: Server, token: str) -> None:
        self.server, self.token, self.closed = server, token, False

    async def close(self) -> None:
        self.closed = True

    async def ask(self) -> str:
        self.server.asked.append(self.token)
        if self.server.error is not None:
            raise self.server.error
        if self.token != self.server.token:
            raise Unauthorized("no", status=401)
        return self.token


class Server:
    def __init__(self) -> None:
        self.token = self.connection = "first"
        self.asked: list[str] = []
        self.clients: list[Client] = []
        self.error: Exception | None = None

    async def connect(self) -> Any:
        self.clients.append(Client(self, self.connection))
        return self.clients[-1]


async def ask(client: Any) -> str:
    found: str = await client.ask()
    return found


async def test_a_rotated_token_is_read_from_the_connection() -> None:
    server = Server()
    connected = Connected(server.connect)
    assert await connected.call(ask) == "first"
    server.token = server.connection = "second"
    assert await connected.call(ask) == "second"
    assert server.asked == ["first", "first", "second"]
    assert [client.closed for client in server.clients] == [True, False]
    await connected.close()
    assert server.clients[-1].closed


async def test_a_token_that_stays_refused_is_asked_for_once_more_only() -> None:
    server = Server()
    server.token = "another"
    connected = Connected(server.connect)
    with pytest.raises(Unauthorized):
        await connected.call(ask)
    assert len(server.asked) == 2
    assert all(client.closed for client in server.clients)


@pytest.mark.parametrize(("error", "clients"), [(Unreachable("gone"), 2), (NotFound("none"), 1)])
async def test_what_a_changed_connection_can_mend_is_tried_with_a_new_client(error: Exception, clients: int) -> None:
    server = Server()
    connected = Connected(server.connect)
    server.error = error
    with pytest.raises(type(error)):
        await connected.call(ask)
    server.error = None
    assert await connected.call(ask) == "first"
    assert len(server.clients) == clients


async def test_a_client_that_others_use_is_closed_when_they_are_done() -> None:
    server = Server()
    connected = Connected(server.connect)
    going = asyncio.Event()

    async def slow(client: Any) -> bool:
        await going.wait()
        return bool(client.closed)

    waiting = asyncio.ensure_future(connected.call(slow))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    server.token = server.connection = "second"
    assert await connected.call(ask) == "second"
    assert not server.clients[0].closed
    going.set()
    assert await waiting is False
    assert server.clients[0].closed

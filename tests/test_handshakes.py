"""A TLS handshake that is cut off leaves no connection open."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any, Protocol

import httpx
import pytest
from lightkube.config import client_adapter

from airflow_ack_sagemaker.handshakes import close_when_cut
from harness.waiting import HUNG


class Http(Protocol):
    """What httpx and httpx2 have alike: lightkube has either, by its version."""

    AsyncClient: Any
    AsyncHTTPTransport: Any


@pytest.mark.parametrize("library", [httpx, vars(client_adapter)["httpx"]], ids=["ours", "lightkube's"])
async def test_the_server_sees_the_end_of_a_handshake_that_is_cut(library: Http) -> None:
    hello, ended = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear the client's hello, answer nothing, and wait for the end."""
        await reader.read(65536)
        hello.set()
        while await reader.read(65536):
            pass
        ended.set()
        writer.close()

    transport = library.AsyncHTTPTransport(verify=ssl.create_default_context(), trust_env=False)
    close_when_cut(transport)
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with library.AsyncClient(transport=transport, trust_env=False) as client:
            asking = asyncio.create_task(client.get(f"https://127.0.0.1:{port}"))
            await hello.wait()
            asking.cancel()
            await asyncio.wait([asking])
            # The task, with its frames, is still there: nothing is left to Python's collector.
            async with asyncio.timeout(HUNG):
                await ended.wait()
        assert asking.cancelled()

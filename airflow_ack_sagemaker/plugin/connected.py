"""The client for single requests: it outlives neither its credential nor its connection."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

from airflow_ack_sagemaker.kube.client import AsyncKubeClient
from airflow_ack_sagemaker.kube.errors import ConfigError, Forbidden, Unauthorized, Unreachable

T = TypeVar("T")

_RENEWED = (ConfigError, Forbidden, Unauthorized, Unreachable)
"""Errors that a changed connection can mend: a rotated token, a moved server."""


class Connected:
    """Keeps a client as long as it is of use.

    :param connect: reads the connection, and makes a client.
    """

    def __init__(self, connect: Callable[[], Awaitable[AsyncKubeClient]]) -> None:
        self._connect = connect
        self._client: AsyncKubeClient | None = None
        self._connecting = asyncio.Lock()
        self._users: Counter[int] = Counter()

    async def call(self, request: Callable[[AsyncKubeClient], Awaitable[T]]) -> T:
        """What a request gives. A refused credential is read anew from the connection, once.

        :raises Exception: what the request, or the connection, raises.
        """
        try:
            return await self._try(request)
        except Unauthorized:
            # It was not carried out, so that it can be sent again.
            return await self._try(request)

    async def close(self) -> None:
        """Close the connections; those in use when they are no more."""
        client, self._client = self._client, None
        if client is not None and not self._users[id(client)]:
            await client.close()

    async def _try(self, request: Callable[[AsyncKubeClient], Awaitable[T]]) -> T:
        async with self._connecting:
            if self._client is None:
                self._client = await self._connect()
            client = self._client
        self._users[id(client)] += 1
        try:
            return await request(client)
        except _RENEWED:
            if self._client is client:
                self._client = None
            raise
        finally:
            self._users[id(client)] -= 1
            if not self._users[id(client)]:
                del self._users[id(client)]
                if self._client is not client:
                    await client.close()

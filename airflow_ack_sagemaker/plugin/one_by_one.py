"""Requests enter the application one after another, each in a turn of the event loop of its own.

A hundred pages that ask at one moment come in one turn. Airflow asks its database in the event loop who each of them
is, so that this turn was as long as a hundred questions; and an answer takes some twenty turns, also everybody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application."""


class OneByOne:
    """The same ASGI application. What a request waits for in it holds up no other one."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._door = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        async with self._door:
            await asyncio.sleep(0)  # whoever else is ready
        await self._app(scope, receive, send)

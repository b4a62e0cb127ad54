"""Connections that hold the server up: whoever begins a request and does not end it, or does not read its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from time import monotonic
from typing import Any

STALL_SECONDS = 32.0
"""How long a request may take to arrive, as kube-apiserver has it, and how long an answer may lie unread."""
_LOOKS = 8
"""How often within that time each connection is looked at."""


async def close_stalled(connections: Collection[Any], seconds: float) -> None:
    """Close connections that stall, for ever.

    :param connections: uvicorn's, as the server keeps them.
    :param seconds: how long one may stall.
    """
    since: dict[Any, tuple[Any, float]] = {}
    while True:
        await asyncio.sleep(seconds / _LOOKS)
        now = monotonic()
        before, since = since, {}
        for connection in list(connections):
            if (stall := _stall(connection)) is None:
                continue
            known, start = before.get(connection, (stall, now))
            since[connection] = (stall, start) if known == stall else (stall, now)
            if now - since[connection][1] >= seconds:
                connection.transport.abort()


def _stall(connection: Any) -> tuple[str, int] | None:
    """What the connection waits for its client to do; None while it is the server's turn, or nobody's."""
    cycle, transport = connection.cycle, connection.transport
    if transport is None or transport.is_closing():
        return None
    if connection.flow.write_paused:
        # As long as something is taken, it is only slow.
        return "unread", transport.get_write_buffer_size()
    if cycle is None:
        return "request", 0
    if cycle.more_body:
        return "body", id(cycle)
    if cycle.response_complete:
        # Between two requests the server counts the time itself, until the first byte of the second.
        return ("request", id(cycle)) if connection.timeout_keep_alive_task is None else None
    return None

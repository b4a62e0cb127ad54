"""A connection whose TLS handshake is cut off is closed.

httpcore closes it only after an error: ``start_tls`` of its anyio backend has ``except Exception``, and a task that is
cancelled gets a BaseException (httpcore 1.0.9, httpcore2 2.16.2). The pool does not know the connection yet, so closing
the client does not close it either: it stays open until Python's collector finds it.
"""

from __future__ import annotations

from typing import Any


def close_when_cut(transport: Any) -> None:
    """Close what the transport cannot.

    :param transport: an ``AsyncHTTPTransport`` of httpx or httpx2. Neither has a public way to its network backend.
    """
    pool: Any = getattr(transport, "_pool", None)
    if (backend := getattr(pool, "_network_backend", None)) is not None:
        pool._network_backend = _Backend(backend)


class _Backend:
    def __init__(self, backend: Any) -> None:
        self._backend = backend

    async def connect_tcp(self, *args: Any, **kwargs: Any) -> _Stream:
        return _Stream(await self._backend.connect_tcp(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


class _Stream:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def start_tls(self, *args: Any, **kwargs: Any) -> _Stream:
        try:
            # Wrapped again: through a proxy, the handshake with the server comes after the one with the proxy.
            return _Stream(await self._stream.start_tls(*args, **kwargs))
        except BaseException:
            await self._stream.aclose()
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

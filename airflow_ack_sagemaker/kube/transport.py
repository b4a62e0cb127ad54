"""The HTTP side that both clients share: settings for httpx, and its exceptions as ours."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from airflow_ack_sagemaker import __version__
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import ConfigError, Unreachable
from airflow_ack_sagemaker.kube.reading import QUIET_SECONDS, Reading
from airflow_ack_sagemaker.kube.requests import Request

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


def timeout(read: float = QUIET_SECONDS) -> httpx.Timeout:
    """The time-outs of one request, in seconds; ``read`` is how long nothing may come."""
    return httpx.Timeout(connect=10.0, read=read, write=30.0, pool=30.0)


def options(config: ClusterConfig, context: ssl.SSLContext) -> dict[str, Any]:
    """Arguments of httpx's transports.

    :raises ConfigError: the proxy cannot be used.
    """
    proxy = None
    if config.proxy:
        try:
            proxy = httpx.Proxy(config.proxy)
        except (ValueError, httpx.InvalidURL):
            raise ConfigError(f"{config.source}: the proxy's URL is not one of http, https or socks5.") from None
    return {
        "verify": context,
        "trust_env": False,
        "proxy": proxy,
        "socket_options": _keepalive(config.keepalive),
        "limits": httpx.Limits(max_connections=100, max_keepalive_connections=10, keepalive_expiry=30.0),
    }


def headers(request: Request, credential: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """All headers of a request."""
    given = [
        ("Accept", "application/json"),
        # kube-apiserver compresses some watches, one gzip member an event, of which httpx would decode the first only.
        ("Accept-Encoding", "identity" if request.verb == "watch" else "gzip"),
        ("User-Agent", f"airflow-ack-sagemaker/{__version__}"),
    ]
    if request.content is not None:
        given.append(("Content-Type", request.content_type))
    return given + credential


def unreachable(reading: Reading, config: ClusterConfig, error: Exception) -> Unreachable:
    """Our error for one of httpx: what happened, in words, and whether the request may have been carried out."""
    if isinstance(error, httpx.ReadTimeout):
        return reading.silence()
    sent = not isinstance(error, _NOT_SENT)
    causes = list(_causes(error))
    parts = urlsplit(config.server)
    host = parts.hostname or config.server
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if isinstance(tls, ssl.SSLCertVerificationError):
        what = (
            f"TLS certificate problem: {tls.verify_message or tls.reason}. Check the certificate authority of the "
            "connection's kubeconfig, the host name in the server's URL, or tls-server-name"
        )
    elif tls is not None:
        what = (
            f"TLS problem: {tls.reason or tls}. Check that the URL's scheme is right and whether the server asks for a "
            "client certificate"
        )
    elif any(isinstance(cause, socket.gaierror) for cause in causes):
        what = f"the host name {host!r} cannot be resolved"
    elif any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        what = "connection refused: nothing listens there"
    elif isinstance(error, httpx.ConnectTimeout):
        what = "no connection within 10 s: a firewall, a private endpoint or a wrong address?"
    elif isinstance(error, httpx.ProxyError):
        what = f"the proxy refused: {error}"
    else:
        what = f"the connection failed ({type(error).__name__}{f': {error}' if str(error) else ''})"
    proxy = " through the configured proxy" if config.proxy else ""
    return Unreachable(
        f"Cannot {reading.request}: {config.server}{proxy} is not reachable: {what} ({config.source}).", sent=sent
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__]
        waiting += getattr(current, "exceptions", ())


def _keepalive(setting: tuple[int, int, int] | None) -> list[tuple[int, int, int]]:
    given = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    if setting is None:
        return given
    given.append((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
    for name, value in zip(("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"), setting, strict=True):
        if hasattr(socket, name):  # not on every platform
            given.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return given

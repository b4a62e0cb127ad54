"""Small HTTP servers: one that records what arrives, and any misbehaviour that a test asks for."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from harness.waiting import HUNG
from tests.kube.certificates import Pair


@dataclass
class Seen:
    """One request as it arrived. ``answer`` and what follows send the reply."""

    handler: BaseHTTPRequestHandler
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    number: int
    client: str = ""
    server_name: str | None = None

    def answer(self, value: Any, status: int = 200, *, retry_after: str = "") -> None:
        """One JSON document, or text."""
        content = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.handler.send_response(status)
        if retry_after:
            self.handler.send_header("Retry-After", retry_after)
        self.handler.send_header("Content-Length", str(len(content)))
        self.handler.end_headers()
        self.handler.wfile.write(content)

    def refuse(self, status: int, reason: str = "", message: str = "", retry_after: str = "") -> None:
        """A Status object."""
        body = {
            "kind": "Status",
            "status": "Failure",
            "code": status,
            "reason": reason,
            "message": message,
            "details": {},
        }
        self.answer(body, status, retry_after=retry_after)

    def stream(self, *events: dict[str, Any] | bytes) -> None:
        """Lines of a watch; bytes go out as they are. The connection is closed when the handler returns."""
        self.handler.send_response(200)
        self.handler.send_header("Connection", "close")
        self.handler.end_headers()
        for event in events:
            self.handler.wfile.write(event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n")
            self.handler.wfile.flush()

    def hang_up(self) -> None:
        """Close the connection without an answer."""
        self.handler.close_connection = True
        self.handler.connection.close()


Behaviour = Callable[[Seen], None]


class HttpServer:
    """Runs ``behaviour`` for every request; ``seen`` has them all. With a pair it speaks TLS and asks for client
    certificates.
    """

    def __init__(self, behaviour: Behaviour, pair: Pair | None = None, authority: str = "") -> None:
        self.seen: list[Seen] = []
        self._arrived = threading.Condition()
        self.released = threading.Event()
        """Set when the server ends: a behaviour that hangs waits for it."""
        self.waited_out = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                url = urlsplit(self.path)
                with outer._arrived:
                    seen = Seen(
                        self,
                        self.command,
                        url.path,
                        {name: values[0] for name, values in parse_qs(url.query).items()},
                        {name.lower(): value for name, value in self.headers.items()},
                        self.rfile.read(length),
                        len(outer.seen),
                        *_peer(self.connection),
                    )
                    outer.seen.append(seen)
                    outer._arrived.notify_all()
                behaviour(seen)

            do_GET = do_POST = do_PATCH = do_DELETE = do_CONNECT = _serve

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that left is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if pair else 'http'}://127.0.0.1:{self.port}"
        if pair:
            context = pair.server_context()
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(cadata=authority)
            context.sni_callback = _remember_name
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def hang(self, seconds: float = 60.0) -> None:
        """Say nothing until the server ends. Whoever waits for it all the time is counted in `waited_out`."""
        if not self.released.wait(seconds):
            self.waited_out += 1

    def wait_for(self, count: int, seconds: float = HUNG) -> None:
        """Until so many requests have arrived."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.seen) >= count, seconds), (
                f"{len(self.seen)} of {count} requests"
            )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _remember_name(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
    connection.asked_for = name  # type: ignore[union-attr]


def _peer(connection: Any) -> tuple[str, str | None]:
    if not isinstance(connection, ssl.SSLSocket):
        return "", None
    certificate: Any = connection.getpeercert() or {}
    names = dict(pair[0] for pair in certificate.get("subject", ()))
    return names.get("commonName", ""), getattr(connection, "asked_for", None)

"""A proxy for faults: it stands before one HTTP server, passes everything on, and breaks what a rule tells it to break.

It speaks plain HTTP or TLS to either side. A rule sees a request before it is passed on, so a test can act at an exact
point of a conversation: before a request has an effect, after it had one and before anybody knows, or after the reply.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from tests.kube.certificates import Authority

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "te", "trailer", "upgrade"})
_ABRUPT = struct.pack("ii", 1, 0)


class Exchange:
    """One request and what becomes of it. Exactly one of ``relay``, ``reply`` and ``drop`` ends it."""

    def __init__(
        self, handler: BaseHTTPRequestHandler, upstream: Upstream, body: bytes, rewrite: Rewrite | None = None
    ) -> None:
        self._handler = handler
        self._upstream = upstream
        self._rewrite = rewrite
        self.body = body
        self.method = handler.command
        self.path = handler.path
        self.client_port: int = handler.client_address[1]
        self.headers = {name.lower(): value for name, value in handler.headers.items()}

    @property
    def text(self) -> str:
        """The request's path and body, to look into."""
        return f"{self.path} {self.body.decode(errors='replace')}"

    @property
    def watch(self) -> bool:
        """Whether it is a Kubernetes watch."""
        return "watch=1" in self.path or "watch=true" in self.path

    def forward(self) -> http.client.HTTPResponse:
        """Have the server carry it out; the reply, of which the client knows nothing yet."""
        return self._upstream.send(self.method, self.path, self.body, self.headers.items())

    def relay(self, response: http.client.HTTPResponse | None = None, limit: Limit | None = None) -> None:
        """Pass the reply on as it comes, up to ``limit``: what it makes of a piece is the last that the client gets."""
        response = response or self.forward()
        self._handler.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self._handler.send_header(name, value)
        if response.chunked:
            self._handler.send_header("Transfer-Encoding", "chunked")
            self._handler.end_headers()
            for piece in self._pieces(response):
                cut = limit(piece) if limit else None
                part = piece if cut is None else cut
                self._write(b"%x\r\n%s\r\n" % (len(part), part))
                if cut is not None:
                    return self.drop(abruptly=False)
            return self._write(b"0\r\n\r\n")
        content = response.read()
        if self._rewrite is not None:
            content = self._rewrite(content)
        if response.status not in (204, 304):
            self._handler.send_header("Content-Length", str(len(content)))
        self._handler.end_headers()
        return self._write(content)

    def _pieces(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        """A stream as it comes; whole lines of it, where they are rewritten."""
        begun = b""
        while piece := response.read1(65536):
            if self._rewrite is None:
                yield piece
                continue
            lines, newline, begun = (begun + piece).rpartition(b"\n")
            if newline:
                yield self._rewrite(lines + newline)
        if begun and self._rewrite is not None:
            yield self._rewrite(begun)

    def reply(self, status: int, body: Any = None, **headers: str) -> None:
        """Answer in the server's place; a keyword ``Retry_After`` is the header Retry-After."""
        content = b"" if body is None else json.dumps(body).encode() + b"\n"
        self._handler.send_response(status)
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.send_header("Content-Type", "application/json")
        self._handler.send_header("Content-Length", str(len(content)))
        self._handler.end_headers()
        self._write(content)

    def await_hangup(self, seconds: float) -> bool:
        """Say nothing until the client gives up, ``seconds`` at most; whether it has."""
        return bool(select.select([self._handler.connection], [], [], seconds)[0])

    def drop(self, *, abruptly: bool = True) -> None:
        """End the connection, with a reset unless told otherwise."""
        handler = self._handler
        handler.close_connection = True
        with suppress(OSError):
            if abruptly:
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPT)
            else:
                handler.connection.shutdown(socket.SHUT_RDWR)
        handler.connection.close()

    def _write(self, content: bytes) -> None:
        self._handler.wfile.write(content)
        self._handler.wfile.flush()


Limit = Callable[[bytes], bytes | None]
"""Looks at a piece of a stream: None passes it on, bytes are sent in its place and are the last."""
Rewrite = Callable[[bytes], bytes]
"""Makes of the content of a reply (of a stream: whole lines) what the client gets."""
Matcher = Callable[[Exchange], bool]
Action = Callable[[Exchange], None]


@dataclass
class Rule:
    """What to do with requests that match: at most ``count`` of them (None: every one).

    ``fired`` is how many it was applied to, ``done`` is set when the last of ``count`` has been dealt with.
    """

    name: str
    matches: Matcher
    action: Action
    count: int | None = 1
    fired: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


class FaultProxy:
    """The proxy, before the server at ``upstream`` (which may be said later); a context manager. ``url`` is where
    clients find it.

    With ``ca``, the authority of the server's certificate, the server is spoken to with TLS, and clients must do so as
    well: ``authority`` is the certificate authority that they need. ``broken`` counts what the rules have done.
    ``rewrite``, where it is set, is what becomes of all replies that are passed on.
    """

    def __init__(self, upstream: str = "", ca: str | None = None) -> None:
        self.upstream = upstream
        self.broken: Counter[str] = Counter()
        self.rewrite: Rewrite | None = None
        self.authority = ""
        self._ca = ca
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._server = self._make_server()
        scheme = "https" if ca else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.cut()
        self._thread.join()

    def add(self, name: str, matches: Matcher, action: Action, count: int | None = 1, *, first: bool = False) -> Rule:
        """Add a rule; earlier ones are asked first, unless this one asks to be the ``first``."""
        rule = Rule(name, matches, action, count)
        with self._lock:
            self._rules.insert(0 if first else len(self._rules), rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Forget a rule; harmless when it was used up."""
        with self._lock:
            if rule in self._rules:
                self._rules.remove(rule)

    def cut(self) -> int:
        """Break every connection that is open now, streams included; how many they were."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        return len(connections)

    def _take(self, exchange: Exchange) -> Rule | None:
        with self._lock:
            for rule in self._rules:
                if rule.matches(exchange):
                    rule.fired += 1
                    self.broken[rule.name] += 1
                    if rule.fired == rule.count:
                        self._rules.remove(rule)
                    return rule
        return None

    def _serve(self, exchange: Exchange) -> None:
        rule = self._take(exchange)
        try:
            if rule is None:
                exchange.relay()
            else:
                rule.action(exchange)
        except (OSError, http.client.HTTPException) as error:
            # A side has gone away in the middle; the other one learns it in the same way.
            exchange.drop()
            if rule is not None:
                rule.error = error
        except BaseException as error:
            exchange.drop()
            if rule is None:
                raise
            rule.error = error
        finally:
            if rule is not None and rule.fired == rule.count:
                rule.done.set()

    def _make_server(self) -> ThreadingHTTPServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                with outer._lock:
                    outer._connections.add(self.connection)
                self.upstream = Upstream(outer.upstream, outer._ca)

            def finish(self) -> None:
                with outer._lock:
                    outer._connections.discard(self.connection)
                self.upstream.close()
                with suppress(OSError):
                    super().finish()

            def _serve(self) -> None:
                if "chunked" in self.headers.get("Transfer-Encoding", ""):
                    body = self._chunks()
                else:
                    body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer._serve(Exchange(self, self.upstream, body, outer.rewrite))

            def _chunks(self) -> bytes:
                content = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    content += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return content

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _serve

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 256

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that has left, or was killed, is what this is for."""

        server = Server(("127.0.0.1", 0), Handler)
        if self._ca:
            authority = Authority()
            self.authority = authority.pem
            context = authority.issue("proxy", "127.0.0.1", "localhost").server_context()
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        return server


class Upstream:
    """A connection to the server behind, made anew when it was lost between two requests."""

    def __init__(self, url: str, ca: str | None) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 0)
        self._context = ssl.create_default_context(cadata=ca) if ca else None
        self._connection: http.client.HTTPConnection | None = None

    def send(self, method: str, path: str, body: bytes, headers: Any) -> http.client.HTTPResponse:
        """Send a request and wait for the head of its reply."""
        self.close()
        host, port = self._address
        if self._context is not None:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=600, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(host, port, timeout=600)
        self._connection = connection
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        return connection.getresponse()

    def close(self) -> None:
        """Give the connection up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

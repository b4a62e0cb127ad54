"""The HTTP server of the AWS endpoint: werkzeug's, with a short way for SageMaker, and an end that leaves nothing."""

from __future__ import annotations

import io
import socket
import threading
from http import HTTPStatus
from typing import Any, Protocol, cast

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

TARGET = "SageMaker."


def foreign(origin: str | None, fetch_site: str | None) -> bool:
    """Whether a request comes from a web page: any site that a developer visits could otherwise use the endpoint.

    :param origin: the header ``Origin``.
    :param fetch_site: the header ``Sec-Fetch-Site``; "none" is an address that somebody has typed.
    """
    return origin is not None or fetch_site not in (None, "none")


class App(Protocol):
    """What is served: a WSGI application that also answers operations of SageMaker directly."""

    def sagemaker(self, operation: str, body: bytes, authorization: str) -> tuple[int, dict[str, str], bytes] | None:
        """Status, headers and body of the answer to an operation; None leaves the request to WSGI."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """WSGI."""


class _Handler(MotoRequestHandler):
    # Answers are small: without this each waits for the client's delayed acknowledgement.
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Answer a request. Those of SageMaker do without WSGI, and so keep their connection: werkzeug closes each."""
        target = self.headers.get("X-Amz-Target", "")
        length = self.headers.get("Content-Length", "")
        if (
            self.command != "POST"
            or not target.startswith(TARGET)
            or not length.isdecimal()
            or "Expect" in self.headers
            or foreign(self.headers.get("Origin"), self.headers.get("Sec-Fetch-Site"))
        ):
            super().run_wsgi()
            return
        body = self.rfile.read(int(length))
        app = cast(App, self.server.app)
        answer = app.sagemaker(target.removeprefix(TARGET), body, self.headers.get("Authorization", ""))
        if answer is None:
            self.rfile = io.BytesIO(body)
            super().run_wsgi()
            return
        status, headers, content = answer
        headers = {"Date": self.date_time_string(), **headers, "Content-Length": str(len(content))}
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + content)

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class Server(ThreadedWSGIServer):
    """A thread for each connection. It knows its open connections, so that stopping leaves no thread waiting on one."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, host: str, port: int, app: Any, fd: int) -> None:
        super().__init__(host, port, app, _Handler, fd=fd)
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def get_request(self) -> Any:
        connection, address = super().get_request()
        with self._open_lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        with self._open_lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event."""

"""AWS that answers late: a way to the endpoint on which one operation waits until a test lets it pass."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from harness.waiting import HUNG

_SECONDS = HUNG


class Gate:
    """A context manager; ``url`` stands for the endpoint's. It starts open.

    :param operation: the operation of SageMaker that waits, for example ``DescribePipeline``.
    """

    def __init__(self, endpoint_url: str, operation: str) -> None:
        target = urlsplit(endpoint_url).netloc
        self._changed = threading.Condition()
        self._open = True
        self._held = self._passes = 0
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("X-Amz-Target", "").endswith(f".{operation}"):
                    gate._wait()
                onward = http.client.HTTPConnection(target, timeout=_SECONDS)
                onward.request("POST", self.path, body, dict(self.headers))
                answer = onward.getresponse()
                content = answer.read()
                onward.close()
                self.send_response_only(answer.status)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="gate", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def close(self) -> None:
        """Hold the calls that come from now on."""
        with self._changed:
            self._open = False

    def open(self) -> None:
        """Let all pass."""
        with self._changed:
            self._open = True
            self._changed.notify_all()

    def await_call(self) -> None:
        """Wait until a call is held."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._held, _SECONDS), "no call came to the gate"

    def let_pass(self) -> None:
        """Wait for a call and let it pass, and only that."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._held, _SECONDS), "no call came to the gate"
            self._held -= 1
            self._passes += 1
            self._changed.notify_all()

    def _wait(self) -> None:
        with self._changed:
            if self._open:
                return
            self._held += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._open or self._passes, _SECONDS)
            if self._passes:
                self._passes -= 1

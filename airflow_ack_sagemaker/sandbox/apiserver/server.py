"""The server as a thing to start and stop: a thread with its own event loop, over TLS on a free port."""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
import tempfile
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn
import uvloop

from airflow_ack_sagemaker.sandbox.apiserver.app import build, utc_now
from airflow_ack_sagemaker.sandbox.apiserver.cluster import Cluster
from airflow_ack_sagemaker.sandbox.apiserver.connections import STALL_SECONDS, close_stalled
from airflow_ack_sagemaker.sandbox.apiserver.store import Object
from airflow_ack_sagemaker.sandbox.apiserver.tls import Certificate, self_signed

START_SECONDS = 10.0


class ApiServer:
    """A Kubernetes API server in this process.

    ``port`` 0 takes a free one. ``token`` is the bearer token of the one user (made at random when not given). ``crds``
    are the CustomResourceDefinitions that it starts with (those of ACK SageMaker when not given; an empty list for
    none). ``history`` is how many changes watchers can go back. ``certificate`` serves TLS (self-signed when not
    given). ``stall_seconds`` is how long a client may take to send a request, or to read on in its answer.

    Use it as a context manager, or with :meth:`start` and :meth:`stop`.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        crds: Iterable[Object] | None = None,
        *,
        history: int = 4096,
        certificate: Certificate | None = None,
        now: Callable[[], datetime] = utc_now,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        if crds is None:
            from airflow_ack_sagemaker.sandbox.crds import load_crds

            crds = load_crds()
        self.host = host
        self.token = token or secrets.token_urlsafe(24)
        self.cluster = Cluster(crds, now, history=history)
        self._port = port
        self._certificate = certificate or self_signed(host)
        self._stall_seconds = stall_seconds
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        """``https://host:port``; known once the server was started."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self._port}"

    @property
    def ca(self) -> str:
        """The certificate, in PEM, by which clients know the server."""
        return self._certificate.certificate

    def kubeconfig(self, namespace: str = "default") -> dict[str, Any]:
        """A kubeconfig of the one user; JSON of it is YAML that kubectl reads."""
        name = "ack-sagemaker-sandbox"
        authority = base64.b64encode(self.ca.encode()).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": self.url, "certificate-authority-data": authority}}],
            "users": [{"name": name, "user": {"token": self.token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
            "current-context": name,
        }

    def start(self) -> ApiServer:
        """Listen, and return once requests are answered.

        :raises OSError: the port is taken.
        :raises RuntimeError: the server did not come up.
        """
        self._socket = self._listen()
        self._port = self._socket.getsockname()[1]
        with tempfile.TemporaryDirectory(prefix="ack-sandbox-") as folder:
            certificate, key = Path(folder, "tls.crt"), Path(folder, "tls.key")
            certificate.write_text(self._certificate.certificate)
            key.touch(mode=0o600)
            key.write_text(self._certificate.key)
            config = uvicorn.Config(
                build(self.cluster, self.token),
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                ssl_certfile=str(certificate),
                ssl_keyfile=str(key),
                timeout_keep_alive=75,
                timeout_graceful_shutdown=1,
            )
            config.load()
        started = threading.Event()
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, args=(started,), name="kubernetes-api", daemon=True)
        self._thread.start()
        if not started.wait(START_SECONDS):
            raise RuntimeError(f"the Kubernetes API server on {self.url} did not start within {START_SECONDS:.0f} s")
        return self

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # asyncio turns Nagle's algorithm off (40 ms a request) only for sockets that say that they are TCP.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self.host, self._port))
        except OSError as error:
            listening.close()
            where = f"{self.host}:{self._port}"
            message = f"the Kubernetes API server cannot listen on {where}: {error.strerror}. Choose another port."
            raise OSError(error.errno, message) from None
        return listening

    def _run(self, started: threading.Event) -> None:
        # asyncio's own loop gives the interpreter away at each read and write, and the controller, which is at work in
        # another thread all the while, then keeps it for 5 ms: requests took nearly twice as long.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve(started))

    async def _serve(self, started: threading.Event) -> None:
        assert self._server is not None
        assert self._socket is not None
        self._loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        closing = asyncio.create_task(close_stalled(self._server.server_state.connections, self._stall_seconds))
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.005)
        started.set()
        await serving
        closing.cancel()
        # Clients that do not take part in closing TLS would keep their connections open.
        for connection in list(self._server.server_state.connections):
            if (transport := connection.transport) is not None:
                transport.abort()
        await asyncio.sleep(0.01)

    def stop(self) -> None:
        """End the watches, close the port and wait for the thread; harmless when it was not started."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.cluster.store.close)
        self._thread.join()
        self._server = self._thread = None
        if self._socket is not None:
            self._socket.close()

    def __enter__(self) -> ApiServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

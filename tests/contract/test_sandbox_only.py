"""What cannot be asked of a real server in a test: a short history, and what controllers do in a real cluster."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from harness.waiting import HUNG
from tests.contract.servers import Namespace, Server, connected, fresh_namespace, pipeline, until

HISTORY = 20


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    """A server that forgets quickly."""
    with ApiServer(history=HISTORY) as server:
        yield server


@pytest.fixture
def space(api: ApiServer) -> Iterator[Namespace]:
    with ExitStack() as stack:
        yield fresh_namespace(connected(stack, "sandbox", api.kubeconfig()))


def forget(space: Namespace) -> None:
    """Make more changes than the server keeps."""
    for number in range(HISTORY + 1):
        space.patch("a", {"metadata": {"annotations": {"n": str(number)}}})


def test_watch_at_a_forgotten_version(space: Namespace) -> None:
    version = space.create("a")["metadata"]["resourceVersion"]
    forget(space)
    with space.server.watch(space.pipelines, resourceVersion=version) as events:
        [event] = list(events)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_page_of_a_forgotten_version(space: Namespace) -> None:
    for name in ("a", "b", "c"):
        space.create(name)
    token = space.server.done("GET", space.pipelines, limit=1)["metadata"]["continue"]
    forget(space)
    status = space.server.refused("GET", space.pipelines, **{"limit": 1, "continue": token})
    assert (status["code"], status["reason"]) == (410, "Expired")
    # The answer has a token with which a client that does not mind goes on in what is there now.
    rest = space.server.done("GET", space.pipelines, **{"continue": status["metadata"]["continue"]})
    assert [item["metadata"]["name"] for item in rest["items"]] == ["b", "c"]


def test_watches_end_with_their_client(api: ApiServer, space: Namespace) -> None:
    before = api.cluster.store.subscribers
    with space.server.watch(space.pipelines):
        until(lambda: api.cluster.store.subscribers == before + 1, "the watch is open")
    until(lambda: api.cluster.store.subscribers == before, "the watch is closed")


def test_deleted_namespace_is_emptied(space: Namespace) -> None:
    space.create("a")
    space.create("held", finalizers=["example.com/x"])
    path = f"/api/v1/namespaces/{space.name}"
    assert space.server.done("DELETE", path)["status"]["phase"] == "Terminating"
    assert space.server.request("GET", space.path("a")).status_code == 404
    assert space.server.done("GET", path)["status"]["phase"] == "Terminating"
    status = space.server.refused("POST", space.pipelines, pipeline("b"))
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    space.patch("held", {"metadata": {"finalizers": None}})
    assert space.server.request("GET", path).status_code == 404


@pytest.fixture
def impatient() -> Iterator[ApiServer]:
    """A server that closes stalled connections soon, but not those of a machine that stands still for a moment."""
    with ApiServer(history=HISTORY, stall_seconds=2.0) as server:
        yield server


def tls(api: ApiServer) -> ssl.SSLSocket:
    """A connection that reads no more than it is told to."""
    context = ssl.create_default_context(cadata=api.ca)
    port = int(api.url.rpartition(":")[2])
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.settimeout(HUNG)
    plain.connect(("127.0.0.1", port))
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


VERSION = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
STALLED = {
    "headers": b"GET /version HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    "body": b"POST /version HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
}


def ask_version(connection: ssl.SSLSocket) -> None:
    """A whole request, and its whole answer."""
    connection.sendall(VERSION)
    answer = b""
    while b'"platform"' not in answer:
        piece = connection.recv(65536)
        assert piece, "closed"
        answer += piece


def closed(connection: ssl.SSLSocket) -> None:
    """Wait until the server closes the connection; the read times out, which fails, when it leaves it open."""
    with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
        while connection.recv(65536):
            pass


@pytest.mark.parametrize("stalled", STALLED)
@pytest.mark.parametrize("requests", [0, 1])
def test_a_request_that_does_not_end_is_closed(impatient: ApiServer, stalled: str, requests: int) -> None:
    with tls(impatient) as connection:
        for _ in range(requests):
            ask_version(connection)
        connection.sendall(STALLED[stalled])
        closed(connection)


def test_an_idle_connection_is_kept(impatient: ApiServer) -> None:
    with tls(impatient) as idle:
        ask_version(idle)
        # Others come after it and are closed before it.
        for _ in range(2):
            with tls(impatient) as stalled:
                stalled.sendall(STALLED["headers"])
                closed(stalled)
        ask_version(idle)


def test_a_watch_that_nobody_reads_is_bounded_and_ends(impatient: ApiServer) -> None:
    store = impatient.cluster.store
    with ExitStack() as stack:
        space = fresh_namespace(connected(stack, "sandbox", impatient.kubeconfig()))
        space.create("a")
        before = store.subscribers
        with tls(impatient) as unread:
            head = (
                f"GET {space.pipelines}?watch=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {impatient.token}\r\n\r\n"
            )
            unread.sendall(head.encode())
            until(lambda: store.subscribers == before + 1, "the watch is open")
            for number in range(8 * HISTORY):
                space.patch("a", {"metadata": {"annotations": {"n": str(number), "long": "x" * 200_000}}})
                assert store.waiting <= 4 * HISTORY
            until(lambda: store.subscribers == before, "the watch is closed")


def test_start_and_stop() -> None:
    server = ApiServer().start()
    url = server.url
    with ExitStack() as stack:
        client: Server = connected(stack, "sandbox", server.kubeconfig())
        with client.watch("/api/v1/namespaces", timeoutSeconds=3600):
            # An open watch does not hold the server.
            stopping = threading.Thread(target=server.stop, daemon=True)
            stopping.start()
            stopping.join(HUNG)
            assert not stopping.is_alive()
    server.stop()
    assert url.startswith("https://127.0.0.1:")


def test_taken_port(api: ApiServer) -> None:
    port = int(api.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        ApiServer(port=port, crds=[]).start()

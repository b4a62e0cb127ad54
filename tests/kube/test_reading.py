"""How long an answer may take: a server that drips is as silent as one that sends nothing."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION as KIND
from airflow_ack_sagemaker.kube import requests
from airflow_ack_sagemaker.kube.client import AsyncKubeClient, KubeClient
from airflow_ack_sagemaker.kube.errors import Silent
from airflow_ack_sagemaker.kube.reading import INACTIVITY, Reading, WatchReading
from airflow_ack_sagemaker.kube.retry import Retry
from tests.follow.virtual import Clock
from tests.kube.objects import config, event, stored
from tests.kube.servers import HttpServer, Seen

Caller = Callable[..., Callable[..., Any]]
HERE = config("http://here")
WATCH = requests.watch(KIND, "default", resource_version="5")
BOOKMARK = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"8"}}}\n'


def test_an_answer_has_a_time_in_all() -> None:
    clock = Clock()
    reading = Reading(requests.get(KIND, "x", "default"), HERE, Retry().answer_seconds, clock=clock)
    for _ in range(29):
        clock.sleep(2)
        reading.feed(b"x")
    clock.sleep(2)
    with pytest.raises(Silent, match="no answer within 60 s"):
        reading.feed(b"x")


def watching(clock: Clock) -> WatchReading:
    reading = WatchReading(WATCH, HERE, INACTIVITY, clock=clock)
    assert reading.answered(200)
    return reading


@pytest.mark.parametrize("drip", [b"\n", b" \n", b'{"type":'])
def test_blank_lines_and_pieces_of_a_line_are_silence(drip: bytes) -> None:
    clock = Clock()
    reading = watching(clock)
    for _ in range(44):
        clock.sleep(2)
        assert list(reading.events(drip)) == []
    clock.sleep(2)
    with pytest.raises(Silent, match="no answer within 90 s"):
        list(reading.events(drip))


def test_bookmarks_and_events_are_none() -> None:
    clock = Clock()
    reading = watching(clock)
    line = json.dumps(event("MODIFIED", stored("x", 9))).encode() + b"\n"
    for data in (BOOKMARK, line) * 3:
        clock.sleep(60)
        assert len(list(reading.events(data))) == 1
    assert reading.left == INACTIVITY


def test_the_time_in_which_an_event_is_dealt_with_is_no_silence() -> None:
    clock = Clock()
    reading = watching(clock)
    for _ in reading.events(BOOKMARK):
        clock.sleep(1_000)
    assert reading.left == INACTIVITY


def test_a_watch_of_blank_lines(caller: Caller) -> None:
    def behave(seen: Seen) -> None:
        seen.stream(b"")
        while not server.released.wait(0.02):
            seen.handler.wfile.write(b"\n")

    with HttpServer(behave) as server, pytest.raises(Silent):
        caller(config(server.url))("watch", KIND, resource_version="1", inactivity=0.2)


@contextmanager
def dripping(reply: bytes) -> Iterator[str]:
    """A server that sends one byte now and then."""
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip(connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            for byte in reply:
                if ended.wait(0.02):
                    return
                try:
                    connection.sendall(bytes([byte]))
                except OSError:
                    return

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=drip, args=[connection], daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize("part", ["headers", "body"])
@pytest.mark.parametrize("blocking", [True, False])
def test_an_answer_that_drips(part: str, blocking: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n"
    reply = head + (b"X-Drip: " + b"x" * 50_000 if part == "headers" else b"\r\n" + b" " * 100_000)
    quick = Retry(tries=1, answer_seconds=0.3)

    def ask(url: str) -> None:
        with KubeClient(config(url), retry=quick) as client:
            client.get(KIND, "x")

    async def ask_async(url: str) -> None:
        async with AsyncKubeClient(config(url), retry=quick) as client:
            await client.get(KIND, "x")

    with dripping(reply) as url, pytest.raises(Silent):
        ask(url) if blocking else asyncio.run(ask_async(url))

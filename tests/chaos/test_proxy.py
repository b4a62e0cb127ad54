"""The fault proxy itself: what it passes on unchanged, and what it breaks when told to."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator

import httpx
import pytest

from harness.waiting import wait_until
from tests.chaos.faults import (
    answered,
    expired_event,
    followed,
    half_line,
    held,
    misreported,
    preceded,
    refuse,
    silent,
    unanswered,
    unsent,
    watches,
)
from tests.chaos.proxy import Exchange, FaultProxy
from tests.kube.certificates import Authority
from tests.kube.servers import HttpServer, Seen

LINE = json.dumps({"type": "MODIFIED", "object": {"metadata": {"name": "x" * 100}}}).encode() + b"\n"


def behave(seen: Seen) -> None:
    """Echo a body; stream two lines for a watch, in chunks as kube-apiserver does."""
    if "watch" not in seen.query:
        seen.answer({"path": seen.path, "body": seen.body.decode(), "token": seen.headers.get("authorization")})
        return
    seen.handler.send_response(200)
    seen.handler.send_header("Transfer-Encoding", "chunked")
    seen.handler.end_headers()
    for content in (LINE, LINE, b""):
        seen.handler.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))


def anything(exchange: Exchange) -> bool:
    return True


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer(behave) as server:
        yield server


@pytest.fixture
def proxy(server: HttpServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.url) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=proxy.url, trust_env=False, timeout=60) as client:
        yield client


def test_requests_and_replies_pass_unchanged(client: httpx.Client, server: HttpServer) -> None:
    answer = client.post("/a", content="b", headers={"Authorization": "Bearer c"})
    assert answer.json() == {"path": "/a", "body": "b", "token": "Bearer c"}
    assert client.post("/a", content=iter([b"b", b"c"])).json()["body"] == "bc"
    assert client.get("/w?watch=1").content == LINE * 2
    assert [seen.method for seen in server.seen] == ["POST", "POST", "GET"]


def test_tls_on_both_sides() -> None:
    authority = Authority()
    with (
        HttpServer(behave, authority.issue("server", "127.0.0.1"), authority.pem) as server,
        FaultProxy(server.url, authority.pem) as proxy,
        httpx.Client(verify=ssl.create_default_context(cadata=proxy.authority), trust_env=False, timeout=60) as client,
    ):
        assert client.get(f"{proxy.url}/a").json()["path"] == "/a"


def test_a_rule_is_used_up_and_counted(proxy: FaultProxy, client: httpx.Client, server: HttpServer) -> None:
    rule = proxy.add("busy", lambda exchange: exchange.path == "/a", refuse(429, retry_after="7"), count=2)
    answers = [client.get(path) for path in ("/b", "/a", "/a", "/a")]
    assert [answer.status_code for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["Retry-After"] == "7"
    assert answers[1].json()["code"] == 429
    assert rule.done.wait(240)
    assert proxy.broken == {"busy": 2}
    assert len(server.seen) == 2


@pytest.mark.parametrize(("fault", "reached"), [(unsent, 0), (unanswered, 1)])
def test_a_broken_connection_before_or_after_the_effect(
    fault: object, reached: int, proxy: FaultProxy, client: httpx.Client, server: HttpServer
) -> None:
    seen: list[int] = []
    action = {unsent: unsent, unanswered: unanswered}[fault](lambda exchange: seen.append(len(server.seen)))  # type: ignore[index]
    proxy.add("break", anything, action)
    with pytest.raises(httpx.TransportError):
        client.post("/a")
    assert seen == [reached]
    assert len(server.seen) == reached
    assert client.get("/a").status_code == 200, "the next connection is whole"


def test_what_was_done_may_be_misreported(proxy: FaultProxy, client: httpx.Client, server: HttpServer) -> None:
    proxy.add("lie", anything, misreported(503))
    assert client.post("/a").status_code == 503
    assert len(server.seen) == 1


def test_a_hook_after_the_reply(proxy: FaultProxy, client: httpx.Client) -> None:
    called = threading.Event()
    proxy.add("after", anything, answered(lambda exchange: called.set()))
    assert client.get("/a").status_code == 200
    assert called.wait(60)


def test_half_a_line(proxy: FaultProxy, client: httpx.Client) -> None:
    proxy.add("half", watches, half_line())
    received: list[bytes] = []

    def read() -> None:
        with client.stream("GET", "/w?watch=1") as answer:
            received.extend(answer.iter_raw())

    with pytest.raises(httpx.RemoteProtocolError):
        read()
    content = b"".join(received)
    assert content
    assert content == (LINE * 2)[: len(content)]
    assert not content.endswith(b"\n")


def test_replies_and_whole_lines_of_streams_are_rewritten(proxy: FaultProxy, client: httpx.Client) -> None:
    seen: list[bytes] = []

    def rewrite(content: bytes) -> bytes:
        seen.append(content)
        return content.replace(b"MODIFIED", b"DELETED").replace(b"/a", b"/b")

    proxy.rewrite = rewrite
    assert client.get("/a").json()["path"] == "/b"
    assert client.get("/watch?watch=1").content == LINE.replace(b"MODIFIED", b"DELETED") * 2
    assert all(content.endswith((b"\n", b"}")) for content in seen)


def test_a_hook_comes_before_a_request_or_before_its_reply(
    proxy: FaultProxy, client: httpx.Client, server: HttpServer
) -> None:
    seen: list[int] = []
    for action in (preceded, followed):
        proxy.add("hook", anything, action(lambda exchange: seen.append(len(server.seen))))
        assert client.get("/a").is_success
    assert seen == [0, 2], "the first before the server had its request, the second after"


def test_an_expired_watch(proxy: FaultProxy, client: httpx.Client) -> None:
    proxy.add("gone", watches, expired_event())
    assert client.get("/w?watch=1").json()["object"]["code"] == 410


def test_silence_lasts_until_the_client_gives_up(proxy: FaultProxy, client: httpx.Client, server: HttpServer) -> None:
    rule = proxy.add("silence", anything, silent(effect=True))
    with pytest.raises(httpx.ReadTimeout):
        client.post("/a", timeout=httpx.Timeout(60, read=0.2))
    assert rule.done.wait(60)
    assert rule.error is None
    assert len(server.seen) == 1


def test_a_request_is_held_until_it_is_released(proxy: FaultProxy, client: httpx.Client, server: HttpServer) -> None:
    release = threading.Event()
    rule = proxy.add("hang", anything, held(release, 300))
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(client.get("/a").status_code))
    thread.start()
    wait_until(lambda: rule.fired, 60, "the request")
    assert not server.seen
    assert not answers
    release.set()
    thread.join(60)
    assert answers == [200]
    assert rule.done.wait(60)


def test_open_connections_are_cut(server: HttpServer) -> None:
    with FaultProxy(server.url) as proxy, httpx.Client(base_url=proxy.url, trust_env=False, timeout=30) as client:
        client.get("/a")
        assert proxy.cut() == 1
        assert client.get("/a").status_code == 200

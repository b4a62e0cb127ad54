"""What the stream gets over: a cluster that was restored from a backup, and a connection that was changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing, closing
from uuid import uuid4

import pytest

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION as KIND
from airflow_ack_sagemaker.follow import watch
from airflow_ack_sagemaker.follow.policy import Settings
from airflow_ack_sagemaker.follow.wait import follow_sync
from airflow_ack_sagemaker.hooks.ack import AckHook
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import Moved
from tests.follow.test_watch import SECONDS, Followers, eventually, next_of, no_pause, status, until
from tests.follow.virtual import Clock
from tests.kube.objects import config, event, kubeconfig, listed, stored
from tests.kube.servers import HttpServer, Seen

BOOKMARK = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "4"}}}


def restored(how: str) -> HttpServer:
    """A server whose versions were at 1000, and are at 5 after its restoration: it has forgotten y."""

    def behave(seen: Seen) -> None:
        if "watch" not in seen.query:
            before = seen.number == 0
            items = [stored("x", 900), stored("y", 901)] if before else [stored("x", 3, "Stopping")]
            seen.answer(listed(1000 if before else 5, *items))
        elif seen.query["resourceVersion"] == "5":
            seen.stream(event("MODIFIED", stored("x", 6, "Succeeded")))
            server.released.wait(SECONDS)
        elif how == "bookmark":
            seen.stream(BOOKMARK)
        elif how == "event":
            seen.stream(event("DELETED", stored("x", 4)))
        else:  # kube-apiserver waits until the version that it was asked for comes to be
            seen.stream()
            server.released.wait(SECONDS)

    server = HttpServer(behave)
    return server


@pytest.mark.parametrize("how", ["silence", "bookmark", "event"])
async def test_versions_that_go_back_are_listed_anew(how: str) -> None:
    with restored(how) as server:
        settings = Settings(sleep=no_pause, inactivity=0.3)
        followers = Followers(config(server.url), settings)
        async with aclosing(followers.follow("x")) as x, aclosing(followers.follow("y")) as y:
            seen = [status(await next_of(x)), status(await next_of(y))]
            seen += [status(await next_of(x)) for _ in range(2)]
            assert seen == ["Executing", "Executing", "Stopping", "Succeeded"]
            assert await until(y, lambda state: state is None) is None


@pytest.mark.parametrize("how", ["silence", "bookmark", "event"])
def test_so_they_are_in_a_task(how: str) -> None:
    with (
        restored(how) as server,
        KubeClient(config(server.url), sleep=lambda _: None) as client,
        closing(follow_sync(client, KIND, "x", inactivity=0.3)) as states,
    ):
        assert [status(next(states)) for _ in range(3)] == ["Executing", "Stopping", "Succeeded"]


async def test_a_watch_of_mere_bookmarks_is_listed_anew_within_half_an_hour() -> None:
    clock = Clock()

    def behave(seen: Seen) -> None:
        if "watch" not in seen.query:
            seen.answer(listed(5, stored("x", 3, "Executing" if seen.number == 0 else "Succeeded")))
            return
        seen.stream({**BOOKMARK, "object": {"metadata": {"resourceVersion": str(10 + seen.number)}}})
        clock.now += float(seen.query["timeoutSeconds"])

    with HttpServer(behave) as server:
        followers = Followers(config(server.url), Settings(sleep=clock.asleep, clock=clock))
        async with aclosing(followers.follow("x")) as states:
            await until(states, lambda state: status(state) == "Succeeded")
    assert clock.now - 1_000 < 1_900


class Connection:
    """A connection of Airflow that an administrator changes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
        self._monkeypatch = monkeypatch
        self.id = f"k_{uuid4().hex[:8]}"
        self.lead_to(url)

    def lead_to(self, url: str, token: str = "sesame-1") -> None:
        extra = {"kube_config": kubeconfig(url, {"token": token})}
        connection = {"conn_type": "kubernetes", "extra": extra}
        self._monkeypatch.setenv(f"AIRFLOW_CONN_{self.id.upper()}", json.dumps(connection))

    def follow(self, name: str, uid: str | None = None, server: str | None = None) -> watch.Follower:
        hook = AckHook(self.id)
        return watch.follow(
            hook.get_async_conn,
            cluster=hook.cluster_digest,
            key=self.id,
            kind=KIND,
            namespace="default",
            name=name,
            settings=Settings(sleep=no_pause),
            uid=uid,
            server=server,
        )


def cluster_with(*names: str, token: Callable[[], str] = lambda: "sesame-1") -> HttpServer:
    def behave(seen: Seen) -> None:
        name = seen.path.rpartition("/")[2]
        if seen.headers.get("authorization") != f"Bearer {token()}":
            seen.refuse(401, "Unauthorized")
        elif "watch" in seen.query:
            seen.stream()
            server.released.wait(0.2)
        elif name == "pipelineexecutions":
            seen.answer(listed(5, *(stored(one, 3) for one in names)))
        else:
            seen.answer({"kind": "Status", "code": 404, "reason": "NotFound", "details": {"name": name}}, 404)

    server = HttpServer(behave)
    return server


async def test_who_comes_after_a_connection_was_pointed_elsewhere_gets_a_stream_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that shared the stream of those before would be told that its execution, which runs, is gone."""
    with cluster_with("before") as old, cluster_with("after") as new:
        connection = Connection(monkeypatch, old.url)
        async with aclosing(connection.follow("before")) as before:
            assert status(await next_of(before)) == "Executing"
            connection.lead_to(new.url)
            async with aclosing(connection.follow("after")) as after:
                assert status(await next_of(after)) == "Executing"
            asked = len(old.seen)
            await eventually(lambda: len(old.seen) > asked)  # the stream of those before goes on
            with pytest.raises(TimeoutError):
                await before.next(0.05)


async def test_those_that_ask_at_once_share_a_look_at_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    class Counted(AckHook):
        def resolve(self) -> ClusterConfig:
            nonlocal looks
            looks += 1
            return super().resolve()

    connection = Connection(monkeypatch, "http://here")
    digests = await asyncio.gather(*(Counted(connection.id).cluster_digest() for _ in range(100)))
    assert len(set(digests)) == 1
    assert looks == 2  # those that asked after it had begun share the next one
    connection.lead_to("http://there")
    assert await Counted(connection.id).cluster_digest() != digests[0]
    assert looks == 3


async def test_a_refused_stream_goes_on_with_the_token_of_the_changed_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = "sesame-1"
    with cluster_with("x", token=lambda: wanted) as server:
        connection = Connection(monkeypatch, server.url)
        async with aclosing(connection.follow("x")) as states:
            assert status(await next_of(states)) == "Executing"
            wanted = "sesame-2"
            refused = len(server.seen) + 3
            await eventually(lambda: len(server.seen) > refused)
            connection.lead_to(server.url, "sesame-2")
            await eventually(lambda: server.seen[-1].headers["authorization"] == "Bearer sesame-2")


async def test_a_refused_stream_whose_connection_leads_elsewhere_calls_nothing_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = "sesame-1"
    with cluster_with("x", "both", token=lambda: wanted) as old, cluster_with("both") as new:
        connection = Connection(monkeypatch, old.url)
        async with aclosing(connection.follow("x")) as x, aclosing(connection.follow("both")) as both:
            assert [status(await next_of(one)) for one in (x, both)] == ["Executing"] * 2
            connection.lead_to(new.url)
            wanted = "revoked"
            with pytest.raises(Moved, match=r"leads to .*may still be where it was"):
                await asyncio.wait_for(x.next(), SECONDS)
            # The same cluster under another name has the very same object.
            assert status(await next_of(both)) == "Executing"


async def test_what_another_cluster_does_not_have_was_not_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection was pointed elsewhere before the trigger began, or began again in another triggerer."""
    with cluster_with("x") as old, cluster_with("y") as new:
        connection = Connection(monkeypatch, old.url)
        async with aclosing(connection.follow("x", uid="uid-x", server=new.url)) as states:
            assert status(await next_of(states)) == "Executing"  # the same cluster under another name
        connection.lead_to(new.url)
        for uid in ("uid-x", None):
            async with aclosing(connection.follow("x", uid, old.url)) as states:
                with pytest.raises(Moved, match=r"leads to .*may still be where it was"):
                    await asyncio.wait_for(states.next(), SECONDS)
        async with aclosing(connection.follow("x", uid="uid-x", server=new.url)) as states:
            assert await next_of(states) is None  # there, it was deleted


async def test_a_look_for_one_object_bears_a_refusal(cluster: ClusterConfig) -> None:
    """The stream's watch goes on while the token of single requests is refused for a moment."""
    refused = 3

    def behave(seen: Seen) -> None:
        if "watch" in seen.query:
            seen.stream()
            server.released.wait(SECONDS)
        elif seen.path.endswith("/young"):
            if sum(other.path.endswith("/young") for other in server.seen) <= refused:
                seen.refuse(401, "Unauthorized")
            else:
                seen.answer(stored("young", 9))
        else:
            seen.answer(listed(5, stored("old", 3)))

    with HttpServer(behave) as server:
        followers = Followers(config(server.url))
        async with aclosing(followers.follow("old")) as old, aclosing(followers.follow("young")) as young:
            assert status(await next_of(old)) == "Executing"
            assert status(await next_of(young)) == "Executing"


def test_a_blocking_client_of_a_hook_reads_its_changed_connection_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster_with("x", token=lambda: "sesame-2") as server:
        connection = Connection(monkeypatch, server.url)
        with AckHook(connection.id).get_conn() as client:
            connection.lead_to(server.url, "sesame-2")
            assert [item["metadata"]["name"] for item in client.list(KIND).items] == ["x"]

"""The shared watch: one stream for all followers, on the sandbox's API server and on servers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any
from uuid import uuid4

import pytest

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION as KIND
from airflow_ack_sagemaker.follow import watch
from airflow_ack_sagemaker.follow.policy import Settings
from airflow_ack_sagemaker.kube.client import AsyncKubeClient
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import Forbidden, KindNotInstalled, Unauthorized
from harness.waiting import HUNG
from tests.follow.virtual import Clock
from tests.kube.objects import config, event, execution, listed, stored
from tests.kube.servers import HttpServer, Seen

States = watch.Follower
SECONDS = HUNG


async def no_pause(_: float) -> None:
    """Time passes at once, but others get their turn."""
    await asyncio.sleep(0.001)


FAST = Settings(sleep=no_pause)


class Followers:
    """Follows on one configuration; counts the clients that it made and those that were closed."""

    def __init__(self, config: ClusterConfig, settings: Settings = FAST) -> None:
        self.config, self.settings = config, settings
        self.made = self.closed = 0
        self.key = uuid4().hex

    async def connect(self) -> AsyncKubeClient:
        followers = self

        class Counted(AsyncKubeClient):
            async def close(self) -> None:
                await super().close()
                followers.closed += 1

        self.made += 1
        return Counted(self.config, sleep=no_pause)

    def follow(self, name: str, **options: Any) -> States:
        options = {"settings": self.settings, "kind": KIND, "namespace": "default", **options}
        return watch.follow(self.connect, key=self.key, name=name, **options)


async def next_of(states: States) -> dict[str, Any] | None:
    return await asyncio.wait_for(anext(states), SECONDS)


async def until(states: States, wanted: Callable[[dict[str, Any] | None], bool]) -> dict[str, Any] | None:
    async with asyncio.timeout(SECONDS):
        async for state in states:
            if wanted(state):
                return state
    raise AssertionError("the follower ended")


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


def status(state: dict[str, Any] | None) -> str:
    return "gone" if state is None else str((state.get("status") or {}).get("pipelineExecutionStatus"))


def note(state: dict[str, Any] | None) -> str | None:
    return ((state or {"metadata": {}})["metadata"].get("annotations") or {}).get("note")


def named(number: int) -> dict[str, Any]:
    return {"metadata": {"annotations": {"note": str(number)}}}


async def test_states_of_one_object(cluster: ClusterConfig) -> None:
    name = f"one-{uuid4().hex[:8]}"
    followers = Followers(cluster)
    async with AsyncKubeClient(cluster) as client, aclosing(followers.follow(name)) as states:
        assert await next_of(states) is None
        created = await client.create(KIND, execution(name))
        first = await next_of(states)
        assert first is not None
        assert first["metadata"]["uid"] == created["metadata"]["uid"]
        assert first["kind"] == "PipelineExecution"
        await client.patch(KIND, name, named(1))
        assert note(await next_of(states)) == "1"
        await client.delete(KIND, name)
        assert await next_of(states) is None
    await eventually(lambda: followers.closed == 1)


async def test_many_followers_share_one_stream_and_leave_one_by_one(cluster: ClusterConfig) -> None:
    prefix = uuid4().hex[:8]
    names = [f"many-{prefix}-{index}" for index in range(20)]
    followers = Followers(cluster)
    async with AsyncKubeClient(cluster) as client, AsyncExitStack() as stack:
        for name in names:
            await client.create(KIND, execution(name))
        all_states = [await stack.enter_async_context(aclosing(followers.follow(name))) for name in names]
        for state in await asyncio.gather(*map(next_of, all_states)):
            assert state is not None
        assert followers.made == 1
        # One follower is cancelled in the middle of waiting: the others do not notice.
        waiting = asyncio.ensure_future(anext(all_states[0]))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await all_states[0].aclose()
        for name in names:
            await client.patch(KIND, name, named(1))
        assert {note(state) for state in await asyncio.gather(*map(next_of, all_states[1:]))} == {"1"}
        assert followers.closed == 0
    await eventually(lambda: followers.closed == 1)
    assert followers.made == 1


async def test_a_slow_follower_sees_the_latest_only(cluster: ClusterConfig) -> None:
    name, other = f"slow-{uuid4().hex[:8]}", f"quick-{uuid4().hex[:8]}"
    followers = Followers(cluster)
    async with (
        AsyncKubeClient(cluster) as client,
        aclosing(followers.follow(name)) as slow,
        aclosing(followers.follow(name)) as quick,
    ):
        await client.create(KIND, execution(name))
        await until(slow, lambda state: state is not None)
        for number in range(5):
            await client.patch(KIND, name, named(number))
            await until(quick, lambda state, number=number: note(state) == str(number))  # type: ignore[misc]
        assert note(await next_of(slow)) == "4"
        assert slow.deleted is None
        await client.patch(KIND, name, named(5))
        await client.delete(KIND, name)
        await until(quick, lambda state: state is None)
        assert await next_of(slow) is None
        assert note(slow.deleted) == "5", "what it said last is known of what is gone"
        await client.create(KIND, execution(other))


async def test_joining_later_sees_an_object_that_the_stream_has_not_shown(cluster: ClusterConfig) -> None:
    """An object is never called gone because the stream lags."""

    def behave(seen: Seen) -> None:
        if "watch" in seen.query:
            seen.stream()
            server.released.wait(SECONDS)
        elif seen.path.endswith("/young"):
            seen.answer(stored("young", 9))
        elif seen.path.endswith("/absent"):
            seen.answer({"kind": "Status", "code": 404, "reason": "NotFound", "details": {"name": "absent"}}, 404)
        else:
            seen.answer(listed(5, stored("old", 3)))

    with HttpServer(behave) as server:
        followers = Followers(config(server.url))
        async with aclosing(followers.follow("old")) as old, aclosing(followers.follow("young")) as young:
            assert status(await next_of(old)) == "Executing"
            assert status(await next_of(young)) == "Executing"
            async with aclosing(followers.follow("absent")) as absent:
                assert await next_of(absent) is None
    assert sum("limit" in seen.query for seen in server.seen) == 1


async def test_joining_while_the_server_fails_is_no_deletion() -> None:
    """What cannot be asked for is not known, which is not the same as not there."""
    refusals = 5  # more than one call tries

    def behave(seen: Seen) -> None:
        if "watch" in seen.query:
            seen.stream()
            server.released.wait(SECONDS)
        elif seen.path.endswith("/young"):
            if sum(other.path.endswith("/young") for other in server.seen) <= refusals:
                seen.refuse(503, "ServiceUnavailable")
            else:
                seen.answer(stored("young", 9))
        else:
            seen.answer(listed(5, stored("old", 3)))

    with HttpServer(behave) as server:
        followers = Followers(config(server.url))
        async with aclosing(followers.follow("old")) as old, aclosing(followers.follow("young")) as young:
            assert status(await next_of(old)) == "Executing"
            assert status(await next_of(young)) == "Executing"
    assert sum(seen.path.endswith("/young") for seen in server.seen) == refusals + 1


async def test_a_lost_watch_goes_on_from_its_version() -> None:
    def behave(seen: Seen) -> None:
        if "watch" not in seen.query:
            seen.answer(listed(5, stored("x", 3)))
        elif seen.query["resourceVersion"] == "5":
            bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "8"}}}
            seen.stream(event("MODIFIED", stored("x", 6, "Stopping")), bookmark, b'{"type":"MOD')
        elif seen.number == 2:
            seen.hang_up()
        elif seen.number == 3:
            seen.refuse(503)
        elif seen.number == 4:
            seen.refuse(429, retry_after="7")
        else:
            seen.stream(event("MODIFIED", stored("x", 9, "Stopped")))
            server.released.wait(SECONDS)

    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await no_pause(seconds)

    with HttpServer(behave) as server:
        followers = Followers(config(server.url), Settings(sleep=sleep))
        async with aclosing(followers.follow("x")) as states:
            await until(states, lambda state: status(state) == "Stopped")
    assert [seen.query["resourceVersion"] for seen in server.seen[1:]] == ["5", "8", "8", "8", "8"]
    assert sum("limit" in seen.query for seen in server.seen) == 1
    assert pauses[-1] == 7
    assert pauses[0] < pauses[1] < pauses[2]


@pytest.mark.parametrize("how", ["status", "event"])
async def test_too_old_a_version_lists_again(how: str) -> None:
    """What was deleted in between is gone, what changed is shown."""
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}

    def behave(seen: Seen) -> None:
        if "watch" not in seen.query:
            items = [stored("x", 3), stored("y", 3)] if seen.number == 0 else [stored("y", 7, "Succeeded")]
            seen.answer(listed(5 if seen.number == 0 else 8, *items))
        elif seen.query["resourceVersion"] == "8":
            seen.stream()
            server.released.wait(SECONDS)
        elif how == "status":
            seen.answer(gone, 410)
        else:
            seen.stream(event("ERROR", gone))

    with HttpServer(behave) as server:
        followers = Followers(config(server.url))
        async with aclosing(followers.follow("x")) as x, aclosing(followers.follow("y")) as y:
            assert await until(x, lambda state: state is None) is None
            assert await until(y, lambda state: status(state) == "Succeeded")


async def test_silence_is_a_lost_connection() -> None:
    def behave(seen: Seen) -> None:
        if "watch" not in seen.query:
            seen.answer(listed(5, stored("x", 3)))
        elif seen.number == 1:
            seen.stream()
            server.released.wait(SECONDS)
        else:
            seen.stream(event("MODIFIED", stored("x", 6, "Succeeded")))
            server.released.wait(SECONDS)

    with HttpServer(behave) as server:
        followers = Followers(config(server.url), Settings(sleep=no_pause, inactivity=0.1))
        async with aclosing(followers.follow("x")) as states:
            await until(states, lambda state: status(state) == "Succeeded")


async def test_where_watch_is_forbidden_it_looks_again_and_again(caplog: pytest.LogCaptureFixture) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await no_pause(seconds)

    def behave(seen: Seen) -> None:
        if "watch" in seen.query:
            seen.refuse(403, "Forbidden", 'cannot watch resource "pipelineexecutions"')
        else:
            seen.answer(listed(seen.number, stored("x", 3, "Executing" if seen.number < 5 else "Succeeded")))

    with HttpServer(behave) as server:
        followers = Followers(config(server.url), Settings(sleep=sleep))
        async with aclosing(followers.follow("x", poll_interval=12.0)) as states:
            await until(states, lambda state: status(state) == "Succeeded")
    assert set(pauses) == {12.0}
    assert sum("watch" in seen.query for seen in server.seen) == 1
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert 'verb "watch"' in warning.getMessage()


@pytest.mark.parametrize(
    ("refusal", "error", "seconds"),
    [((403, "Forbidden"), Forbidden, 20), ((404, ""), KindNotInstalled, 0), ((401, "Unauthorized"), Unauthorized, 300)],
)
async def test_what_waiting_does_not_mend_is_told_to_every_follower(
    refusal: tuple[int, str], error: type[Exception], seconds: float
) -> None:
    clock = Clock()
    with HttpServer(lambda seen: seen.refuse(*refusal)) as server:
        followers = Followers(config(server.url), Settings(sleep=clock.asleep, clock=clock, jitter=lambda: 1.0))
        async with aclosing(followers.follow("x")) as x, aclosing(followers.follow("y")) as y:
            results = await asyncio.gather(next_of(x), next_of(y), return_exceptions=True)
        assert [type(result) for result in results] == [error, error]
        assert results[0] is not results[1]
        assert seconds <= clock.now - 1_000 <= seconds + 30
        made = followers.made
        assert (made > 1) == (seconds > 0), "refused, it reads the connection again"
        await eventually(lambda: followers.closed == made)
        # The next follower starts afresh.
        async with aclosing(followers.follow("x")) as again:
            with pytest.raises(error):
                await next_of(again)
        assert followers.made == 2 * made


async def test_a_refused_credential_that_recovers_is_waited_out(cluster: ClusterConfig) -> None:
    def behave(seen: Seen) -> None:
        if seen.number in (0, 1, 3):
            seen.refuse(401, "Unauthorized")
        elif "watch" in seen.query:
            seen.stream(event("MODIFIED", stored("x", 6, "Succeeded")))
            server.released.wait(SECONDS)
        else:
            seen.answer(listed(5, stored("x", 3)))

    with HttpServer(behave) as server:
        async with aclosing(Followers(config(server.url)).follow("x")) as states:
            await until(states, lambda state: status(state) == "Succeeded")


async def test_an_error_of_the_connection_reaches_the_follower() -> None:
    async def connect() -> AsyncKubeClient:
        raise LookupError("no such connection")

    states = watch.follow(connect, key="none", kind=KIND, namespace="default", name="x")
    async with aclosing(states):
        with pytest.raises(LookupError, match="no such connection"):
            await next_of(states)


async def test_the_bulk_is_not_kept() -> None:
    full = stored("x", 3)
    full["spec"]["pipelineDefinition"] = "x" * 1_000_000
    full["metadata"]["managedFields"] = [{"manager": "ack", "time": "now", "fieldsV1": {"f:spec": {}}}]

    def behave(seen: Seen) -> None:
        if "watch" in seen.query:
            seen.stream()
            server.released.wait(SECONDS)
        else:
            seen.answer(listed(5, full))

    with HttpServer(behave) as server:
        async with aclosing(Followers(config(server.url)).follow("x")) as states:
            state = await next_of(states)
    assert state is not None
    assert state["spec"] == {"pipelineName": "p"}
    assert state["metadata"]["managedFields"] == [{"manager": "ack", "time": "now"}]

"""Which followers share which stream, and what a whole collection shows."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from types import FrameType
from typing import Any
from uuid import uuid4

import pytest

from airflow_ack_sagemaker.core.resource.identity import MANAGED_BY, OURS, PREFIX
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION as KIND
from airflow_ack_sagemaker.follow import watch
from airflow_ack_sagemaker.follow.policy import Settings
from airflow_ack_sagemaker.kube.client import AsyncKubeClient
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import Forbidden
from tests.follow.test_watch import FAST, SECONDS, Followers, eventually, named, next_of, note, status, until
from tests.follow.virtual import Clock
from tests.kube.objects import config, event, execution, listed, stored
from tests.kube.servers import HttpServer, Seen

LABELLED = {"labels": {MANAGED_BY: PREFIX}}


def ours(name: str) -> dict[str, Any]:
    """A manifest with the package's label."""
    manifest = execution(name)
    return {**manifest, "metadata": {**manifest["metadata"], **LABELLED}}


def collection(followers: Followers, **options: Any) -> Any:
    options = {"settings": FAST, **options}
    return watch.follow_all(followers.connect, key=followers.key, kind=KIND, namespace="default", **options)


async def read(reader: Any, count: int) -> list[Any]:
    return [await asyncio.wait_for(anext(reader), SECONDS) for _ in range(count)]


async def test_ours_share_one_stream_that_shows_no_others(cluster: ClusterConfig) -> None:
    mine, other = f"mine-{uuid4().hex[:8]}", f"other-{uuid4().hex[:8]}"
    followers = Followers(cluster)
    async with AsyncKubeClient(cluster) as client, AsyncExitStack() as stack:
        await client.create(KIND, ours(mine))
        await client.create(KIND, execution(other))
        for name, selector in ((mine, OURS), (mine, OURS), (other, ""), (other, "")):
            states = await stack.enter_async_context(aclosing(followers.follow(name, label_selector=selector)))
            assert await next_of(states) is not None
            if selector:
                last = states
        reader = await stack.enter_async_context(aclosing(collection(followers, label_selector=OURS)))
        assert (await read(reader, 1))[0]["metadata"]["labels"] == LABELLED["labels"]
        await client.delete(KIND, mine)
        assert await next_of(last) is None
        assert followers.made == 2


async def test_what_lost_its_label_is_followed_all_the_same(cluster: ClusterConfig) -> None:
    """The selected stream says DELETED of it; believing that would end a task whose execution runs on."""
    never, loses = f"never-{uuid4().hex[:8]}", f"loses-{uuid4().hex[:8]}"
    followers = Followers(cluster)
    async with (
        AsyncKubeClient(cluster) as client,
        aclosing(followers.follow(never, label_selector=OURS)) as first,
        aclosing(followers.follow(loses, label_selector=OURS)) as second,
    ):
        await client.create(KIND, execution(never))
        await client.create(KIND, ours(loses))
        assert (await next_of(first) or {})["metadata"]["name"] == never
        assert (await next_of(second) or {})["metadata"]["name"] == loses
        await client.patch(KIND, loses, {"metadata": {"labels": {MANAGED_BY: None}}})
        for name, states in ((never, first), (loses, second)):
            await client.patch(KIND, name, named(1))
            await until(states, lambda state: note(state) == "1")
            await client.delete(KIND, name)
            assert await until(states, lambda state: state is None) is None
        assert followers.made == 2
    await eventually(lambda: followers.closed == 2)


async def test_a_collection_shows_what_is_there_then_what_changes(cluster: ClusterConfig) -> None:
    async with AsyncKubeClient(cluster) as client:
        made = [f"all-{uuid4().hex[:8]}" for _ in range(3)]
        for name in made[:2]:
            await client.create(KIND, execution(name))
        followers = Followers(cluster)
        async with aclosing(collection(followers)) as reader:
            present = []
            while (state := await asyncio.wait_for(anext(reader), SECONDS)) is not None:
                present.append(state["metadata"]["name"])
            assert set(made[:2]) <= set(present)
            # One that joins later is shown the same, from the same stream.
            async with aclosing(collection(followers)) as late:
                assert len([1 for state in await read(late, len(present)) if state]) == len(present)
                assert await anext(late) is None
            await client.create(KIND, execution(made[2]))
            assert (await read(reader, 1))[0]["metadata"]["name"] == made[2]
            await client.patch(KIND, made[2], named(1))
            assert note((await read(reader, 1))[0]) == "1"
            await client.delete(KIND, made[2])
            # What it was last, since its end may be news.
            assert note((await read(reader, 1))[0]) == "1"
        assert followers.made == 1
    await eventually(lambda: followers.closed == 1)


async def test_a_slow_reader_of_a_collection_owes_no_more_than_there_is(caplog: pytest.LogCaptureFixture) -> None:
    passing = 1_500

    def behave(seen: Seen) -> None:
        if "watch" not in seen.query:
            seen.answer(listed(5, stored("x", 3)))
            return
        gone = [event(kind, stored(f"p{n}", 6)) for n in range(passing) for kind in ("ADDED", "DELETED")]
        changed = [event("MODIFIED", stored("x", 7 + n)) for n in range(100)]
        seen.stream(*gone, *changed, event("MODIFIED", stored("x", 9_999, "Succeeded")))
        server.released.wait(SECONDS)

    with HttpServer(behave) as server:
        followers = Followers(config(server.url))
        async with aclosing(collection(followers)) as slow, aclosing(followers.follow("x")) as quick:
            assert len(await read(slow, 2)) == 2
            await until(quick, lambda state: status(state) == "Succeeded")
            owed = [state["metadata"]["name"] for state in await read(slow, 1_001)]
    assert owed[-1] == "x"
    assert len(set(owed)) == len(owed)
    assert caplog.text.count("too slow") == 1


async def test_an_error_reaches_the_reader_of_a_collection() -> None:
    clock = Clock()
    settings = Settings(sleep=clock.asleep, clock=clock)
    with HttpServer(lambda seen: seen.refuse(403, "Forbidden")) as server:
        async with aclosing(collection(Followers(config(server.url)), settings=settings)) as reader:
            with pytest.raises(Forbidden):
                await read(reader, 1)


async def test_a_wait_for_a_state_ends_in_time() -> None:
    def behave(seen: Seen) -> None:
        if "watch" in seen.query:
            seen.stream()
            server.hang()
        elif seen.path.endswith("/hangs"):
            server.hang()
        else:
            seen.answer(listed(5, stored("x", 3)))

    with HttpServer(behave) as server:
        followers = Followers(config(server.url))
        async with aclosing(followers.follow("x")) as x, aclosing(followers.follow("hangs")) as hangs:
            assert await x.next(SECONDS) is not None
            for states in (x, hangs):
                with pytest.raises(TimeoutError):
                    await states.next(0.05)
        assert server.waited_out == 0


def _token_file(folder: Path) -> tuple[dict[str, Any], Any]:
    (folder / "token").write_text("token-0")
    return {"tokenFile": str(folder / "token")}, lambda: (folder / "token").write_text("token-1")


def _plugin(folder: Path) -> tuple[dict[str, Any], Any]:
    """Issues the next token at each run."""
    version = "client.authentication.k8s.io/v1"
    (folder / "plugin.py").write_text(
        f"import json, pathlib\nfile = pathlib.Path({str(folder / 'count')!r})\n"
        "count = int(file.read_text()) if file.exists() else 0\nfile.write_text(str(count + 1))\n"
        f"print(json.dumps({{'apiVersion': {version!r}, 'kind': 'ExecCredential',"
        "'status': {'token': f'token-{count}'}}))"
    )
    script = str(folder / "plugin.py")
    return {"exec": {"apiVersion": version, "command": sys.executable, "args": ["-S", script]}}, lambda: None


@pytest.mark.parametrize("credential", [_token_file, _plugin])
async def test_a_credential_that_expires_under_the_watch_is_renewed(credential: Any, tmp_path: Path) -> None:
    """The stream goes on where it was, without a list, and no follower notices."""
    user, rotate = credential(tmp_path)

    def behave(seen: Seen) -> None:
        if "watch" not in seen.query:
            seen.answer(listed(5, stored("x", 3)))
        elif seen.number == 1:
            rotate()
            seen.stream(event("MODIFIED", stored("x", 6, "Stopping")))
        elif seen.headers["authorization"] == "Bearer token-0":
            seen.refuse(401, "Unauthorized")
        else:
            seen.stream(event("MODIFIED", stored("x", 7, "Succeeded")))
            server.released.wait(SECONDS)

    with HttpServer(behave) as server:
        async with aclosing(Followers(config(server.url, user)).follow("x")) as states:
            await until(states, lambda state: status(state) == "Succeeded")
    sent = [(seen.query.get("resourceVersion"), seen.headers["authorization"][7:]) for seen in server.seen]
    assert sent == [(None, "token-0"), ("5", "token-0"), ("6", "token-0"), ("6", "token-1")]


async def longest_turn(count: int) -> int:
    """So many followers, all with something to read once the list is there: the most lines of Python that run between
    two turns of the event loop. They are the same on any machine.
    """
    items = [stored(f"n{number}", 3) for number in range(count)]
    asked = asyncio.Event()

    def behave(seen: Seen) -> None:
        if "watch" in seen.query:
            seen.stream()
            server.released.wait(SECONDS)
        else:
            first = int(seen.query.get("continue") or 0)
            page = "" if first + 500 >= count else str(first + 500)
            seen.answer(listed(5, *items[first : first + 500], page=page))

    executed = longest = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal executed
        executed += event == "line"
        return trace

    async def probe() -> None:
        nonlocal longest
        while not asked.is_set():
            began = executed
            await asyncio.sleep(0)
            longest = max(longest, executed - began)

    with HttpServer(behave) as server:
        followers = Followers(config(server.url))
        async with AsyncExitStack() as stack:
            states = [await stack.enter_async_context(aclosing(followers.follow(f"n{n}"))) for n in range(count)]
            reads = asyncio.gather(*(one.next(SECONDS) for one in states))
            await asyncio.sleep(0)
            before = sys.gettrace()
            sys.settrace(trace)
            try:
                probing = asyncio.create_task(probe())
                assert all(json.dumps(state) for state in await reads)
                asked.set()
                await probing
            finally:
                sys.settrace(before)
            assert followers.made == 1
    return longest


async def test_thousands_are_woken_without_holding_up_the_event_loop() -> None:
    """One turn wakes them all, each at the same small cost: some 28 lines of Python."""
    await longest_turn(10)  # what is imported at the first use
    count = 3_000
    assert count < await longest_turn(count) < 50 * count

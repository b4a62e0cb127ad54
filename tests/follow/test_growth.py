"""Five hundred endpoints and two thousand model versions, each followed: one list and one watch a kind."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, aclosing
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, kind_of
from airflow_ack_sagemaker.kube.requests import PAGE_SIZE
from tests.follow.test_watch import SECONDS, Followers
from tests.kube.objects import config, event
from tests.kube.servers import HttpServer, Seen

COUNTS = {"Endpoint": 500, "ModelPackage": 2_000}
KINDS = {kind_of(name): count for name, count in COUNTS.items()}


def resource(kind: str, number: int, version: int = 3) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {
            "name": f"n{number}",
            "namespace": "default",
            "uid": f"u{number}",
            "resourceVersion": str(version),
        },
        "spec": {},
        "status": {},
    }


async def test_each_is_followed_and_the_cluster_asked_once_a_kind() -> None:
    changed = {kind.kind: asyncio.Event() for kind in KINDS}
    loop = asyncio.get_running_loop()

    def behave(seen: Seen) -> None:
        kind = next(kind for kind in KINDS if seen.path.endswith(f"/{kind.plural}"))
        if "watch" in seen.query:
            asyncio.run_coroutine_threadsafe(changed[kind.kind].wait(), loop).result(SECONDS)
            seen.stream(event("MODIFIED", resource(kind.kind, 7, version=6)))
            server.released.wait(SECONDS)
            return
        first, size = int(seen.query.get("continue") or 0), int(seen.query["limit"])
        last = min(first + size, COUNTS[kind.kind])
        metadata = {"resourceVersion": "5", **({"continue": str(last)} if last < COUNTS[kind.kind] else {})}
        items = [resource(kind.kind, number) for number in range(first, last)]
        seen.answer({"apiVersion": API_VERSION, "kind": f"{kind.kind}List", "metadata": metadata, "items": items})

    with HttpServer(behave) as server:
        followers = Followers(config(server.url))
        async with AsyncExitStack() as stack:
            states = {
                kind: [
                    await stack.enter_async_context(aclosing(followers.follow(f"n{number}", kind=kind)))
                    for number in range(count)
                ]
                for kind, count in KINDS.items()
            }
            every = [one for of_kind in states.values() for one in of_kind]
            first = await asyncio.gather(*(one.next(SECONDS) for one in every))
            assert all(state is not None for state in first)
            for kind, of_kind in states.items():
                changed[kind.kind].set()
                news = await of_kind[7].next(SECONDS)
                assert news is not None
                assert news["metadata"]["resourceVersion"] == "6"
        asked = Counter((seen.path.rpartition("/")[2], "watch" in seen.query) for seen in server.seen)
        assert asked == {
            (kind.plural, watched): 1 if watched else -(-count // PAGE_SIZE)
            for kind, count in KINDS.items()
            for watched in (False, True)
        }
        assert followers.made == len(KINDS)

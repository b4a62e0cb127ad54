"""Each way to follow, against a server that lists and never lets a watch live: no turn without a pause."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_IDENTITY, LABEL_ATTEMPT, RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION as KIND
from airflow_ack_sagemaker.core.run.batch_progress import Progress, Waits
from airflow_ack_sagemaker.core.run.batch_wait import BatchWait
from airflow_ack_sagemaker.follow.policy import Settings
from airflow_ack_sagemaker.follow.wait import follow_sync
from airflow_ack_sagemaker.follow.watch import follow
from airflow_ack_sagemaker.kube.client import AsyncKubeClient, KubeClient
from airflow_ack_sagemaker.kube.retry import NO_RETRY
from airflow_ack_sagemaker.runs.batch_follow import follow_batch
from harness.waiting import HUNG
from tests.follow.virtual import Clock
from tests.kube.objects import config, event, listed, stored
from tests.kube.servers import HttpServer, Seen

SECONDS = 300.0
"""Of virtual time that each way is followed."""

GONE = {"kind": "Status", "code": 410, "reason": "Expired"}
WATCHES: dict[str, Callable[[Seen], None]] = {
    "410": lambda seen: seen.refuse(410, "Expired"),
    "410 as an event": lambda seen: seen.stream(event("ERROR", GONE)),
    "401": lambda seen: seen.refuse(401, "Unauthorized"),
    "403 after one that was allowed": lambda seen: seen.refuse(403) if seen.number > 1 else seen.stream(),
    "429": lambda seen: seen.refuse(429),
    "429 with an endless Retry-After": lambda seen: seen.refuse(429, retry_after="inf"),
    "500": lambda seen: seen.refuse(500),
    "closes at once": lambda seen: seen.stream(),
    "hangs up": lambda seen: seen.hang_up(),
    "half an event": lambda seen: seen.stream(b'{"type":"MOD'),
    "an older version": lambda seen: seen.stream(event("MODIFIED", stored("x", 2))),
}


async def share(url: str, clock: Clock) -> None:
    """The stream that triggers share."""

    async def connect() -> AsyncKubeClient:
        return AsyncKubeClient(config(url), sleep=clock.asleep, retry=NO_RETRY)

    settings = Settings(sleep=clock.asleep, clock=clock)
    states = follow(connect, key=object(), kind=KIND, namespace="default", name="x", settings=settings)
    async with aclosing(states):
        async with asyncio.timeout(HUNG):
            assert await states.next() is not None
            reading = asyncio.ensure_future(states.next())
            while clock.now < 1_000 + SECONDS and not reading.done():
                await asyncio.sleep(0.001)
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


def in_the_triggerer(url: str, clock: Clock) -> None:
    asyncio.run(share(url, clock))


def one_in_a_task(url: str, clock: Clock) -> None:
    with KubeClient(config(url), sleep=clock.sleep, retry=NO_RETRY) as client:
        assert len(list(follow_sync(client, KIND, "x", "default", timeout=SECONDS, clock=clock))) == 1


def batch_in_a_task(url: str, clock: Clock) -> None:
    # One execution that nobody touches, given up after the time of the test.
    waits, progress = Waits(reconcile=SECONDS), Progress(clock.now)
    wait = BatchWait({0: 1}, waits=waits, progress=progress, more=False, spare_failures=None)
    identity = RunIdentity("d", "r", "t")
    with KubeClient(config(url), sleep=clock.sleep, retry=NO_RETRY) as client:
        follow_batch(client, "default", identity, wait, poll_interval=30.0, now=clock, clock=clock)


def _batch_member() -> dict[str, Any]:
    identity = RunIdentity("d", "r", "t").member(0)
    item = stored("x", 3)
    item["metadata"] |= {
        "labels": {**identity.labels(), LABEL_ATTEMPT: "1"},
        "annotations": {ANNOTATION_IDENTITY: identity.text},
    }
    del item["status"]
    return item


def _answer(seen: Seen, way: str) -> None:
    item = _batch_member() if way == "batch" else stored("x", 3)
    seen.answer(item if seen.path.endswith("/x") else listed(5, item))


def test_an_earlier_attempt_is_not_the_one_that_is_followed() -> None:
    """Somebody has deleted the second attempt before the list."""
    item = _batch_member() | {"status": {"pipelineExecutionStatus": "Succeeded"}}
    progress = Progress(1_000)
    wait = BatchWait({0: 2}, waits=Waits(), progress=progress, more=False, spare_failures=None)
    with (
        HttpServer(lambda seen: seen.answer(listed(5, item))) as server,
        KubeClient(config(server.url), retry=NO_RETRY) as client,
    ):
        follow_batch(client, "default", RunIdentity("d", "r", "t"), wait, poll_interval=30.0)
    assert wait.indexes == []
    assert progress.ended == {}


WAYS = {"triggerer": in_the_triggerer, "one": one_in_a_task, "batch": batch_in_a_task}


@pytest.mark.parametrize("behaviour", WATCHES)
@pytest.mark.parametrize("way", WAYS)
def test_no_turn_is_without_a_pause(way: str, behaviour: str) -> None:
    def behave(seen: Seen) -> None:
        if "watch" in seen.query:
            WATCHES[behaviour](seen)
        else:
            _answer(seen, way)

    clock = Clock()
    with HttpServer(behave) as server:
        WAYS[way](server.url, clock)
    watches = sum("watch" in seen.query for seen in server.seen)
    assert clock.now >= 1_000 + SECONDS
    # Pauses of 1/8 s, doubling to 15 to 30 s: at the very most 8 + 300/15.
    assert 2 <= watches <= 30
    assert len(server.seen) <= 2 * watches + 15
    assert max(clock.pauses) <= 60


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("way", WAYS)
def test_a_refusal_of_minutes_is_borne(way: str, status: int) -> None:
    clock = Clock()

    def behave(seen: Seen) -> None:
        if 1_002 < clock.now < 1_230:
            seen.refuse(status)
        elif "watch" in seen.query:
            seen.stream()
        else:
            _answer(seen, way)

    with HttpServer(behave) as server:
        WAYS[way](server.url, clock)
    assert clock.now >= 1_000 + SECONDS
    assert len(server.seen) < 100

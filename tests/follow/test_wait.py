"""Following one object with the blocking client."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION as KIND
from airflow_ack_sagemaker.follow.wait import follow_sync
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import Forbidden, Unreachable
from airflow_ack_sagemaker.kube.retry import NO_RETRY
from harness.waiting import HUNG
from tests.follow.virtual import Clock
from tests.kube.objects import config, event, execution, listed, stored
from tests.kube.servers import HttpServer, Seen


def status(state: dict[str, Any] | None) -> str:
    return "gone" if state is None else str(state["status"]["pipelineExecutionStatus"])


def test_states_of_one_object(cluster: ClusterConfig) -> None:
    name = f"wait-{uuid4().hex[:8]}"
    with (
        KubeClient(cluster) as client,
        KubeClient(cluster) as other,
        closing(follow_sync(client, KIND, name, "default", timeout=HUNG)) as states,
    ):
        assert next(states) is None
        other.create(KIND, execution(name))
        created = next(states)
        assert created is not None
        assert created["metadata"]["name"] == name
        other.create(KIND, execution(f"{name}-2"))
        other.delete(KIND, name)
        assert next(states) is None


def test_it_ends_in_time(cluster: ClusterConfig) -> None:
    began = time.monotonic()
    with KubeClient(cluster) as client:
        assert list(follow_sync(client, KIND, "never", "default", timeout=0.3)) == [None]
        assert time.monotonic() - began >= 0.3
        assert list(follow_sync(client, KIND, "never", "default", timeout=0)) == [None]


def test_faults_are_waited_out() -> None:
    gone = {"kind": "Status", "code": 410, "reason": "Expired"}

    def behave(seen: Seen) -> None:
        match seen.number:
            case 0:
                seen.refuse(503)
            case 1:
                seen.answer(listed(5, stored("x", 3)))
            case 2:
                seen.stream(event("MODIFIED", stored("x", 6, "Stopping")), b'{"ty')
            case 3:
                assert seen.query["resourceVersion"] == "6"
                seen.hang_up()
            case 4:
                seen.stream(event("ERROR", gone))
            case 5:
                seen.answer(listed(9, stored("x", 8, "Stopped")))
            case _:
                assert seen.query["resourceVersion"] == "9"
                seen.stream(event("DELETED", stored("x", 10, "Stopped")))

    pauses: list[float] = []
    with (
        HttpServer(behave) as server,
        KubeClient(config(server.url), sleep=pauses.append) as client,
        closing(follow_sync(client, KIND, "x", timeout=HUNG)) as states,
    ):
        assert [status(next(states)) for _ in range(4)] == ["Executing", "Stopping", "Stopped", "gone"]
    assert {seen.query["fieldSelector"] for seen in server.seen} == {"metadata.name=x"}
    assert max(pauses) < 1


def test_where_watch_is_forbidden_it_looks_again() -> None:
    def behave(seen: Seen) -> None:
        if "watch" in seen.query:
            seen.refuse(403, "Forbidden")
        elif seen.path.endswith("/x"):
            seen.answer(stored("x", 3 + seen.number, "Succeeded" if seen.number > 4 else "Executing"))
        else:
            seen.answer(listed(5, stored("x", 3)))

    pauses: list[float] = []
    with HttpServer(behave) as server, KubeClient(config(server.url), sleep=pauses.append) as client:
        for state in follow_sync(client, KIND, "x", poll_interval=9.0):
            if status(state) == "Succeeded":
                break
    assert set(pauses) == {9.0}
    assert sum("watch" in seen.query for seen in server.seen) == 1


def test_what_may_not_be_read_at_all_is_an_error() -> None:
    clock = Clock()
    with (
        HttpServer(lambda seen: seen.refuse(403, "Forbidden")) as server,
        KubeClient(config(server.url), sleep=clock.sleep) as client,
        pytest.raises(Forbidden),
    ):
        list(follow_sync(client, KIND, "x", timeout=60, clock=clock))
    # kube-apiserver refuses everybody in the seconds after its start.
    assert 20 <= clock.now - 1_000 < 60


def test_a_cluster_that_never_answers_is_an_error() -> None:
    with (
        KubeClient(config("http://127.0.0.1:1"), retry=NO_RETRY, sleep=lambda _: None) as client,
        pytest.raises(Unreachable, match="connection refused"),
    ):
        list(follow_sync(client, KIND, "x", timeout=0.05))


def test_a_server_that_hangs_does_not_hold_beyond_the_end() -> None:
    hung_since: list[float] = []

    def clock() -> float:
        """Time begins when the server hangs, however long the machine takes until then."""
        return time.monotonic() - hung_since[0] if hung_since else 0.0

    def behave(seen: Seen) -> None:
        if "watch" in seen.query:
            seen.stream()
            hung_since.append(time.monotonic())
            server.hang()
        else:
            seen.answer(listed(5, stored("x", 3)))

    with HttpServer(behave) as server, KubeClient(config(server.url)) as client:
        assert len(list(follow_sync(client, KIND, "x", timeout=0.2, clock=clock))) == 1
        assert server.waited_out == 0
    assert hung_since


def test_a_pause_that_a_server_asks_for_is_capped_and_told(caplog: pytest.LogCaptureFixture) -> None:
    def behave(seen: Seen) -> None:
        if seen.number == 0:
            seen.refuse(429, "TooManyRequests", retry_after="3600")
        elif "watch" in seen.query:
            seen.stream()
        else:
            seen.answer(listed(5, stored("x", 3)))

    pauses: list[float] = []
    caplog.set_level(logging.INFO)
    with (
        HttpServer(behave) as server,
        KubeClient(config(server.url), sleep=pauses.append, retry=NO_RETRY) as client,
        closing(follow_sync(client, KIND, "x", "default")) as states,
    ):
        assert status(next(states)) == "Executing"
    assert max(pauses) == 60.0
    assert "Trying again in 60 s" in caplog.text

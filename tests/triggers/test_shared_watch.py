"""The triggers of a triggerer share streams: one for what this package has made, one for everything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent

from airflow_ack_sagemaker.core.resource.identity import MANAGED_BY, OURS, PREFIX
from airflow_ack_sagemaker.triggers.execution_event import PipelineExecutionEventTrigger
from airflow_ack_sagemaker.triggers.resource import AckResourceTrigger
from harness.waiting import HUNG
from tests.kube.objects import event, kubeconfig, listed, stored
from tests.kube.servers import HttpServer, Seen

SECONDS = HUNG


def connect(monkeypatch: pytest.MonkeyPatch, server: HttpServer) -> None:
    connection = {"conn_type": "kubernetes", "extra": {"kube_config": kubeconfig(server.url)}}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))


def follow(name: str, **options: Any) -> AckResourceTrigger:
    return AckResourceTrigger(
        kind="PipelineExecution", name=name, namespace="default", kubernetes_conn_id="kubernetes_default", **options
    )


def ended(item: dict[str, Any], version: int) -> dict[str, Any]:
    metadata = {**item["metadata"], "resourceVersion": str(version)}
    return {**item, "metadata": metadata, "status": {"pipelineExecutionStatus": "Succeeded"}}


async def first(events: AsyncIterator[TriggerEvent]) -> Any:
    async with asyncio.timeout(SECONDS), aclosing(events) as source:  # type: ignore[type-var]
        async for one in source:
            return one.payload
    raise AssertionError("the trigger ended without an event")


async def test_streams_and_events(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = stored("ours", 3)
    ours["metadata"]["labels"] = {MANAGED_BY: PREFIX}
    others = [stored("known", 3, "Succeeded"), stored("theirs", 3), stored("of-another-pipeline", 3)]
    others[2]["spec"] = {"pipelineName": "another"}

    def behave(seen: Seen) -> None:
        selected = seen.query.get("labelSelector") == OURS
        if "watch" not in seen.query:
            seen.answer(listed(5, *([ours] if selected else [ours, *others])))
            return
        server.wait_for(4)  # both streams have begun
        ends = [
            event("MODIFIED", ended(item, 6 + number))
            for number, item in enumerate([ours] if selected else [*others, ours])
        ]
        seen.stream(*ends)
        server.released.wait(SECONDS)

    with HttpServer(behave) as server:
        connect(monkeypatch, server)
        triggers = [follow("ours", ours=True), follow("ours", ours=True), follow("theirs"), follow("theirs")]
        watcher = PipelineExecutionEventTrigger(pipeline_name="p", namespace="default")
        *followed, told = await asyncio.gather(*(first(trigger.run()) for trigger in [*triggers, watcher]))
        assert [payload["outcome"]["state"] for payload in followed] == ["Succeeded"] * 4
        # What had ended before is known, and another pipeline's is none of its business.
        assert (told["name"], told["pipeline_name"], told["state"]) == ("theirs", "p", "Succeeded")
    assert sum("watch" not in seen.query for seen in server.seen) == 2
    assert sum(seen.query.get("labelSelector") == OURS for seen in server.seen) == 2


def test_arguments_hold_no_credentials() -> None:
    path, arguments = follow("x", ours=True, echo={"attempt": 1}).serialize()
    assert path.endswith("AckResourceTrigger")
    assert AckResourceTrigger(**arguments).serialize() == (path, arguments)
    assert arguments["kubernetes_conn_id"] == "kubernetes_default"
    assert len(json.dumps(arguments)) < 400

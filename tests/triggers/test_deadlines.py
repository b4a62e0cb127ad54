"""What a trigger ends by itself while the cluster says nothing new."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_ack_sagemaker.core.run.deadlines import DELETION_TIMEOUT, Deadlines, Verdict
from airflow_ack_sagemaker.triggers.resource import AckResourceTrigger
from harness.waiting import HUNG
from tests.kube.objects import kubeconfig, listed, stored
from tests.kube.servers import HttpServer, Seen

SECONDS = HUNG


async def payload_of(
    monkeypatch: pytest.MonkeyPatch, resource: dict[str, Any], deadlines: Deadlines, goal: str = "finished"
) -> dict[str, Any]:
    def behave(seen: Seen) -> None:
        if "watch" in seen.query:
            seen.stream()
            server.released.wait(SECONDS)
        elif seen.query.get("dryRun"):  # which asks for the server's clock
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            fields = [{"manager": "airflow-ack-sagemaker", "operation": "Update", "time": now}]
            seen.answer({**resource, "metadata": {**resource["metadata"], "managedFields": fields}})
        else:
            seen.answer(listed(5, resource))

    with HttpServer(behave) as server:
        connection = {"conn_type": "kubernetes", "extra": {"kube_config": kubeconfig(server.url)}}
        monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
        trigger = AckResourceTrigger(
            kind="PipelineExecution",
            name="x",
            namespace="default",
            kubernetes_conn_id="kubernetes_default",
            uid="uid-x",
            deadlines=deadlines.to_dict(),
            goal=goal,
        )
        return await asyncio.wait_for(trigger.payload(), SECONDS)


async def test_a_deletion_whose_finalizer_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = time.time() - DELETION_TIMEOUT - 60
    deleting = stored("x", 3, "Stopping")
    deleting["metadata"] |= {"deletionTimestamp": "2020-01-01T00:00:00Z", "finalizers": ["f"]}
    payload = await payload_of(monkeypatch, deleting, Deadlines(begun=long_ago), "gone")
    assert payload["verdict"] == Verdict.TIMED_OUT
    assert payload["outcome"]["deleted"]


async def test_a_finalizer_without_a_status(monkeypatch: pytest.MonkeyPatch) -> None:
    taken_up = stored("x", 3)
    del taken_up["status"]
    taken_up["metadata"]["finalizers"] = ["f"]
    payload = await payload_of(monkeypatch, taken_up, Deadlines(reconcile_by=time.time() + 0.2))
    assert payload["verdict"] == Verdict.NOT_RECONCILED


async def test_execution_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = await payload_of(monkeypatch, stored("x", 3), Deadlines(execution_by=time.time() + 0.2))
    assert payload["verdict"] == Verdict.EXECUTION_TIMED_OUT
    assert payload["outcome"]["state"] == "InProgress"


async def test_what_has_ended_while_no_triggerer_ran_is_told_as_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    past = time.time() - 3_600
    deadlines = Deadlines(reconcile_by=past, finish_by=past, execution_by=past)
    payload = await payload_of(monkeypatch, stored("x", 3, "Succeeded"), deadlines)
    assert (payload["verdict"], payload["outcome"]["state"]) == (Verdict.REACHED, "Succeeded")

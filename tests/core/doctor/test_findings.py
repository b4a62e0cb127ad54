"""Each thing that can be wrong with resources is found, with what to do; what is right is not."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_ack_sagemaker.core.doctor.findings import examine, tell_duplicate
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_IDENTITY, ANNOTATION_REPORTED
from airflow_ack_sagemaker.core.run.duplicates import Duplicate, StartedExecution
from tests.core.resources import condition, execution, pipeline

CREATED = datetime(2026, 11, 1, 3, tzinfo=timezone.utc)
LATER = CREATED + timedelta(hours=1)
SYNCED = condition("ACK.ResourceSynced", "True")


def found(*resources: dict[str, Any], now: datetime = LATER) -> list[str]:
    findings = examine(resources, now=now)
    assert [one.what for one in findings if not (one.todo and one.where)] == []
    return [one.what for one in findings]


def test_what_is_right() -> None:
    running = execution(condition("ACK.ResourceSynced", "False"), said="Executing", finalizers=["f"])
    assert found(pipeline(SYNCED, said="Active"), running, execution(SYNCED, said="Succeeded")) == []


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        (execution(), "Nobody reconciles 1 resource"),
        (
            pipeline(
                SYNCED,
                said="Active",
                managedFields=[
                    {"subresource": "status", "time": "2026-11-01T03:00:01Z"},
                    {"time": "2026-11-01T03:30:00Z", "fieldsV1": {"f:spec": {}}},
                ],
            ),
            "Nobody reconciles 1 resource",
        ),
        (
            execution(condition("ACK.Recoverable", "True", "AccessDenied: no"), finalizers=["f"]),
            "The controller cannot do it and tries again: AccessDenied: no",
        ),
        (execution(condition("ACK.Terminal", "True", "ResourceNotFound: Pipeline 'x'")), "Refused for good"),
        (
            execution(said="Stopping", deletionTimestamp="2026-11-01T03:10:00Z", finalizers=["f"]),
            "1 resource deleted, but still there after 5 minutes",
        ),
        (execution(said="Failed", reason=None), "SageMaker says Failed and gives no failure reason"),
    ],
)
def test_what_is_wrong(resource: dict[str, Any], said: str) -> None:
    (what,) = found(resource)
    assert what.startswith(said)


def test_what_is_young_has_time() -> None:
    soon = CREATED + timedelta(seconds=30)
    assert found(execution(), execution(condition("ACK.Recoverable", "True", "wait"), finalizers=["f"]), now=soon) == []
    deleted = execution(said="Stopping", deletionTimestamp="2026-11-01T03:00:10Z", finalizers=["f"])
    assert found(deleted, now=soon) == []


def test_finished_executions_that_nobody_collects() -> None:
    reported = {ANNOTATION_IDENTITY: "[]", ANNOTATION_REPORTED: '{"state":"Succeeded"}'}
    many = [execution(SYNCED, said="Succeeded", annotations=reported, name=f"run-{number}") for number in range(31)]
    for resource in many:
        resource["spec"] = {"pipelineName": "abalone"}
    (finding,) = examine(many, now=LATER)
    assert "31 finished executions" in finding.what
    assert "delete 21 now" in finding.todo
    assert finding.where.endswith("and 26 more")
    assert examine(many[:30], now=LATER) == []


def test_a_duplicate_says_what_to_stop() -> None:
    started = datetime(2026, 11, 1, tzinfo=timezone.utc)
    owned, extra = (StartedExecution(f"arn:{name}", "Executing", started, "x") for name in ("owned", "extra"))
    finding = tell_duplicate(Duplicate("x", "x", owned, (extra,)), "ml")
    assert "2 executions have the display name x" in finding.what
    assert "arn:extra (Executing, started 2026-11-01 00:00:00+0000)" in finding.what
    assert finding.todo.endswith("aws sagemaker stop-pipeline-execution --pipeline-execution-arn arn:extra")
    ended = StartedExecution("arn:extra", "Succeeded", started, "x")
    assert "All of them have ended" in tell_duplicate(Duplicate("x", "x", owned, (ended,)), "ml").todo
    alone = tell_duplicate(Duplicate("x", None, None, (extra,)), "ml")
    assert alone.what.startswith("An execution runs that no resource in namespace ml owns")
    assert alone.where.startswith("no resource")

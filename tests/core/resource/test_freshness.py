"""Which status is an answer to which change, by the times of the writes."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.freshness import STATUS_RESOLUTION, answered, may_change_at, observe, prune
from airflow_ack_sagemaker.core.resource.status import State, classify
from tests.core.resources import NOT_SYNCED, SYNCED, execution, pipeline


def managed(*entries: tuple[str, str, str | None]) -> list[dict[str, Any]]:
    """(what, second, subresource) triples as managed fields."""
    return [
        {
            "manager": "m",
            "operation": "Apply",
            "time": f"2026-11-01T03:00:{second}Z",
            "fieldsV1": {f"f:{what}": {"f:x": {}}},
            **({"subresource": subresource} if subresource else {}),
        }
        for what, second, subresource in entries
    ]


@pytest.mark.parametrize(
    ("entries", "fresh"),
    [
        ([("spec", "10", None), ("status", "11", "status")], True),
        ([("spec", "10", None), ("status", "10", "status")], True),
        ([("spec", "12", None), ("status", "11", "status")], False),
        ([("spec", "10", None)], False),
        ([("spec", "10", None), ("spec", "20", None), ("status", "15", "status")], False),
        ([("spec", "10", None), ("metadata", "20", None), ("status", "15", "status")], True),
        ([("status", "11", "status")], True),
        ([], True),
    ],
)
def test_answered(entries: list[tuple[str, str, str | None]], fresh: bool) -> None:
    body = pipeline(SYNCED, said="Active", managedFields=managed(*entries))
    assert answered(body) is fresh
    assert observe(body).state is (State.SUCCEEDED if fresh else State.UNSEEN)
    assert observe(prune(body)) == observe(body)


def test_a_stale_status_says_so_and_a_job_is_read_as_it_is() -> None:
    stale = observe(
        pipeline(SYNCED, said="Active", managedFields=managed(("spec", "12", None), ("status", "11", "status")))
    )
    assert "has not answered" in (stale.reason or "")
    job = execution(
        NOT_SYNCED, said="Executing", managedFields=managed(("spec", "12", None), ("status", "11", "status"))
    )
    assert observe(job) == classify(job)


def test_a_change_waits_for_a_whole_second_after_the_last_status() -> None:
    body = pipeline(SYNCED, said="Active", managedFields=managed(("status", "11", "status")))
    assert may_change_at(body) == datetime(2026, 11, 1, 3, 0, 11, tzinfo=timezone.utc) + STATUS_RESOLUTION
    assert may_change_at(pipeline()) is None


def test_pruning_drops_the_definition_and_keeps_the_outcome() -> None:
    body = pipeline(SYNCED, said="Active", managedFields=managed(("spec", "10", None), ("status", "11", "status")))
    body["spec"]["pipelineDefinition"] = "x" * 1_000_000
    body["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "y" * 100_000}
    assert len(str(prune(body))) < 2_000
    assert observe(prune(body)) == observe(body)

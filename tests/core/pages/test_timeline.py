"""What happened and when, in order."""

from __future__ import annotations

import json

from airflow_ack_sagemaker.core.pages.timeline import timeline_of
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_REPORTED
from tests.core.pages.test_executions import HOSTILE
from tests.core.resources import READY, condition, execution, recoverable, terminal

CONTROLLER = {"manager": "ack-sagemaker", "operation": "Update"}


def test_a_run_from_its_creation_to_its_report() -> None:
    managed = [
        {**CONTROLLER, "time": "2026-11-01T03:00:01Z"},
        {**CONTROLLER, "subresource": "status", "time": "2026-11-01T03:05:00Z"},
        {"manager": "airflow", "time": "2026-11-01T03:00:00Z"},
    ]
    synced = condition("ACK.ResourceSynced", "True", "Resource synced successfully", at="2026-11-01T03:05:00Z")
    found = execution(
        synced,
        READY,
        said="Failed",
        reason="Step Train failed",
        managedFields=managed,
        annotations={ANNOTATION_REPORTED: json.dumps({"state": "Failed", "try": 1, "at": 1793502400})},
    )
    found["status"] |= {"creationTime": "2026-11-01T03:00:02Z", "lastModifiedTime": "2026-11-01T03:04:50Z"}
    events = timeline_of(found)
    dated = [event for event in events if event.time is not None]
    assert [event.what for event in dated][:5] == [
        "The resource was created",
        "The controller took it on",
        "SageMaker started it",
        "It failed in SageMaker",
        "The controller has nothing left to do for it",
    ]
    assert [event.time for event in dated] == sorted(event.time or "" for event in dated)
    (failed,) = [event for event in events if event.kind == "bad"]
    assert failed.detail == "Step Train failed"
    assert "The task told Airflow how it ended" in [event.what for event in events]


def test_trouble_is_dated_by_the_status_that_told_it() -> None:
    managed = [{**CONTROLLER, "subresource": "status", "time": "2026-11-01T03:09:00Z"}]
    (event,) = [
        e for e in timeline_of(execution(recoverable("AccessDenied: no"), managedFields=managed)) if e.kind == "waiting"
    ]
    assert (event.time, event.detail) == ("2026-11-01T03:09:00Z", "AccessDenied: no")
    (event,) = [e for e in timeline_of(execution(terminal("refused"))) if e.kind == "bad"]
    assert (event.time, event.detail) == (None, "refused")


def test_nobody_has_touched_it() -> None:
    events = timeline_of(execution())
    assert [event.what for event in events] == ["The resource was created", "No controller has touched it yet"]
    assert events[-1].detail


def test_being_stopped() -> None:
    events = timeline_of(execution(said="Stopping", deletionTimestamp="2026-11-01T03:02:00Z"))
    assert "It was asked to stop: the resource was deleted" in [event.what for event in events]


def test_what_is_not_known_and_what_is_hostile_is_shown_as_it_is() -> None:
    odd = condition(HOSTILE, HOSTILE, HOSTILE, at="no time")
    events = timeline_of(execution(odd, said="Executing"))
    (event,) = [event for event in events if HOSTILE in event.what]
    assert (event.time, event.detail, event.kind) == (None, HOSTILE, "info")
    assert timeline_of({"kind": "PipelineExecution"})

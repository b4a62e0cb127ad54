"""Endpoints that do not serve what they were asked to serve."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow_ack_sagemaker.core.doctor.endpoints import endpoints
from airflow_ack_sagemaker.core.doctor.lines import Level

NOW = datetime(2026, 11, 1, 13, tzinfo=timezone.utc)


def endpoint(status: str, *conditions: tuple[str, str], reason: str | None = None) -> dict[str, Any]:
    said = [{"type": kind, "status": value, "message": "EndpointUpdateError"} for kind, value in conditions]
    return {
        "kind": "Endpoint",
        "metadata": {"name": "e", "namespace": "ml"},
        "status": {"endpointStatus": status, "failureReason": reason, "conditions": said},
    }


def test_endpoints_that_do_not_serve_what_was_asked_for() -> None:
    good = endpoint("InService", ("ACK.ResourceSynced", "True"), reason="of an update long ago")
    back = endpoint("InService", ("ACK.ResourceSynced", "False"), ("ACK.Terminal", "True"), reason="no capacity")
    (fine,) = endpoints([good], now=NOW)
    assert fine.level is Level.OK
    (rolled_back,) = endpoints([back], now=NOW)
    assert rolled_back.what.endswith("it serves the configuration of before: no capacity")
    assert [line.level for line in endpoints([endpoint("UpdateRollbackFailed"), endpoint("Failed")], now=NOW)] == [
        Level.PROBLEM,
        Level.PROBLEM,
    ]


def updating(asked: str, transition: str, *conditions: tuple[str, str]) -> dict[str, Any]:
    """An endpoint that says Updating: asked for at one time, its condition Synced changed at another."""
    resource = endpoint("Updating", ("ACK.ResourceSynced", "False"), *conditions)
    resource["metadata"]["managedFields"] = [
        {"manager": "us", "time": asked, "fieldsV1": {"f:spec": {"f:endpointConfigName": {}}}}
    ]
    resource["status"]["conditions"][0]["lastTransitionTime"] = transition
    return resource


def test_an_update_that_is_sent_again_was_rolled_back_in_silence() -> None:
    first = "2026-11-01T12:00:00Z"
    (runs_on,) = endpoints([updating(first, "2026-11-01T12:00:02Z")], now=NOW)
    assert runs_on.level is Level.OK
    (again,) = endpoints([updating(first, "2026-11-01T12:20:00Z")], now=NOW)
    assert (again.level, again.where) == (Level.PROBLEM, "endpoint/e (namespace ml)")
    assert "sent again 2026-11-01T12:20:00Z" in again.what
    assert "rollback e" in again.todo
    (busy,) = endpoints([updating(first, "2026-11-01T12:20:00Z", ("ACK.Recoverable", "True"))], now=NOW)
    assert busy.level is Level.OK, "a look that found it busy renews the time as well"


def test_what_the_controller_cannot_do_is_told() -> None:
    """It is InService, as it was before it was asked."""
    denied = endpoint("InService", ("ACK.ResourceSynced", "True"), ("ACK.Recoverable", "True"))
    denied["metadata"]["creationTimestamp"] = "2026-11-01T12:00:00Z"
    (line,) = endpoints([denied], now=NOW)
    assert line.level is Level.PROBLEM
    assert line.what.endswith("it does not serve what was asked for: EndpointUpdateError")
    denied["metadata"]["creationTimestamp"] = "2026-11-01T12:59:50Z"
    (young,) = endpoints([denied], now=NOW)
    assert young.level is Level.OK, "its configuration may be made in this moment"


def test_a_deletion_that_does_not_end_is_told() -> None:
    going = endpoint("InService", ("ACK.ResourceSynced", "True"))
    for minutes, level in ((4, Level.OK), (6, Level.PROBLEM)):
        going["metadata"]["deletionTimestamp"] = f"2026-11-01T12:{60 - minutes}:00Z"
        (line,) = endpoints([going], now=NOW)
        assert line.level is level
    assert line.what == "Deleted, but still there after 5 minutes"


def test_one_that_was_never_made_serves_no_configuration_of_before() -> None:
    refused = endpoint("InService", ("ACK.Terminal", "True"))
    del refused["status"]["endpointStatus"]
    (line,) = endpoints([refused], now=NOW)
    assert (line.level, line.what) == (Level.PROBLEM, "Refused for good: EndpointUpdateError")

"""Endpoints that do not serve what they were asked to serve."""

from __future__ import annotations

from typing import Any

from airflow_ack_sagemaker.core.doctor.endpoints import endpoints
from airflow_ack_sagemaker.core.doctor.lines import Level


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
    (fine,) = endpoints([good])
    assert fine.level is Level.OK
    (rolled_back,) = endpoints([back])
    assert rolled_back.what.endswith("it serves the configuration of before: no capacity")
    assert [line.level for line in endpoints([endpoint("UpdateRollbackFailed"), endpoint("Failed")])] == [
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
    (runs_on,) = endpoints([updating(first, "2026-11-01T12:00:02Z")])
    assert runs_on.level is Level.OK
    (again,) = endpoints([updating(first, "2026-11-01T12:20:00Z")])
    assert (again.level, again.where) == (Level.PROBLEM, "endpoint/e (namespace ml)")
    assert "sent again 2026-11-01T12:20:00Z" in again.what
    assert "rollback e" in again.todo
    (busy,) = endpoints([updating(first, "2026-11-01T12:20:00Z", ("ACK.Recoverable", "True"))])
    assert busy.level is Level.OK, "a look that found it busy renews the time as well"

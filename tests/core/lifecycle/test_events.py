"""What of monitoring and of the registry is an event."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.core.lifecycle.events import approved_item, violation_of
from airflow_ack_sagemaker.core.lifecycle.registry import ModelVersion

JOB = "arn:aws:sagemaker:us-east-1:123456789012:processing-job/quality-1"


def schedule(**last: Any) -> dict[str, Any]:
    return {
        "kind": "MonitoringSchedule",
        "metadata": {"name": "quality", "namespace": "ml"},
        "spec": {"monitoringScheduleName": "Quality"},
        "status": {"lastMonitoringExecutionSummary": last},
    }


def version(number: int, approval: str | None, status: str = "Completed") -> ModelVersion:
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/abalone/{number}"
    return ModelVersion(arn, "abalone", number, approval, status, f"abalone-v{number}", {"mse": float(number)})


def test_a_violation_is_told_by_its_processing_job() -> None:
    found = violation_of(
        schedule(processingJobARN=JOB, monitoringExecutionStatus="CompletedWithViolations", endpointName="abalone")
    )
    assert found is not None
    assert found.key == JOB
    assert found.payload is not None
    wanted = {"name": "quality", "namespace": "ml", "schedule": "Quality", "endpoint_name": "abalone"}
    assert {name: found.payload[name] for name in wanted} == wanted


@pytest.mark.parametrize("status", ["Completed", "Failed", "InProgress", "Pending", "completedwithviolations", None, 3])
def test_any_other_end_is_none(status: Any) -> None:
    assert violation_of(schedule(processingJobARN=JOB, monitoringExecutionStatus=status)) is None


@pytest.mark.parametrize("status", [{}, {"lastMonitoringExecutionSummary": []}, [], None])
def test_a_schedule_that_tells_of_no_execution_is_none(status: Any) -> None:
    assert violation_of({**schedule(), "status": status}) is None
    assert violation_of(schedule(monitoringExecutionStatus="CompletedWithViolations")) is None


def test_the_newest_approved_version_is_the_news() -> None:
    versions = [version(3, "PendingManualApproval"), version(2, "Approved"), version(1, "Approved")]
    found = approved_item(versions)
    assert found.key == versions[1].arn
    assert found.payload is not None
    assert (found.payload["version"], found.payload["metrics"]) == (2, {"mse": 2.0})


def test_without_an_approved_version_there_is_nothing_to_tell() -> None:
    assert approved_item([]).payload is None
    assert approved_item([version(1, "approved"), version(2, "Approved", "Failed")]).payload is None

"""What of the registry and of monitoring starts something: a violation, another version that may be served."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_ack_sagemaker.core.lifecycle.registry import ModelVersion
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.run.news import Item

VIOLATED = "CompletedWithViolations"
"""The status of a monitoring execution that has found that data or quality have drifted (SageMaker API,
``MonitoringExecutionStatus``)."""


def violation_of(resource: Resource) -> Item | None:
    """The violation that a MonitoringSchedule tells of, by the processing job that has found it; None: it tells of
    none.
    """
    last = fields.last_monitoring_execution(resource)
    job = fields.text(last, "processingJobARN")
    if job is None or fields.text(last, "monitoringExecutionStatus") != VIOLATED:
        return None
    return Item(
        job,
        {
            "name": fields.name(resource),
            "namespace": fields.namespace(resource),
            "schedule": fields.text(last, "monitoringScheduleName")
            or fields.text(fields.spec(resource), "monitoringScheduleName"),
            "endpoint_name": fields.text(last, "endpointName"),
            "monitoring_type": fields.text(last, "monitoringType"),
            "processing_job_arn": job,
            "scheduled_time": fields.text(last, "scheduledTime"),
        },
    )


def approved_item(versions: Iterable[ModelVersion]) -> Item:
    """The version to serve, as news. Without one it has no payload.

    :param versions: those of one group, the newest first.
    """
    newest = next((version for version in versions if version.is_approved), None)
    if newest is None:
        return Item("")
    return Item(
        newest.arn,
        {
            "arn": newest.arn,
            "group": newest.group,
            "version": newest.number,
            "resource": newest.resource,
            "metrics": dict(newest.metrics),
        },
    )

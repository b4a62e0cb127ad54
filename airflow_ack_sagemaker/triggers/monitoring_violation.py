"""`MonitoringViolationTrigger`: an event for each violation that SageMaker's monitoring finds: drift, without
CloudWatch, without Lambda, and without a right in SageMaker.
"""

from __future__ import annotations

from typing import Any

from airflow_ack_sagemaker.core.lifecycle.events import violation_of
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.run.news import Item
from airflow_ack_sagemaker.triggers.collection import EachResourceTrigger


class MonitoringViolationTrigger(EachResourceTrigger):
    """Fires once for each execution of a MonitoringSchedule that ends as ``CompletedWithViolations``, by its processing
    job: for an ``AssetWatcher``, to retrain when data or quality drift.

    The event's payload is ``{"name", "namespace", "schedule", "endpoint_name", "monitoring_type", "processing_job_arn",
    "scheduled_time"}``. What was told is remembered as by `PipelineExecutionEventTrigger`. A schedule tells of its last
    execution only, which the controller reads every 30 seconds: after a longer pause of the triggerer the last one
    counts.

    ```python
    from airflow.sdk import Asset, AssetWatcher
    from airflow_ack_sagemaker.triggers.monitoring_violation import MonitoringViolationTrigger

    Asset("drift", watchers=[AssetWatcher(name="drift", trigger=MonitoringViolationTrigger(schedule_name="demand"))])
    ```

    :param schedule_name: only this schedule, by its name in SageMaker or that of its resource; None: all.
    :param kubernetes_conn_id: connection of type ``kubernetes``, as the cncf provider defines it.
    :param namespace: namespace of the schedules; None: the connection's.
    :param poll_interval: seconds between looks, where the cluster does not allow ``watch``.
    """

    arguments = ("schedule_name", "kubernetes_conn_id", "namespace", "poll_interval")
    store_key = "airflow-ack-sagemaker/violations"
    kind = kind_of("MonitoringSchedule")

    def __init__(self, *, schedule_name: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.schedule_name = schedule_name

    def item(self, resource: dict[str, Any]) -> Item | None:
        """Its last execution, if that has found a violation."""
        names = (fields.name(resource), fields.text(fields.spec(resource), "monitoringScheduleName"))
        return violation_of(resource) if self.schedule_name in (None, *names) else None

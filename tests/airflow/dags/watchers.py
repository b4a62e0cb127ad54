"""DAGs that start when a definition has changed, an execution has ended, data has drifted or a version was approved."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_ack_sagemaker.operators.repeats import SkipRepeatedEventsOperator
from airflow_ack_sagemaker.task_groups import retraining
from airflow_ack_sagemaker.triggers.approved_model import ApprovedModelTrigger
from airflow_ack_sagemaker.triggers.definition import PipelineDefinitionTrigger
from airflow_ack_sagemaker.triggers.execution_event import PipelineExecutionEventTrigger
from airflow_ack_sagemaker.triggers.monitoring_violation import MonitoringViolationTrigger

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
ROLE_ARN = "arn:aws:iam::123456789012:role/sagemaker-pipelines"
TRIGGERS: dict[str, Any] = {
    "definition": PipelineDefinitionTrigger(definition_uri="s3://case-definitions/watched.json", poll_interval=1),
    "killed": PipelineDefinitionTrigger(definition_uri="s3://case-definitions/killed.json", poll_interval=1),
    "executions": PipelineExecutionEventTrigger(pipeline_name="watched", states=["Succeeded", "Failed"]),
    "violations": MonitoringViolationTrigger(schedule_name="watched"),
    "approved": ApprovedModelTrigger(model_package_group="watched"),
}

for name, trigger in TRIGGERS.items():
    asset = Asset(f"watched_{name}", watchers=[AssetWatcher(name=name, trigger=trigger)])
    with DAG(f"on_watched_{name}", schedule=[asset], start_date=START):

        @task
        def payloads(triggering_asset_events: Any = None) -> list[Any]:
            """What the watcher said."""
            return [event.extra for events in triggering_asset_events.values() for event in events]

        if name == "killed":
            SkipRepeatedEventsOperator(task_id="news", assets=[asset]) >> retraining(
                pipeline_name=name, role_arn=ROLE_ARN, definition_uri="s3://case-definitions/killed.json"
            )
        elif name == "approved":
            payloads()  # a version that may be served again is told again
        else:
            SkipRepeatedEventsOperator(task_id="news", assets=[asset]) >> payloads()

"""DAGs that start when a definition has changed or an execution has ended."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow.sdk import DAG, Asset, AssetWatcher, task

from airflow_ack_sagemaker.triggers.definition import PipelineDefinitionTrigger
from airflow_ack_sagemaker.triggers.execution_event import PipelineExecutionEventTrigger

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
DEFINITION = Asset(
    "watched_definition",
    watchers=[
        AssetWatcher(
            name="definition",
            trigger=PipelineDefinitionTrigger(definition_uri="s3://case-definitions/watched.json", poll_interval=1),
        )
    ],
)
EXECUTIONS = Asset(
    "watched_executions",
    watchers=[
        AssetWatcher(
            name="executions",
            trigger=PipelineExecutionEventTrigger(pipeline_name="watched", states=["Succeeded", "Failed"]),
        )
    ],
)

for asset in (DEFINITION, EXECUTIONS):
    with DAG(f"on_{asset.name}", schedule=[asset], start_date=START):

        @task
        def payloads(triggering_asset_events: Any = None) -> list[Any]:
            """What the watcher said."""
            return [event.extra for events in triggering_asset_events.values() for event in events]

        payloads()

"""Daily DAGs with a definition that is filled with the day, each for one backfill; they have no retries at all."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import DAG

from airflow_ack_sagemaker.task_groups import retraining

BACKFILLS = 20

for number in range(BACKFILLS):
    with DAG(
        f"daily_{number}",
        schedule="@daily",
        start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        is_paused_upon_creation=True,
        default_args={"retries": 0},
    ):
        retraining(
            pipeline_name="{{ dag_run.conf['pipeline'] }}",
            role_arn="arn:aws:iam::123456789012:role/sagemaker-pipelines",
            definition_uri="{{ dag_run.conf['definition_uri'] }}",
            placeholders={"DATE": "{{ ds }}"},
        )

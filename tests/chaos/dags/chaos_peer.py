"""The same with the amazon provider's operator; in a file of its own, whose import costs seconds."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerStartPipelineOperator
from airflow.sdk import DAG

# Not deferrable: that needs aiobotocore, which wants an older botocore than the rest.
with DAG("peer", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), max_active_runs=40):
    SageMakerStartPipelineOperator(
        task_id="launch",
        pipeline_name="{{ dag_run.conf['pipeline'] }}",
        display_name="{{ run_id }}",
        pipeline_params={"Run": "{{ run_id }}"},
        wait_for_completion=True,
        check_interval=3,
        retries=3,
        retry_delay=timedelta(seconds=1),
    )

"""The amazon provider's operator, in a file of its own: it takes long to import."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerEndpointOperator
from airflow.sdk import DAG

with DAG(
    "peer_deploys",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
):
    SageMakerEndpointOperator(
        task_id="deploy",
        operation="update",
        config={
            "EndpointName": "{{ dag_run.conf['endpoint'] }}",
            "EndpointConfigName": "{{ dag_run.conf['config'] }}",
        },
        check_interval=1,
        wait_for_completion=True,
    )

"""DAGs whose inputs change while they run."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG

from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
from airflow_ack_sagemaker.operators.pipeline_executions import AckPipelineExecutionsOperator
from airflow_ack_sagemaker.task_groups import retraining

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
ROLE = "arn:aws:iam::123456789012:role/sagemaker-pipelines"
PIPELINE = "{{ dag_run.conf['pipeline'] }}"
AGAIN = {"retries": 2, "retry_delay": timedelta(0)}

with DAG("dated", schedule=None, start_date=START, max_active_runs=20, default_args=AGAIN):
    retraining(
        pipeline_name=PIPELINE,
        role_arn=ROLE,
        definition_uri="{{ dag_run.conf['definition_uri'] }}",
        placeholders={"DATE": "{{ run_id }}"},
    )

with DAG("daily", schedule="@daily", start_date=START, catchup=False, max_active_runs=1, default_args={"retries": 0}):
    retraining(
        pipeline_name=PIPELINE,
        role_arn=ROLE,
        definition_uri="{{ dag_run.conf['definition_uri'] }}",
        placeholders={"DATE": "{{ ds }}"},
    )

with DAG("once_more", schedule=None, start_date=START, default_args=AGAIN):
    AckPipelineExecutionOperator(task_id="launch", pipeline_name=PIPELINE)

with DAG("listed", schedule=None, start_date=START, render_template_as_native_obj=True, default_args=AGAIN):
    AckPipelineExecutionsOperator(
        task_id="launch",
        pipeline_name=PIPELINE,
        executions="{{ var.json.get('list_' ~ dag_run.conf['pipeline']) }}",  # type: ignore[arg-type]
    )

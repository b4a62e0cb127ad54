"""DAGs of one task each that runs the pipeline which the run's conf names."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG

from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
from airflow_ack_sagemaker.operators.pipeline_executions import AckPipelineExecutionsOperator

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def dag(dag_id: str) -> DAG:
    """A DAG that only runs when it is asked to."""
    return DAG(dag_id, schedule=None, start_date=START, render_template_as_native_obj=True)


with dag("case"):
    AckPipelineExecutionOperator(
        task_id="launch",
        pipeline_name="{{ dag_run.conf['pipeline'] }}",
        parameters="{{ dag_run.conf.get('parameters', {}) }}",
        retries=0,
    )

with dag("case_batch"):
    AckPipelineExecutionsOperator(
        task_id="launch",
        pipeline_name="{{ dag_run.conf['pipeline'] }}",
        executions="{{ dag_run.conf['executions'] }}",
        retries=0,
        retry_delay=timedelta(0),
    )

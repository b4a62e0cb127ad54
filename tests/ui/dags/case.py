"""A DAG whose one task runs the pipeline that the run's conf names."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow.sdk import DAG

from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def conf(name: str) -> Any:
    """A template for a value of the run's conf, in its own type."""
    return f"{{{{ dag_run.conf.get('{name}') }}}}"


with DAG("case", schedule=None, start_date=START, render_template_as_native_obj=True):
    AckPipelineExecutionOperator(
        task_id="launch",
        pipeline_name=conf("pipeline"),
        parameters=conf("parameters"),
        retries=0,
    )

"""DAGs that launch many executions in one task, and some that retry or collect. Their strings come from the conf."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import DAG, task

from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
from airflow_ack_sagemaker.operators.pipeline_executions import AckPipelineExecutionsOperator

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
NOW = timedelta(0)


def conf(name: str, default: str = "None") -> str:
    """A template for a value of the run's conf, in its own type."""
    return f"{{{{ dag_run.conf.get('{name}', {default}) }}}}"


def dag(dag_id: str, **kwargs: Any) -> DAG:
    """A DAG that only runs when it is asked to."""
    return DAG(dag_id, schedule=None, start_date=START, render_template_as_native_obj=True, **kwargs)


BATCH: dict[str, Any] = {
    "task_id": "batch",
    "pipeline_name": conf("pipeline"),
    "executions": conf("executions", "[]"),
    "max_active_executions": conf("at_once", "2"),
    "retry_delay": NOW,
}

for deferrable in (True, False):
    mode = "deferred" if deferrable else "held"
    with dag(f"batch_{mode}"):
        AckPipelineExecutionsOperator(**BATCH, deferrable=deferrable, retries=2)

with dag("batch_fail_fast"):
    AckPipelineExecutionsOperator(**BATCH, deferrable=False, failure_policy="fail_fast")

with dag("batch_stop_rest"):
    AckPipelineExecutionsOperator(**BATCH, failure_policy="stop_rest")

with dag("batch_half"):
    AckPipelineExecutionsOperator(**BATCH, deferrable=False, min_succeeded=0.5)

with dag("batch_later"):
    AckPipelineExecutionsOperator(**{**BATCH, "retry_delay": timedelta(hours=1)}, deferrable=False, retries=1)

with dag("retry_selectively"):
    AckPipelineExecutionOperator(
        task_id="launch", pipeline_name=conf("pipeline"), retries=2, retry_delay=NOW, retry_from_failed_step=True
    )

with dag("keep_none"):
    AckPipelineExecutionOperator(task_id="launch", pipeline_name=conf("pipeline"), execution_history_limit=0)

with dag("mapped"):

    @task
    def rounds() -> list[dict[str, int]]:
        return [{"Rounds": number} for number in (1, 2, 3)]

    AckPipelineExecutionOperator.partial(task_id="launch", pipeline_name=conf("pipeline"), retries=2).expand(
        parameters=rounds()
    )

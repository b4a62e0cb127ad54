"""One task a DAG: an execution of the pipeline that the run's conf names.

Each execution carries its run's id as the parameter ``Run``, by which SageMaker's list is compared with Airflow's.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import DAG

from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

LAUNCH: dict[str, Any] = {
    "task_id": "launch",
    "pipeline_name": "{{ dag_run.conf['pipeline'] }}",
    "parameters": {"Run": "{{ run_id }}"},
}
# Each kill costs a try. Many tries are many occasions to launch once too often.
PATIENT: dict[str, Any] = {"retries": 20, "retry_delay": timedelta(seconds=1)}


def dag(dag_id: str) -> DAG:
    """A DAG that only runs when it is asked to."""
    # Not all of 200 at once: then all would be at the same point of their lives.
    return DAG(dag_id, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), max_active_runs=40)


for mode, deferrable in (("deferred", True), ("held", False)):
    with dag(f"ours_{mode}"):
        AckPipelineExecutionOperator(deferrable=deferrable, **LAUNCH, **PATIENT)
    with dag(f"ours_{mode}_once"):
        AckPipelineExecutionOperator(deferrable=deferrable, retries=0, timeout=30, **LAUNCH)

# Where old executions are collected, the look asks for all runs of the task: only without that does it name the run.
with dag("ours_look"):
    AckPipelineExecutionOperator(execution_history_limit=None, **LAUNCH, **PATIENT)

"""One task a DAG: an execution of the pipeline that the run's conf names, by this package and by the amazon provider.

Each execution carries its run's id as the parameter ``Run``, by which SageMaker's list is compared with Airflow's.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerStartPipelineOperator
from airflow.sdk import DAG

from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
PIPELINE = "{{ dag_run.conf['pipeline'] }}"
RUN = {"Run": "{{ run_id }}"}
# Each kill costs a try. Many tries are many occasions to launch once too often.
OURS: dict[str, Any] = {"retries": 20, "retry_delay": timedelta(seconds=1)}
PEERS: dict[str, Any] = {"retries": 3, "retry_delay": timedelta(seconds=1)}


def dag(dag_id: str) -> DAG:
    """A DAG that only runs when it is asked to."""
    return DAG(dag_id, schedule=None, start_date=START)


for mode, deferrable in (("deferred", True), ("held", False)):
    with dag(f"ours_{mode}"):
        AckPipelineExecutionOperator(
            task_id="launch", pipeline_name=PIPELINE, parameters=RUN, deferrable=deferrable, **OURS
        )
    with dag(f"ours_{mode}_once"):
        AckPipelineExecutionOperator(
            task_id="launch", pipeline_name=PIPELINE, parameters=RUN, deferrable=deferrable, retries=0, timeout=30
        )

# Not deferrable: that needs aiobotocore, which wants an older botocore than the rest.
with dag("peer"):
    SageMakerStartPipelineOperator(
        task_id="launch",
        pipeline_name=PIPELINE,
        display_name="{{ run_id }}",
        pipeline_params=RUN,
        wait_for_completion=True,
        check_interval=3,
        **PEERS,
    )

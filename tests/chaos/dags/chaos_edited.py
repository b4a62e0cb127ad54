"""DAGs whose inputs people change while they run: this file, Variables, connections, the definition in S3.

Each execution carries as parameters its run, which time it was asked for, and what the file and a Variable said then.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import DAG

from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
from airflow_ack_sagemaker.operators.pipeline_executions import AckPipelineExecutionsOperator
from airflow_ack_sagemaker.task_groups import retraining

# These lines are what people edit.
RETRIES = 40
ROUNDS = 10
MEMBERS = ["a", "b", "c"]

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
CLUSTER: dict[str, Any] = {
    "kubernetes_conn_id": "edited_cluster",
    "aws_conn_id": "edited_aws",
    "retries": RETRIES,
    "retry_delay": timedelta(seconds=1),
}
PIPELINE = "{{ var.value.get('pipeline_' ~ dag_run.conf['group']) }}"
DEFINITION: dict[str, Any] = {
    "role_arn": "arn:aws:iam::123456789012:role/sagemaker-pipelines",
    "definition_uri": "s3://chaos-definitions/{{ dag_run.conf['group'] }}.json",
}
WHOSE = {"Run": "{{ run_id }}", "Asked": "{{ dag_run.conf['asked'] }}"}
PARAMETERS = {**WHOSE, "Rounds": str(ROUNDS), "Shop": "{{ var.value.shop }}"}


def dag(dag_id: str) -> DAG:
    """A DAG that only runs when it is asked to."""
    return DAG(dag_id, schedule=None, start_date=START, max_active_runs=40)


for mode, deferrable in (("deferred", True), ("held", False)):
    with dag(f"edited_own_{mode}"):
        retraining(
            pipeline_name=PIPELINE,
            placeholders={"DATE": "{{ run_id }}"},
            parameters=PARAMETERS,
            deferrable=deferrable,
            # A connection that is pointed to a cluster without a controller is not waited for so long.
            reconcile_timeout=60,
            **DEFINITION,
            **CLUSTER,
        )
    with dag(f"edited_plain_{mode}"):
        AckPipelineExecutionOperator(
            task_id="launch",
            pipeline_name=PIPELINE,
            parameters=PARAMETERS,
            deferrable=deferrable,
            reconcile_timeout=60,
            **CLUSTER,
        )

with dag("edited_batch"):
    AckPipelineOperator(
        task_id="pipeline",
        pipeline_name=PIPELINE,
        placeholders={"DATE": "{{ run_id }}"},
        reconcile_timeout=60,
        **DEFINITION,
        **CLUSTER,
    ) >> AckPipelineExecutionsOperator(
        task_id="launch",
        pipeline_name=PIPELINE,
        executions=[{"Member": member} for member in MEMBERS],
        # A batch knows its executions by their content: an edited parameter would make others of all of them.
        parameters=WHOSE,
        # The others are launched later, when another run's definition may stand there.
        max_active_executions=2,
        reconcile_timeout=60,
        **CLUSTER,
    )

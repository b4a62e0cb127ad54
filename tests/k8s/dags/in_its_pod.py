"""A task that follows its execution in a pod of its own, and one that is deferred."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

for dag_id, deferrable in (("in_its_pod", False), ("deferred", True)):
    with DAG(dag_id=dag_id, schedule=None) as dag:
        AckPipelineExecutionOperator(
            task_id="retrain",
            pipeline_name="abalone",
            deferrable=deferrable,
            retries=5,
            retry_delay=timedelta(seconds=1),
        )
    globals()[dag_id] = dag

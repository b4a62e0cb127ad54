"""Clean up after a pipeline: stop what runs, collect what has finished, and delete the pipeline when asked to."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import DAG, Param, task

from airflow_ack_sagemaker.operators.collect import AckCollectExecutionsOperator
from airflow_ack_sagemaker.operators.resource import AckDeleteResourceOperator
from airflow_ack_sagemaker.operators.stop import AckStopPipelineExecutionOperator

with DAG(
    dag_id="clean_up",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    params={
        "pipeline_name": "abalone",
        "keep": Param(0, type="integer", minimum=0, description="Newest finished executions whose resources stay."),
        "delete_pipeline": Param(False, type="boolean", description="Delete the pipeline too, also in SageMaker."),
    },
    tags=["sagemaker"],
    doc_md=__doc__,
):
    stop = AckStopPipelineExecutionOperator(task_id="stop", pipeline_name="{{ params.pipeline_name }}")
    collect = AckCollectExecutionsOperator(
        task_id="collect",
        pipeline_name="{{ params.pipeline_name }}",
        execution_history_limit="{{ params.keep }}",
    )

    @task.short_circuit
    def asked(params: dict[str, object] | None = None) -> bool:
        """Only a run that says so deletes the pipeline. Airflow gives the parameters."""
        return bool(params and params["delete_pipeline"])

    delete = AckDeleteResourceOperator(
        task_id="delete_pipeline",
        kind="Pipeline",
        name="{{ params.pipeline_name | lower }}",  # the resource's name is that of the pipeline in lower case
        deletion_policy="delete",
    )
    stop >> collect >> asked() >> delete

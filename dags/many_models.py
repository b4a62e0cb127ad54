"""One definition, many models: an execution for each set of parameters, at most four at once."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import DAG

from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

with DAG(
    dag_id="many_models",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    default_args={"retries": 2},  # safe: a retry goes on with the execution that there is
    params={
        "bucket": "ml-models",
        "role_arn": "arn:aws:iam::123456789012:role/sagemaker-pipelines",
        "image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
    },
    tags=["sagemaker"],
    doc_md=__doc__,
):
    pipeline = AckPipelineOperator(
        task_id="pipeline",
        pipeline_name="abalone-variants",
        role_arn="{{ params.role_arn }}",
        definition_uri="s3://{{ params.bucket }}/pipelines/abalone.json",
        placeholders={
            "TRAINING_IMAGE": "{{ params.image }}",
            "SAGEMAKER_ROLE_ARN": "{{ params.role_arn }}",
            "BUCKET_NAME": "{{ params.bucket }}",
        },
    )
    train = AckPipelineExecutionOperator.partial(
        task_id="train",
        pipeline_name="abalone-variants",
        max_active_tis_per_dagrun=4,
    ).expand(parameters=[{"MaxDepth": depth, "Rounds": rounds} for depth in (3, 6) for rounds in (20, 50, 100)])
    pipeline >> train

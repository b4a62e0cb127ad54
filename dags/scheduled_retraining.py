"""Retrain a model every week: a definition in S3 becomes a SageMaker pipeline, runs once, and tells how it went."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import DAG, Asset

from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

MODEL = Asset("abalone_model")

with DAG(
    dag_id="scheduled_retraining",
    schedule="@weekly",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2},  # safe: a retry goes on with the execution that there is
    params={
        "bucket": "ml-models",
        "role_arn": "arn:aws:iam::123456789012:role/sagemaker-pipelines",
        "image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
        "rounds": 50,
    },
    tags=["sagemaker"],
    doc_md=__doc__,
):
    pipeline = AckPipelineOperator(
        task_id="pipeline",
        pipeline_name="abalone",
        role_arn="{{ params.role_arn }}",
        definition_uri="s3://{{ params.bucket }}/pipelines/abalone.json",
        placeholders={
            "TRAINING_IMAGE": "{{ params.image }}",
            "SAGEMAKER_ROLE_ARN": "{{ params.role_arn }}",
            "BUCKET_NAME": "{{ params.bucket }}",
        },
    )
    retrain = AckPipelineExecutionOperator(
        task_id="retrain",
        pipeline_name="abalone",
        parameters={"Rounds": "{{ params.rounds }}", "MaxDepth": 6},
        outlets=[MODEL],
    )
    pipeline >> retrain

"""The whole life of a model: train, compare with what serves, ask a person, deploy as a canary, try it, roll back."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import DAG, Asset

from airflow_ack_sagemaker.core.lifecycle.deployment import canary
from airflow_ack_sagemaker.task_groups import retraining

with DAG(
    dag_id="retrain_and_deploy",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    max_active_runs=1,
    default_args={"retries": 1},  # a retry goes on with the execution, and rolls out anew
    tags=["sagemaker"],
    doc_md=__doc__,
):
    retraining(
        pipeline_name="abalone-served",
        role_arn="arn:aws:iam::123456789012:role/sagemaker-pipelines",
        definition_uri="s3://ml-models/pipelines/abalone_registered.json",
        placeholders={
            "TRAINING_IMAGE": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
            "SAGEMAKER_ROLE_ARN": "arn:aws:iam::123456789012:role/sagemaker-pipelines",
            "BUCKET_NAME": "ml-models",
        },
        gate={"metric": "regression_metrics.mse.value", "at_most": 6.0, "better": "lower"},
        register=True,
        approval="human",
        approve_args={"outlets": [Asset("abalone_approved")]},
        endpoint={
            "endpoint_name": "abalone",
            "execution_role_arn": "arn:aws:iam::123456789012:role/sagemaker-serving",
            "instance_type": "ml.m5.large",
            "initial_instance_count": 3,
            "deployment_config": canary(percent=10, wait=300, alarms=["abalone-5xx"]),
        },
        smoke_test={"payload": "0.455,0.365,0.095"},
        collect={},
    )

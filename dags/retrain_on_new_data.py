"""Retrain when new data have come: another DAG has them as its outlet, and says in the event where they lie."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import DAG, Asset

from airflow_ack_sagemaker.task_groups import retraining

DATA = Asset("abalone_data")
NEWEST = "{{ (triggering_asset_events.values() | map('list') | sum(start=[]) | last).extra.uri }}"

with DAG(
    dag_id="retrain_on_new_data",
    schedule=[DATA],
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    max_active_runs=1,
    default_args={"retries": 2},
    tags=["sagemaker"],
    doc_md=__doc__,
):
    retraining(
        pipeline_name="abalone-data",
        role_arn="arn:aws:iam::123456789012:role/sagemaker-pipelines",
        definition_uri="s3://ml-models/pipelines/abalone_registered.json",
        placeholders={
            "TRAINING_IMAGE": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
            "SAGEMAKER_ROLE_ARN": "arn:aws:iam::123456789012:role/sagemaker-pipelines",
            "BUCKET_NAME": "ml-models",
        },
        parameters={"TrainingData": NEWEST},
    )

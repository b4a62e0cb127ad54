"""Retrain when SageMaker's monitoring finds that the data have drifted: a watch on the cluster, without CloudWatch."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import DAG, Asset, AssetWatcher

from airflow_ack_sagemaker.operators.repeats import SkipRepeatedEventsOperator
from airflow_ack_sagemaker.task_groups import retraining
from airflow_ack_sagemaker.triggers.monitoring_violation import MonitoringViolationTrigger

DRIFT = Asset(
    "abalone_drift",
    watchers=[AssetWatcher(name="monitoring", trigger=MonitoringViolationTrigger(schedule_name="abalone-quality"))],
)

with DAG(
    dag_id="retrain_on_drift",
    schedule=[DRIFT],
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    max_active_runs=1,
    default_args={"retries": 2},
    tags=["sagemaker"],
    doc_md=__doc__,
):
    news = SkipRepeatedEventsOperator(task_id="news", assets=[DRIFT])
    news >> retraining(
        pipeline_name="abalone-drift",
        role_arn="arn:aws:iam::123456789012:role/sagemaker-pipelines",
        definition_uri="s3://ml-models/pipelines/abalone_registered.json",
        placeholders={
            "TRAINING_IMAGE": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
            "SAGEMAKER_ROLE_ARN": "arn:aws:iam::123456789012:role/sagemaker-pipelines",
            "BUCKET_NAME": "ml-models",
        },
    )

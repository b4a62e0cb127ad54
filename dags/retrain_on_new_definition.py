"""Retrain every week, and sooner when somebody puts a new definition into S3: once for each version of it."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, AssetWatcher, CronTriggerTimetable

from airflow_ack_sagemaker.operators.repeats import SkipRepeatedEventsOperator
from airflow_ack_sagemaker.task_groups import retraining
from airflow_ack_sagemaker.triggers.definition import PipelineDefinitionTrigger

URI = "s3://ml-models/pipelines/abalone-sooner.json"
DEFINITION = Asset(
    "abalone_definition",
    watchers=[AssetWatcher(name="s3", trigger=PipelineDefinitionTrigger(definition_uri=URI, poll_interval=60))],
)

with DAG(
    dag_id="retrain_on_new_definition",
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("@weekly", timezone="UTC"), assets=DEFINITION),
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2},
    tags=["sagemaker"],
    doc_md=__doc__,
):
    news = SkipRepeatedEventsOperator(task_id="news", assets=[DEFINITION])
    news >> retraining(
        pipeline_name="abalone-sooner",
        role_arn="arn:aws:iam::123456789012:role/sagemaker-pipelines",
        definition_uri=URI,
        placeholders={
            "TRAINING_IMAGE": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
            "SAGEMAKER_ROLE_ARN": "arn:aws:iam::123456789012:role/sagemaker-pipelines",
            "BUCKET_NAME": "ml-models",
        },
    )

"""Retrain every week, and be told (Amazon SNS) when it fails, or when there is no new model in time. Airflow 3.3."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.amazon.aws.notifications.sns import SnsNotifier
from airflow.sdk import DAG
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from airflow_ack_sagemaker.task_groups import retraining

TOPIC = "arn:aws:sns:us-east-1:123456789012:retraining"
LATE = {"target_arn": TOPIC, "subject": "Retraining is late", "message": "{{ dag_run.dag_run_id }} has not ended."}

with DAG(
    dag_id="retrain_in_time",
    schedule="@weekly",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2},
    # Retries and queues count, too: eight hours after the run was due, whatever it does then. It goes on.
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
        interval=timedelta(hours=8),
        callback=SyncCallback(SnsNotifier, kwargs=LATE),
    ),
    on_failure_callback=SnsNotifier(
        target_arn=TOPIC, subject="Retraining failed", message="{{ dag_run.run_id }} has failed."
    ),
    tags=["sagemaker"],
    doc_md=__doc__,
):
    retraining(
        pipeline_name="abalone-in-time",
        role_arn="arn:aws:iam::123456789012:role/sagemaker-pipelines",
        definition_uri="s3://ml-models/pipelines/abalone-in-time.json",
        placeholders={
            "TRAINING_IMAGE": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
            "SAGEMAKER_ROLE_ARN": "arn:aws:iam::123456789012:role/sagemaker-pipelines",
            "BUCKET_NAME": "ml-models",
        },
    )

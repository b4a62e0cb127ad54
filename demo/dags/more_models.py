"""What `make demo-up` has beside the examples, so that there is something to compare: one model a week, one a night."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import DAG

from airflow_ack_sagemaker.task_groups import retraining

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
ROLE = "arn:aws:iam::123456789012:role/sagemaker-pipelines"

with DAG(
    dag_id="churn_retraining",
    schedule="@weekly",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 1},
    tags=["sagemaker"],
):
    retraining(
        pipeline_name="churn",
        role_arn=ROLE,
        definition_uri="s3://ml-models/pipelines/churn.json",
        parameters={"Rounds": 300, "FeatureStoreToken": "a-stand-in-for-a-secret"},
    )

with DAG(
    dag_id="demand_forecast",
    schedule="0 3 * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 1},
    tags=["sagemaker"],
):
    retraining(
        pipeline_name="demand",
        role_arn=ROLE,
        definition_uri="s3://ml-models/pipelines/demand.json",
        parameters={"Horizon": 28},
        execution_args={"execution_history_limit": 30},
    )

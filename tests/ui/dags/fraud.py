"""The DAG of the run that the README's picture shows; the test has its pipeline in the cluster before."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import DAG

from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

START = datetime(2026, 1, 1, tzinfo=timezone.utc)

with DAG("fraud_retraining", schedule=None, start_date=START):
    AckPipelineExecutionOperator(task_id="retrain", pipeline_name="fraud", parameters={"Rounds": 200}, retries=0)

"""A team's DAG, as docs/testing.md shows it: apply the definition, run it, retry what fails."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

with DAG("team_retraining", schedule=None, default_args={"retry_delay": timedelta(hours=1)}) as dag:
    apply = AckPipelineOperator(
        task_id="apply",
        pipeline_name="abalone",
        definition_uri="s3://definitions/abalone.json",
        role_arn="arn:aws:iam::123456789012:role/sagemaker",
    )
    run = AckPipelineExecutionOperator(
        task_id="run", pipeline_name="abalone", parameters={"Count": "{{ dag_run.conf.get('count', 1) }}"}, retries=1
    )
    apply >> run

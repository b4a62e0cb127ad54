"""Predict every night for all that came that day, with the newest version that is approved."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import DAG

from airflow_ack_sagemaker.operators.registry import NewestApprovedModelOperator
from airflow_ack_sagemaker.operators.resource import AckResourceOperator

VERSION = "{{ ti.xcom_pull('newest')['version'] }}"
RUN = "{{ ts_nodash | lower }}"

with DAG(
    dag_id="nightly_batch_transform",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    default_args={"retries": 2},
    tags=["sagemaker"],
    doc_md=__doc__,
):
    newest = NewestApprovedModelOperator(task_id="newest", model_package_group="abalone-nightly")
    model = AckResourceOperator(
        task_id="model",
        kind="Model",
        name=f"abalone-v{VERSION}",
        spec={
            "modelName": f"abalone-v{VERSION}",
            "executionRoleARN": "arn:aws:iam::123456789012:role/sagemaker-serving",
            "primaryContainer": {"modelPackageName": "{{ ti.xcom_pull('newest')['arn'] }}"},
        },
    )
    source = {"s3DataType": "S3Prefix", "s3URI": "s3://ml-models/today/{{ ds }}/"}
    transform = AckResourceOperator(
        task_id="transform",
        kind="TransformJob",
        name=f"abalone-{RUN}",
        spec={
            "transformJobName": f"abalone-{RUN}",
            "modelName": f"abalone-v{VERSION}",
            "transformInput": {
                "contentType": "text/csv",
                "splitType": "Line",
                "dataSource": {"s3DataSource": source},
            },
            "transformOutput": {"s3OutputPath": "s3://ml-models/predictions/{{ ds }}/"},
            "transformResources": {"instanceType": "ml.m5.large", "instanceCount": 1},
        },
    )
    newest >> model >> transform

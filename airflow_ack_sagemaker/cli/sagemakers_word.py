"""SageMaker's word about a Pipeline, for a command: a command has not seen who has changed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.cli.connection import aws_client

if TYPE_CHECKING:
    from airflow_ack_sagemaker.runs.sagemakers_word import SageMakersWord


def sagemakers_word(aws_conn_id: str | None) -> SageMakersWord:
    """Reads outcomes of Pipelines.

    :param aws_conn_id: an Airflow connection; None: boto3's own credentials.
    """
    from airflow_ack_sagemaker.cli.following import Say
    from airflow_ack_sagemaker.runs.sagemakers_word import SageMakersWord

    def describe(arn: str, region: str | None) -> Mapping[str, Any]:
        client = aws_client("sagemaker", aws_conn_id=aws_conn_id, region=region)
        described: Mapping[str, Any] = client.describe_pipeline(PipelineName=arn)
        return described

    return SageMakersWord(describe, Say())

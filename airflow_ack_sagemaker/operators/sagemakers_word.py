"""SageMaker's word about a Pipeline, for a task: somebody else may have changed it, or an answer was lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.log import Log
    from airflow_ack_sagemaker.runs.sagemakers_word import SageMakersWord


def sagemakers_word(aws_conn_id: str | None, log: Log) -> SageMakersWord:
    """Reads outcomes of Pipelines.

    :param aws_conn_id: connection to ask SageMaker with; None, or one that Airflow does not have: it is not asked.
    """
    from airflow_ack_sagemaker.aws.definitions import described_pipeline
    from airflow_ack_sagemaker.runs.sagemakers_word import SageMakersWord

    def describe(arn: str, region: str | None) -> Mapping[str, Any] | None:
        return None if aws_conn_id is None else described_pipeline(arn, aws_conn_id=aws_conn_id, region=region)

    return SageMakersWord(describe, log)

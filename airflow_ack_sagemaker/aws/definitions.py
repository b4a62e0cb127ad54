"""The definition that an execution has run, or that a pipeline has, as SageMaker tells it
(DescribePipelineDefinitionForExecution, DescribePipeline).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_ack_sagemaker.core.definition.parse import Definition, parse_definition


def ran_definition(execution_arn: str, *, aws_conn_id: str, region: str | None) -> str | None:
    """Digest (SHA-256, hexadecimal) of the canonical text of the definition that an execution has run.

    :param execution_arn: ARN of the pipeline execution.
    :param region: AWS region; None: the connection's.
    :returns: None where Airflow has no such connection: then SageMaker is not asked.
    :raises botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SageMaker cannot be asked.
    :raises DefinitionError: what it says is no definition.
    """
    definition = definition_that_ran(execution_arn, aws_conn_id=aws_conn_id, region=region)
    return None if definition is None else definition.sha256


def definition_that_ran(execution_arn: str, *, aws_conn_id: str, region: str | None) -> Definition | None:
    """The definition itself. Arguments and errors are those of `ran_definition`."""
    client = _sagemaker(aws_conn_id, region)
    if client is None:
        return None
    answer = client.describe_pipeline_definition_for_execution(PipelineExecutionArn=execution_arn)
    return parse_definition(answer["PipelineDefinition"], source=execution_arn, filled=True)


def described_pipeline(arn: str, *, aws_conn_id: str, region: str | None) -> Mapping[str, Any] | None:
    """The answer of DescribePipeline.

    :param arn: the pipeline's.
    :param region: AWS region; None: the connection's.
    :returns: None where Airflow has no such connection: then SageMaker is not asked.
    :raises botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SageMaker cannot be asked.
    """
    client = _sagemaker(aws_conn_id, region)
    if client is None:
        return None
    described: Mapping[str, Any] = client.describe_pipeline(PipelineName=arn)
    return described


def _sagemaker(aws_conn_id: str, region: str | None) -> Any:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
    from airflow.sdk import BaseHook

    from airflow_ack_sagemaker.compat import AirflowNotFoundException

    try:
        BaseHook.get_connection(aws_conn_id)
    except AirflowNotFoundException:
        return None
    return AwsBaseHook(aws_conn_id=aws_conn_id, client_type="sagemaker", region_name=region).get_conn()

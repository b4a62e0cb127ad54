"""The definition that an execution has run, as SageMaker tells it (DescribePipelineDefinitionForExecution)."""

from __future__ import annotations

from airflow_ack_sagemaker.core.definition.parse import parse_definition


def ran_definition(execution_arn: str, *, aws_conn_id: str, region: str | None) -> str | None:
    """Digest (SHA-256, hexadecimal) of the canonical text of the definition that an execution has run.

    :param execution_arn: ARN of the pipeline execution.
    :param region: AWS region; None: the connection's.
    :returns: None where Airflow has no such connection: then SageMaker is not asked.
    :raises botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SageMaker cannot be asked.
    :raises DefinitionError: what it says is no definition.
    """
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
    from airflow.sdk import BaseHook

    from airflow_ack_sagemaker.compat import AirflowNotFoundException

    try:
        BaseHook.get_connection(aws_conn_id)
    except AirflowNotFoundException:
        return None
    client = AwsBaseHook(aws_conn_id=aws_conn_id, client_type="sagemaker", region_name=region).get_conn()
    answer = client.describe_pipeline_definition_for_execution(PipelineExecutionArn=execution_arn)
    return parse_definition(answer["PipelineDefinition"], source=execution_arn, filled=True).sha256

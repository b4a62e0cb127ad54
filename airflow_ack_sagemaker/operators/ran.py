"""The definition that an execution has run, as a later task or the end of its own finds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.definition.parse import Definition
    from airflow_ack_sagemaker.kube.client import KubeClient


def definition_of(
    client: KubeClient,
    result: Mapping[str, Any],
    namespace: str,
    *,
    pipeline_resource_name: str | None,
    aws_conn_id: str | None,
) -> Definition | None:
    """The Pipeline's definition, if it is still the one that ran, else what SageMaker says; None: neither can be had.

    :param result: what an `AckPipelineExecutionOperator` has returned.
    :param pipeline_resource_name: the Pipeline's name in Kubernetes; None: as usual, made of the pipeline's name.
    :param aws_conn_id: connection to ask SageMaker; None: it is not asked.
    :raises KubeError: the cluster cannot be asked.
    :raises DefinitionError: what is there is no definition.
    """
    from airflow_ack_sagemaker.aws.definitions import definition_that_ran
    from airflow_ack_sagemaker.core.definition.parse import parse_definition
    from airflow_ack_sagemaker.core.resource import fields
    from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
    from airflow_ack_sagemaker.kube.errors import NotFound

    name = resource_of(result, pipeline_resource_name)
    try:
        text = fields.text(fields.spec(client.get(PIPELINE, name, namespace)), "pipelineDefinition")
    except NotFound:
        text = None
    if text is not None:
        found = parse_definition(text, source=f"pipeline/{name}", filled=True)
        if found.sha256 == result.get("definition_sha256"):
            return found
    if aws_conn_id is None:
        return None
    return definition_that_ran(result["arn"], aws_conn_id=aws_conn_id, region=region_of(result["arn"]))


def resource_of(result: Mapping[str, Any], pipeline_resource_name: str | None) -> str:
    """The name of the Pipeline resource of an execution."""
    from airflow_ack_sagemaker.core.resource.identity import pipeline_resource_name as usual
    from airflow_ack_sagemaker.core.resource.manifest import pipeline_name_of

    return pipeline_resource_name or usual(pipeline_name_of(str(result["pipeline_name"])))


def region_of(arn: str) -> str | None:
    """The region that an ARN tells."""
    parts = arn.split(":")
    return parts[3] or None if len(parts) > 5 else None

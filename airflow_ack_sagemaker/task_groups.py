"""`retraining`: the two tasks of a scheduled retraining as one group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

if TYPE_CHECKING:
    from airflow.sdk import TaskGroup


def retraining(
    *,
    pipeline_name: str,
    role_arn: str,
    definition_uri: str,
    placeholders: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    group_id: str = "retraining",
    pipeline_args: Mapping[str, Any] | None = None,
    execution_args: Mapping[str, Any] | None = None,
    **common: Any,
) -> TaskGroup:
    """A group of two tasks, ``pipeline`` and ``execution``: make the pipeline what the definition says, then run it
    once.

    :param pipeline_name: name of the pipeline in SageMaker.
    :param role_arn: see `AckPipelineOperator`.
    :param definition_uri: see `AckPipelineOperator`.
    :param placeholders: see `AckPipelineOperator`.
    :param parameters: see `AckPipelineExecutionOperator`.
    :param pipeline_args: further arguments of `AckPipelineOperator` alone.
    :param execution_args: further arguments of `AckPipelineExecutionOperator` alone, for example ``outlets`` or
        ``timeout``.
    :param common: further arguments of both, for example ``namespace`` or ``kubernetes_conn_id``.
    """
    from airflow.sdk import TaskGroup

    with TaskGroup(group_id) as group:
        pipeline = AckPipelineOperator(
            task_id="pipeline",
            pipeline_name=pipeline_name,
            role_arn=role_arn,
            definition_uri=definition_uri,
            placeholders=placeholders,
            **{**common, **(pipeline_args or {})},
        )
        execution = AckPipelineExecutionOperator(
            task_id="execution",
            pipeline_name=pipeline_name,
            parameters=parameters,
            **{**common, **(execution_args or {})},
        )
        pipeline >> execution
    return group

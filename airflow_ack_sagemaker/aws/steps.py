"""Which steps of an execution failed. SageMaker's reason for the execution itself says only that some step did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_MOST = 10
"""Failed steps that are named: a message that a person reads."""


@dataclass(frozen=True, slots=True)
class FailedStep:
    """A step that ended otherwise than it should. ``status`` is SageMaker's StepStatus."""

    name: str
    status: str
    reason: str | None


def failed_steps(execution_arn: str, *, aws_conn_id: str | None, region: str | None) -> list[FailedStep]:
    """The failed and stopped steps, in the order in which they began (ListPipelineExecutionSteps, all pages).

    :param execution_arn: ARN of the pipeline execution.
    :param region: AWS region; None: the connection's.
    :raises botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SageMaker cannot be asked.
    """
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

    client: Any = AwsBaseHook(aws_conn_id=aws_conn_id, client_type="sagemaker", region_name=region).get_conn()
    pages = client.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=execution_arn, SortOrder="Ascending"
    )
    found = []
    for page in pages:
        for step in page["PipelineExecutionSteps"]:
            if step.get("StepStatus") in ("Failed", "Stopped"):
                found.append(FailedStep(step["StepName"], step["StepStatus"], step.get("FailureReason")))
                if len(found) == _MOST:
                    return found
    return found

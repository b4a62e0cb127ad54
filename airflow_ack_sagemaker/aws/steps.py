"""The steps of an execution. SageMaker's reason for a failed execution says only that some step failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.run.step_runs import StepRun, run_of_step

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
    found = []
    for step in _steps(execution_arn, aws_conn_id=aws_conn_id, region=region):
        if step.get("StepStatus") in ("Failed", "Stopped"):
            found.append(FailedStep(str(step.get("StepName") or ""), step["StepStatus"], step.get("FailureReason")))
            if len(found) == _MOST:
                break
    return found


def step_runs(execution_arn: str, *, aws_conn_id: str | None, region: str | None) -> list[StepRun]:
    """All steps that an execution has run or taken over, as a retry wants to know them.

    Arguments and errors are those of `failed_steps`.
    """
    return [run_of_step(step) for step in _steps(execution_arn, aws_conn_id=aws_conn_id, region=region)]


def steps_of(execution_arn: str, *, aws_conn_id: str | None, region: str | None) -> list[dict[str, Any]]:
    """All steps that an execution has run or taken over, as SageMaker lists them.

    Arguments and errors are those of `failed_steps`.
    """
    return list(_steps(execution_arn, aws_conn_id=aws_conn_id, region=region))


def _steps(execution_arn: str, *, aws_conn_id: str | None, region: str | None) -> Iterator[dict[str, Any]]:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

    hook: Any = AwsBaseHook(aws_conn_id=aws_conn_id, client_type="sagemaker", region_name=region)
    yield from listed_steps(hook.get_conn(), execution_arn)


def listed_steps(client: Any, execution_arn: str) -> Iterator[dict[str, Any]]:
    """The steps as SageMaker lists them, in the order in which they began.

    :param client: boto3's client of SageMaker.
    :raises botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SageMaker cannot be asked.
    """
    pages = client.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=execution_arn, SortOrder="Ascending"
    )
    for page in pages:
        yield from page.get("PipelineExecutionSteps") or ()

"""Which executions of a pipeline SageMaker knows (ListPipelineExecutions), and whether it has run one twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from airflow_ack_sagemaker.model.duplicates import Execution, twins_of
from airflow_ack_sagemaker.model.freshness import parse_time
from airflow_ack_sagemaker.model.manifest import pipeline_name_of
from airflow_ack_sagemaker.model.status import Outcome

_BEFORE, _AFTER = timedelta(minutes=5), timedelta(hours=6)
"""Around the creation of a resource: clocks differ, and a controller may be down for hours before it starts again."""


def executions(client: Any, pipeline_name: str, *, since: datetime) -> list[Execution]:
    """The executions that were started after ``since``, newest first, all pages.

    :param client: boto3's client of SageMaker.
    :raises botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SageMaker cannot be asked.
    """
    pages = client.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline_name, CreatedAfter=since, SortBy="CreationTime", SortOrder="Descending"
    )
    return [execution for page in pages for execution in _read(page)]


def twins(
    execution_arn: str,
    display_name: str,
    pipeline_name: str,
    created: datetime,
    *,
    aws_conn_id: str,
    region: str | None,
) -> list[Execution]:
    """Other executions of the same display name, started around the same time: one request.

    :param created: when the resource was created, with a time zone.
    :raises botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SageMaker cannot be asked.
    """
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

    client: Any = AwsBaseHook(aws_conn_id=aws_conn_id, client_type="sagemaker", region_name=region).get_conn()
    page = client.list_pipeline_executions(
        PipelineName=pipeline_name,
        CreatedAfter=created - _BEFORE,
        CreatedBefore=created + _AFTER,
        SortBy="CreationTime",
        SortOrder="Ascending",
        MaxResults=100,
    )
    return twins_of(display_name, execution_arn, list(_read(page)))


def report_duplicates(outcome: Outcome, pipeline_name: str, *, aws_conn_id: str | None, log: Any) -> list[str]:
    """Warn of other executions with this one's display name; one request to SageMaker, none to the cluster.

    The display name is the resource's own name, so a second execution of it is a controller that crashed before it had
    written down the first. That SageMaker cannot be asked is said, and changes nothing about the outcome.

    :param pipeline_name: name or ARN of the pipeline.
    :param log: a logger, the standard library's or Airflow's.
    :returns: the ARNs of the others.
    """
    if aws_conn_id is None or outcome.arn is None or outcome.created is None:
        return []
    try:
        found = twins(
            outcome.arn,
            outcome.name,
            pipeline_name_of(pipeline_name),
            parse_time(outcome.created),
            aws_conn_id=aws_conn_id,
            region=outcome.region,
        )
    except Exception as error:  # the execution has ended as it has, whether or not there is another
        log.info("Cannot ask SageMaker for duplicates (aws_conn_id=%r): %s", aws_conn_id, error)
        return []
    for execution in found:
        log.warning(
            "SageMaker has another execution of %s, which no resource owns: %s. The controller has started two. %s",
            outcome.resource,
            execution,
            f"Stop it: aws sagemaker stop-pipeline-execution --pipeline-execution-arn {execution.arn}"
            if execution.runs
            else "Expect its cost, and its model, twice.",
        )
    return [execution.arn for execution in found]


def _read(page: dict[str, Any]) -> Iterator[Execution]:
    for summary in page["PipelineExecutionSummaries"]:
        yield Execution(
            arn=summary["PipelineExecutionArn"],
            status=summary.get("PipelineExecutionStatus", ""),
            started=summary["StartTime"],
            display_name=summary.get("PipelineExecutionDisplayName", ""),
        )

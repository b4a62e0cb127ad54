"""Which executions of a pipeline SageMaker knows (ListPipelineExecutions). The command line asks, too: no Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from airflow_ack_sagemaker.core.run.duplicates import StartedExecution


def executions(
    client: Any, pipeline_name: str, *, since: datetime, until: datetime | None = None
) -> list[StartedExecution]:
    """The executions that were started after ``since``, newest first, all pages.

    :param client: boto3's client of SageMaker.
    :param until: only those that were started before; None: up to now.
    :raises botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: SageMaker cannot be asked.
    """
    pages = client.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline_name,
        CreatedAfter=since,
        **({} if until is None else {"CreatedBefore": until}),
        SortBy="CreationTime",
        SortOrder="Descending",
        PaginationConfig={"PageSize": 100},
    )
    return [execution for page in pages for execution in _read(page)]


def _read(page: dict[str, Any]) -> Iterator[StartedExecution]:
    for summary in page["PipelineExecutionSummaries"]:
        yield StartedExecution(
            arn=summary["PipelineExecutionArn"],
            status=summary.get("PipelineExecutionStatus", ""),
            started=summary["StartTime"],
            display_name=summary.get("PipelineExecutionDisplayName", ""),
        )

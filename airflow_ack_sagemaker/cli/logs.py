"""``logs``: what the job of a step wrote to CloudWatch. A failure's reason is often only its last line."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from airflow_ack_sagemaker.cli.app import EXECUTIONS, Exit, InputError, Interrupted, again, command, complain
from airflow_ack_sagemaker.cli.connection import AwsConnId, Cluster, Region, aws_client
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.run.step_logs import StepLog, log_of


class LogOutput(StrEnum):
    """The form of the logs: what a container wrote has no name, and YAML has no lines."""

    TABLE = "table"
    JSON = "json"


_PAUSE = 3.0
_LATE_MS = 10_000
"""CloudWatch may show an event some seconds after one that is younger."""
_ENDED = ("Succeeded", "Failed", "Stopped")


@command(
    "logs",
    EXECUTIONS,
    """ack-sagemaker logs abalone-0a1b2c3d4e5f-1
    ack-sagemaker logs abalone-0a1b2c3d4e5f-1 Train -f""",
)
def logs(
    cluster: Cluster,
    execution: Annotated[str, typer.Argument(metavar="EXECUTION", help="Name of the PipelineExecution.")],
    step: Annotated[
        list[str] | None, typer.Argument(metavar="[STEP...]", help="Steps (default: the failed ones, else the last).")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the steps' jobs have ended.")] = False,
    tail: Annotated[int | None, typer.Option(min=0, metavar="N", help="Only the last N lines of each step.")] = None,
    region: Region = None,
    aws_conn_id: AwsConnId = None,
    output: Annotated[LogOutput, typer.Option("--output", "-o", help="Form of the lines.")] = LogOutput.TABLE,
) -> Exit:
    """Print the logs of an execution's steps, from CloudWatch. Needs logs:FilterLogEvents."""
    from airflow_ack_sagemaker.aws.steps import listed_steps
    from airflow_ack_sagemaker.core.resource.status import classify

    with cluster.client() as client:
        outcome = classify(client.get(PIPELINE_EXECUTION, execution))
    if outcome.arn is None:
        raise InputError(f"{outcome.resource} was not started in SageMaker, so that it has no steps: {outcome.state}.")
    region = region or outcome.region
    sagemaker = aws_client("sagemaker", aws_conn_id=aws_conn_id, region=region)
    cloudwatch = aws_client("logs", aws_conn_id=aws_conn_id, region=region)

    def steps() -> list[dict[str, Any]]:
        return list(listed_steps(sagemaker, outcome.arn or ""))

    chosen = _chosen(steps(), step or [])
    several = len(chosen) > 1
    try:
        for name in chosen:
            for event in _events(cloudwatch, name, steps, follow=follow, tail=tail):
                if output is LogOutput.JSON:
                    print(json.dumps(event, ensure_ascii=False), flush=True)
                else:
                    print(f"{f'{name}: ' if several else ''}{event['message']}", flush=True)
    except KeyboardInterrupt:
        raise Interrupted(f"\nRead on: {again()}") from None
    return Exit.DONE


def _chosen(steps: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    found = [str(step["StepName"]) for step in steps]
    if unknown := [name for name in names if name not in found]:
        raise InputError(f"No such step has begun: {', '.join(unknown)}. There are {', '.join(found) or 'none yet'}.")
    if names:
        return list(names)
    with_job = [step for step in steps if log_of(step)]
    failed = [str(step["StepName"]) for step in with_job if step.get("StepStatus") == "Failed"]
    if not with_job:
        raise InputError("No step with a job has begun, so that there are no logs.")
    return failed or [str(with_job[-1]["StepName"])]


def _events(cloudwatch: Any, name: str, steps: Any, *, follow: bool, tail: int | None) -> Iterator[dict[str, Any]]:
    """The log events of a step in the order of their time; with ``follow`` until its job has ended."""
    seen: set[str] = set()
    newest = 0
    first = True
    while True:
        # Asked before the events: what a job wrote before its end is then among them.
        step = next(one for one in steps() if one["StepName"] == name)
        job = log_of(step)
        if job is None:
            raise InputError(f"Step {name} has no job with logs (it is {step.get('StepStatus')}).")
        since = max(newest - _LATE_MS, 0)
        found = [one for one in _filtered(cloudwatch, job, since=since) if one["eventId"] not in seen]
        if first and tail is not None:
            seen.update(one["eventId"] for one in found)
            found = found[len(found) - min(tail, len(found)) :]
        for event in found:
            seen.add(event["eventId"])
            newest = max(newest, event["timestamp"])
            yield {
                "step": name,
                "timestamp": event["timestamp"],
                "stream": event["logStreamName"],
                "message": event["message"].rstrip("\n"),
            }
        if not follow or step.get("StepStatus") in _ENDED:
            return
        first = False
        time.sleep(_PAUSE)


def _filtered(cloudwatch: Any, log: StepLog, *, since: int) -> list[dict[str, Any]]:
    pages = cloudwatch.get_paginator("filter_log_events").paginate(
        logGroupName=log.group, logStreamNamePrefix=log.prefix, startTime=since
    )
    try:
        events = [event for page in pages for event in page["events"]]
    except cloudwatch.exceptions.ResourceNotFoundException:
        complain(f"{log.prefix[:-1]} has written no logs to {log.group} yet.")
        return []
    # A stand-in for CloudWatch may pass over the prefix.
    mine = (event for event in events if event["logStreamName"].startswith(log.prefix))
    return sorted(mine, key=lambda event: event["timestamp"])

"""Whether SageMaker has run an execution twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow_ack_sagemaker.aws.executions import executions
from airflow_ack_sagemaker.core.resource.manifest import pipeline_name_of
from airflow_ack_sagemaker.core.resource.status import Outcome
from airflow_ack_sagemaker.core.resource.times import parse_time
from airflow_ack_sagemaker.core.run.duplicates import CLOCKS, twins_of

_AFTER = timedelta(hours=6)
"""After the creation of a resource: a controller may be down for hours before it starts again."""


def report_duplicates(
    outcomes: Sequence[Outcome], pipeline_name: str, *, aws_conn_id: str | None, log: Any
) -> dict[str, list[str]]:
    """Warn of other executions with these ones' display names; a request to SageMaker (and one for each hundred
    executions beyond the first that were started around the same time), none to the cluster.

    The display name is the resource's own name, so a second execution of it is a controller that crashed before it had
    written down the first. That SageMaker cannot be asked is said, and changes nothing about the outcomes.

    :param outcomes: of executions of one pipeline; those that never started are passed over.
    :param pipeline_name: name or ARN of the pipeline.
    :param log: a logger, the standard library's or Airflow's.
    :returns: for the name of each resource that has others, their ARNs.
    """
    asked = [outcome for outcome in outcomes if outcome.arn is not None and outcome.created is not None]
    if aws_conn_id is None or not asked:
        return {}
    created = [parse_time(outcome.created) for outcome in asked if outcome.created]
    try:
        from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

        hook: Any = AwsBaseHook(aws_conn_id=aws_conn_id, client_type="sagemaker", region_name=asked[0].region)
        started = executions(
            hook.get_conn(),
            pipeline_name_of(pipeline_name),
            since=min(created) - CLOCKS,
            until=max(created) + _AFTER,
        )
    except Exception as error:  # the executions have ended as they have, whether or not there are others
        log.info("Cannot ask SageMaker for duplicates (aws_conn_id=%r): %s", aws_conn_id, error)
        return {}
    found = {}
    for outcome in asked:
        since = parse_time(outcome.created or "") - CLOCKS
        around = [execution for execution in started if execution.started >= since]
        twins = twins_of(outcome.name, outcome.arn or "", around)
        for execution in twins:
            log.warning(
                "SageMaker has another execution of %s, which no resource owns: %s. The controller has started two. %s",
                outcome.resource,
                execution,
                f"Stop it: aws sagemaker stop-pipeline-execution --pipeline-execution-arn {execution.arn}"
                if execution.runs
                else "Expect its cost, and its model, twice.",
            )
        if twins:
            found[outcome.name] = [execution.arn for execution in twins]
    return found

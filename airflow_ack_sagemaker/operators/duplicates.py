"""Whether SageMaker has run an execution twice: a look after its end, for those who want to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ack_sagemaker.model.status import Outcome

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.log import Log


def report_duplicates(outcome: Outcome, pipeline_name: str, *, aws_conn_id: str | None, log: Log) -> list[str]:
    """Warn of other executions with this one's display name; one request to SageMaker, none to the cluster.

    The display name is the resource's own name, so a second execution of it is a controller that crashed before it had
    written down the first. That SageMaker cannot be asked is said, and changes nothing about the outcome.

    :param pipeline_name: name or ARN of the pipeline.
    :returns: the ARNs of the others.
    """
    if aws_conn_id is None or outcome.arn is None or outcome.created is None:
        return []
    from airflow_ack_sagemaker.aws.executions import twins
    from airflow_ack_sagemaker.model.freshness import parse_time
    from airflow_ack_sagemaker.model.manifest import pipeline_name_of

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

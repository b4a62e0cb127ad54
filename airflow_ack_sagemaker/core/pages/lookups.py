"""What of AWS the pages may ask for, with an identity that can read more than the user.

Annotations and statuses are written by whoever may write the resource. So an execution is asked for only when it is one
of a pipeline that this namespace's controller made, or that the operator named; and an object only in a bucket that the
operator named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from airflow_ack_sagemaker.core.pages.executions import Row
from airflow_ack_sagemaker.core.pages.pipelines import PipelineRow
from airflow_ack_sagemaker.core.resource.arns import arn_of


def execution_to_ask(row: Row, pipelines: Iterable[PipelineRow], named: Sequence[str]) -> str | None:
    """The ARN of the execution, where SageMaker may be asked about it; None otherwise.

    :param pipelines: the Pipelines of the cluster.
    :param named: names (with ``*`` for any characters) of further pipelines, by the operator.
    """
    arn = arn_of(row.arn)
    if arn is None or arn.execution_of is None or arn.execution_of != row.pipeline.lower():
        return None
    if any(fnmatchcase(arn.execution_of, name.lower()) for name in named):
        return arn.text
    for one in pipelines:
        if one.namespace == row.namespace and one.pipeline == row.pipeline and one.owned:
            made = arn_of(one.arn)
            if made is not None and made.same_place(arn) and made.resource.lower() == f"pipeline/{arn.execution_of}":
                return arn.text
    return None


def may_ask_bucket(bucket: str, named: Sequence[str]) -> bool:
    """Whether S3 may be asked about an object in this bucket.

    :param named: names (with ``*`` for any characters), by the operator.
    """
    return any(fnmatchcase(bucket, name) for name in named)

"""Links from a task to the SageMaker console.

A link is read from XCom, never from the operator: after a deferral the operator is a new object, and the web server has
none at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs
from airflow.sdk import BaseOperatorLink

from airflow_ack_sagemaker.core.resource.arns import arn_of

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

XCOM_ARN = "sagemaker_arn"
"""XCom key under which an operator leaves the ARN that its link leads to."""

_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def console_url(arn: str) -> str:
    """The AWS console's page of an ARN; an empty string for what is none.

    The console finds the page itself (its ``go/view`` address), and leads to the service's start page where it has no
    page for it.
    """
    found = arn_of(arn)
    if found is None or found.partition not in _CONSOLES:
        return ""
    return f"https://{found.region}.{_CONSOLES[found.partition]}/go/view?arn={found.text}"


def log_url(arn: str, group: str, prefix: str) -> str:
    """The CloudWatch console's list of the streams that begin so, in the region of an ARN; an empty string for what is
    no ARN. SageMaker's own console leads there in this form.
    """
    found = arn_of(arn)
    if found is None or found.partition not in _CONSOLES:
        return ""
    home = f"https://{found.region}.{_CONSOLES[found.partition]}/cloudwatch/home?region={found.region}"
    return f"{home}#logStream:group={group};prefix={prefix};streamFilter=typeLogStreamPrefix"


@attrs.define()
class _ConsoleLink(BaseOperatorLink):
    name: ClassVar[str]

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        from airflow.sdk.execution_time.xcom import XCom

        arn: Any = XCom.get_value(ti_key=ti_key, key=XCOM_ARN)
        return console_url(arn) if isinstance(arn, str) else ""


@attrs.define()
class SageMakerPipelineLink(_ConsoleLink):
    """The pipeline in the SageMaker console.

    ```python
    from airflow.sdk import BaseOperator
    from airflow_ack_sagemaker.links import SageMakerPipelineLink

    class MyOperator(BaseOperator):
        operator_extra_links = (SageMakerPipelineLink(),)
    ```
    """

    name = "SageMaker Pipeline"


@attrs.define()
class SageMakerPipelineExecutionLink(_ConsoleLink):
    """The pipeline's execution in the SageMaker console.

    ```python
    from airflow.sdk import BaseOperator
    from airflow_ack_sagemaker.links import SageMakerPipelineExecutionLink

    class MyOperator(BaseOperator):
        operator_extra_links = (SageMakerPipelineExecutionLink(),)
    ```
    """

    name = "SageMaker Pipeline Execution"


@attrs.define()
class SageMakerResourceLink(_ConsoleLink):
    """Any resource in the SageMaker console.

    ```python
    from airflow.sdk import BaseOperator
    from airflow_ack_sagemaker.links import SageMakerResourceLink

    class MyOperator(BaseOperator):
        operator_extra_links = (SageMakerResourceLink(),)
    ```
    """

    name = "SageMaker Resource"

"""`AckPipelineSensor`: wait until a pipeline is in SageMaker as its resource says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.identity import pipeline_resource_name
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
from airflow_ack_sagemaker.links import SageMakerPipelineLink
from airflow_ack_sagemaker.sensors.resource import AckResourceSensor

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.core.resource.status import Outcome


class AckPipelineSensor(AckResourceSensor):
    """Wait until a Pipeline is synced: the controller has answered the last change of its definition.

    ```python
    from airflow_ack_sagemaker.sensors.pipeline import AckPipelineSensor

    AckPipelineSensor(task_id="synced", pipeline_name="demand", timeout=600)
    ```

    :param pipeline_name: name of the pipeline in SageMaker.
    :param name: name of the resource; None: the pipeline's name in lower case.
    :param aws_conn_id: connection to ask SageMaker whether it has the pipeline where the resource does not tell, at
        each look of this task (not of the triggerer); None, or no permission: not asked.

    See `AckResourceSensor` for the others.
    """

    template_fields: Sequence[str] = ("kubernetes_conn_id", "namespace", "name", "pipeline_name", "aws_conn_id")
    operator_extra_links = (SageMakerPipelineLink(),)

    def __init__(
        self, *, pipeline_name: str, name: str | None = None, aws_conn_id: str | None = "aws_default", **kwargs: Any
    ) -> None:
        super().__init__(kind=PIPELINE.kind, name=name or "", **kwargs)
        self.pipeline_name = pipeline_name
        self.aws_conn_id = aws_conn_id

    def execute(self, context: Context) -> Any:
        """Name the resource after the pipeline, then wait."""
        self.name = self.name or pipeline_resource_name(self.pipeline_name)
        return super().execute(context)

    def observed(self, resource: Mapping[str, Any]) -> Outcome:
        """How the Pipeline stands; SageMaker is asked where the resource does not tell."""
        from airflow_ack_sagemaker.operators.sagemakers_word import sagemakers_word

        return sagemakers_word(self.aws_conn_id, self.log).observe(resource)

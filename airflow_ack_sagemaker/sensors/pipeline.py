"""`AckPipelineSensor`: wait until a pipeline is in SageMaker as its resource says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.identity import pipeline_resource_name
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
from airflow_ack_sagemaker.links import SageMakerPipelineLink
from airflow_ack_sagemaker.sensors.resource import AckResourceSensor

if TYPE_CHECKING:
    from airflow.sdk import Context


class AckPipelineSensor(AckResourceSensor):
    """Wait until a Pipeline is synced: the controller has answered the last change of its definition.

    :param pipeline_name: name of the pipeline in SageMaker.
    :param name: name of the resource; None: the pipeline's name in lower case.

    See `AckResourceSensor` for the others.
    """

    template_fields: Sequence[str] = ("kubernetes_conn_id", "namespace", "name", "pipeline_name")
    operator_extra_links = (SageMakerPipelineLink(),)

    def __init__(self, *, pipeline_name: str, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(kind=PIPELINE.kind, name=name or "", **kwargs)
        self.pipeline_name = pipeline_name

    def execute(self, context: Context) -> Any:
        """Name the resource after the pipeline, then wait."""
        self.name = self.name or pipeline_resource_name(self.pipeline_name)
        return super().execute(context)

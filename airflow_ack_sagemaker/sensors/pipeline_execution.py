"""`AckPipelineExecutionSensor`: wait for the outcome of an execution that somebody else launched."""

from __future__ import annotations

from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.links import SageMakerPipelineExecutionLink
from airflow_ack_sagemaker.sensors.resource import AckResourceSensor


class AckPipelineExecutionSensor(AckResourceSensor):
    """Wait for the end of a PipelineExecution: Succeeded ends the wait, any other end fails it with its reason.

    ```python
    from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
    from airflow_ack_sagemaker.sensors.pipeline_execution import AckPipelineExecutionSensor

    launch = AckPipelineExecutionOperator(task_id="launch", pipeline_name="demand", wait_for_completion=False)
    AckPipelineExecutionSensor(task_id="ended", name=launch.output["name"])
    ```

    :param name: name of the PipelineExecution resource, for example the ``name`` in the result of a launch that did not
        wait.

    See `AckResourceSensor` for the others.
    """

    operator_extra_links = (SageMakerPipelineExecutionLink(),)

    def __init__(self, *, name: str, **kwargs: Any) -> None:
        super().__init__(kind=PIPELINE_EXECUTION.kind, name=name, **kwargs)

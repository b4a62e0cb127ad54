"""`AckCollectExecutionsOperator`: remove the resources of executions that have ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.model.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.operators.base import HISTORY_LIMIT, AckOperator, history_limit, seconds

if TYPE_CHECKING:
    from airflow.sdk import Context


class AckCollectExecutionsOperator(AckOperator):
    """Delete finished PipelineExecution resources beyond a number or an age. SageMaker keeps the executions themselves.

    Each finished resource that stays costs the controller an AWS call a minute. What runs, and what a task has not
    reported yet, is never deleted, whatever its age.

    The result (XCom ``return_value``) is ``{"collected": [names], "kept": number}``.

    :param pipeline_name: only executions of this pipeline; None: of all in the namespace.
    :param execution_history_limit: newest finished executions that stay, of each pipeline; None: no limit.
    :param execution_ttl: age (seconds or timedelta) since its end after which an execution goes; None: no limit.
    """

    template_fields: Sequence[str] = (*AckOperator.template_fields, "pipeline_name", "execution_history_limit")
    ui_color = "#f5f5f5"

    def __init__(
        self,
        *,
        pipeline_name: str | None = None,
        execution_history_limit: int | str | None = HISTORY_LIMIT,
        execution_ttl: float | timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline_name = pipeline_name
        self.execution_history_limit = execution_history_limit
        self.execution_ttl = execution_ttl

    def execute(self, context: Context) -> dict[str, Any]:
        """List, choose, delete."""
        from airflow_ack_sagemaker.kube.errors import Conflict, NotFound
        from airflow_ack_sagemaker.model.collection import collectable
        from airflow_ack_sagemaker.model.manifest import pipeline_name_of, runs_pipeline

        limit, ttl = history_limit(self.execution_history_limit), seconds(self.execution_ttl)
        collected: list[str] = []
        with self.cluster() as client:
            namespace = self.namespace or client.namespace
            resources = client.list(PIPELINE_EXECUTION, namespace).items
            if self.pipeline_name is not None:
                wanted = pipeline_name_of(self.pipeline_name)
                resources = [item for item in resources if runs_pipeline(item, wanted)]
            going = collectable(
                resources,
                now=datetime.now(timezone.utc),
                history_limit=limit,
                ttl=None if ttl is None else timedelta(seconds=ttl),
            )
            for resource in going:
                metadata = resource["metadata"]
                try:
                    client.delete(PIPELINE_EXECUTION, metadata["name"], namespace, uid=metadata["uid"])
                except (NotFound, Conflict):
                    continue  # somebody else has taken it away or put another in its place
                collected.append(metadata["name"])
                self.log.info("Collected pipelineexecution/%s.", metadata["name"])
        return {"collected": collected, "kept": len(resources) - len(collected)}

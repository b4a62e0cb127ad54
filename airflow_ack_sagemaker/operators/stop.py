"""`AckStopPipelineExecutionOperator`: stop executions that run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.status import Outcome, classify
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal
from airflow_ack_sagemaker.core.run.stopping import may_run, stop_report
from airflow_ack_sagemaker.operators.base import AckOperator
from airflow_ack_sagemaker.operators.delete_resource import raise_unless_gone

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.kube.client import KubeClient


class AckStopPipelineExecutionOperator(AckOperator):
    """Stop one execution, or all of a pipeline that have not ended, and wait until they have stopped.

    ACK stops an execution when its resource is deleted; SageMaker keeps the execution, as Stopped. What has ended
    already is left alone, and nothing to stop is no error.

    The result (XCom ``return_value``) is ``{"stopped": [names]}``.

    ```python
    from airflow_ack_sagemaker.operators.stop import AckStopPipelineExecutionOperator

    AckStopPipelineExecutionOperator(task_id="stop_all", pipeline_name="demand")
    ```

    :param name: name of the PipelineExecution resource; or
    :param pipeline_name: name of the pipeline of which all executions are stopped, whoever launched them.
    :raises ValueError: both are given, or none.
    :raises AckInputError: no such name can be.
    :raises AckResourceRefused: the controller has given a deletion up.
    :raises AckTimeout: ``timeout`` is over before all are gone.
    :raises AckClusterError: the cluster cannot be asked, or refuses.
    """

    template_fields: Sequence[str] = (*AckOperator.template_fields, "name", "pipeline_name")
    ui_color = "#fff1f0"

    def __init__(self, *, name: str | None = None, pipeline_name: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if (name is None) == (pipeline_name is None):
            raise ValueError("Give either name or pipeline_name.")
        self.name = name
        self.pipeline_name = pipeline_name

    def execute(self, context: Context) -> dict[str, Any]:
        """Delete what is active, then wait for all of it."""
        with self.cluster() as client:
            namespace = self.namespace or client.namespace
            candidates = map(classify, self._candidates(client, namespace))
            stopping = [outcome for outcome in candidates if may_run(outcome)]
            for outcome in stopping:
                if outcome.deleted is None:
                    self._delete(client, outcome)
            if not stopping:
                self.log.info("Nothing runs, so nothing is stopped.")
            names = [outcome.name for outcome in stopping]
            if self.wait_for_completion:
                self._wait(client, stopping, names, self.deadlines())
        return {"stopped": names}

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a deferral: one is gone, look at the others."""
        outcome, verdict, echo = self.resumed(event)
        raise_unless_gone(outcome, verdict)
        self.log.info("%s", stop_report(outcome, 0))
        names = list(echo["names"])
        with self.cluster() as client:
            left = [
                waiting
                for waiting in map(classify, self._candidates(client, outcome.namespace))
                if waiting.deleted is not None and may_run(waiting) and waiting.name in names
            ]
            self._wait(client, left, names, self._left or self.deadlines())
        return {"stopped": names}

    def _wait(self, client: KubeClient, waiting: Sequence[Outcome], names: list[str], deadlines: Deadlines) -> None:
        for outcome in waiting:
            if self.deferrable:
                self.defer_until(
                    client,
                    outcome,
                    deadlines=deadlines,
                    goal=Goal.GONE,
                    echo={"names": names},
                )
            last, verdict = self.follow(
                client,
                PIPELINE_EXECUTION,
                outcome.name,
                namespace=outcome.namespace,
                uid=outcome.uid,
                deadlines=deadlines,
                goal=Goal.GONE,
            )
            raise_unless_gone(last, verdict)
            self.log.info("%s", stop_report(last, 0))

    def _candidates(self, client: KubeClient, namespace: str) -> list[dict[str, Any]]:
        from airflow_ack_sagemaker.core.resource.manifest import check_pipeline_name, check_resource_name, runs_pipeline
        from airflow_ack_sagemaker.kube.errors import NotFound

        if self.name is not None:
            try:
                return [client.get(PIPELINE_EXECUTION, check_resource_name(self.name), namespace)]
            except NotFound:
                return []
        wanted = check_pipeline_name(self.pipeline_name or "")
        # Not by label: executions that somebody applied by hand are meant, too.
        return [
            resource for resource in client.list(PIPELINE_EXECUTION, namespace).items if runs_pipeline(resource, wanted)
        ]

    def _delete(self, client: KubeClient, outcome: Outcome) -> None:
        from airflow_ack_sagemaker.kube.deletion import delete_if_same

        if delete_if_same(client, PIPELINE_EXECUTION, outcome.name, outcome.namespace, uid=outcome.uid):
            self.log.info("Stopping %s (%s).", outcome.resource, outcome.sagemaker_status or outcome.state)
        else:
            self.log.info("%s is gone already.", outcome.resource)

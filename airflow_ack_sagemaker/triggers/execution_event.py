"""`PipelineExecutionEventTrigger`: an event for each execution that ends, for an ``AssetWatcher``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.freshness import prune
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.manifest import runs_pipeline
from airflow_ack_sagemaker.core.resource.status import State, classify
from airflow_ack_sagemaker.core.run.news import Item
from airflow_ack_sagemaker.triggers.collection import EachResourceTrigger

if TYPE_CHECKING:
    from airflow_ack_sagemaker.follow.shared import Prune


class PipelineExecutionEventTrigger(EachResourceTrigger):
    """Fires once for each PipelineExecution that ends, also one that Airflow did not launch: the next DAG follows the
    model, not the clock.

    The event's payload is ``{"name", "namespace", "pipeline_name", "arn", "state", "status", "reason"}``. Which ends
    were told is kept in Airflow's asset state store (3.3 and later), once the event is in its database, so that a
    restart misses none; one at that very moment may repeat it, with the same payload (`SkipRepeatedEventsOperator`).
    Before 3.3, what has ended before the trigger starts is taken as known.

    ```python
    from airflow.sdk import Asset, AssetWatcher
    from airflow_ack_sagemaker.triggers.execution_event import PipelineExecutionEventTrigger

    trigger = PipelineExecutionEventTrigger(pipeline_name="demand", states=["Failed", "Stopped"])
    Asset("demand_ends", watchers=[AssetWatcher(name="ends", trigger=trigger)])
    ```

    :param pipeline_name: only executions of this pipeline; None: of all.
    :param states: the ends that count, of ``Succeeded``, ``Failed``, ``Stopped`` and ``Refused``.
    :param kubernetes_conn_id: connection of type ``kubernetes``, as the cncf provider defines it.
    :param namespace: namespace of the executions; None: the connection's.
    :param poll_interval: seconds between looks, where the cluster does not allow ``watch``.
    """

    arguments = ("pipeline_name", "states", "kubernetes_conn_id", "namespace", "poll_interval")
    store_key = "airflow-ack-sagemaker/executions"
    kind = PIPELINE_EXECUTION

    def __init__(
        self, *, pipeline_name: str | None = None, states: Iterable[str] = ("Succeeded",), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline_name = pipeline_name
        self.states = [State(state).value for state in states]

    def item(self, resource: dict[str, Any]) -> Item | None:
        """Its end, if it has ended."""
        outcome = classify(resource)
        of_ours = self.pipeline_name is None or runs_pipeline(resource, self.pipeline_name)
        if not outcome.finished or not of_ours:
            return None
        if outcome.state.value not in self.states:
            return Item(outcome.uid or "")
        return Item(
            outcome.uid or "",
            {
                "name": outcome.name,
                "namespace": outcome.namespace,
                "pipeline_name": fields.pipeline_name(resource) or None,
                "arn": outcome.arn,
                "state": outcome.state.value,
                "status": outcome.sagemaker_status,
                "reason": outcome.reason,
            },
        )

    def prune(self) -> Prune:
        """What an outcome is read from."""
        return prune

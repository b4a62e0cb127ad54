"""`PipelineExecutionEventTrigger`: an event for each execution that ends, for an ``AssetWatcher``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_ack_sagemaker.compat import recalled, remember
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.freshness import prune
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.manifest import runs_pipeline
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.hooks.ack import DEFAULT_CONN_ID

if TYPE_CHECKING:
    from airflow_ack_sagemaker.follow.watch import CollectionFollower

_STORE_KEY = "airflow-ack-sagemaker/executions"
_REMEMBERED = 2_000
"""Ends that are remembered: more finished executions than these should have been collected long before."""
_SEEN = 20_000
"""Ends that the running trigger knows; a later change of such a resource is no news."""


class PipelineExecutionEventTrigger(BaseEventTrigger):
    """Fires once for each PipelineExecution that ends, also one that Airflow did not launch: the next DAG follows the
    model, not the clock.

    The event's payload is ``{"name", "namespace", "pipeline_name", "arn", "state", "status", "reason"}``. Which ends
    have fired is kept in Airflow's asset state store (3.3 and later), so that a restart misses none; one at the very
    moment of an event may repeat it. Before 3.3, what has ended before the trigger starts is taken as known.

    :param pipeline_name: only executions of this pipeline; None: of all.
    :param states: the ends that count, of ``Succeeded``, ``Failed``, ``Stopped`` and ``Refused``.
    :param kubernetes_conn_id: connection of type ``kubernetes``, as the cncf provider defines it.
    :param namespace: namespace of the executions; None: the connection's.
    :param poll_interval: seconds between looks, where the cluster does not allow ``watch``.
    """

    def __init__(
        self,
        *,
        pipeline_name: str | None = None,
        states: Iterable[str] = ("Succeeded",),
        kubernetes_conn_id: str = DEFAULT_CONN_ID,
        namespace: str | None = None,
        poll_interval: float = 30.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pipeline_name = pipeline_name
        self.states = [State(state).value for state in states]
        self.kubernetes_conn_id = kubernetes_conn_id
        self.namespace = namespace
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        names = ("pipeline_name", "states", "kubernetes_conn_id", "namespace", "poll_interval")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Watch for ever. It waits until passing trouble is over; other trouble ends the trigger with an error."""
        # Without a memory, what has ended before the trigger starts is taken as known.
        known = await self._remembered()
        present = True
        ended: dict[str, None] = {}  # in the order of their ends, as far as they were seen
        async with aclosing(self._resources()) as resources:
            async for resource in resources:
                if resource is None:
                    present, known = False, known or set()
                    await self._remember(ended)
                    continue
                outcome = classify(resource)
                uid = outcome.uid or ""
                if uid in ended or not self._counts(resource, outcome):
                    continue
                ended[uid] = None
                if known is not None and uid not in known and outcome.state.value in self.states:
                    yield TriggerEvent(self._payload(resource, outcome))
                elif present:
                    continue  # thousands may have ended long ago: remembered at once
                await self._remember(ended)

    def _resources(self) -> CollectionFollower:
        """The executions that are there, then None, then each that changes: on the stream that all triggers here
        share.
        """
        from airflow_ack_sagemaker.follow.watch import follow_all
        from airflow_ack_sagemaker.hooks.ack import AckHook

        hook = AckHook(self.kubernetes_conn_id)
        return follow_all(
            hook.get_async_conn,
            cluster=hook.cluster_digest,
            key=self.kubernetes_conn_id,
            kind=PIPELINE_EXECUTION,
            namespace=self.namespace,
            poll_interval=self.poll_interval,
            prune=prune,
        )

    def _payload(self, resource: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
        return {
            "name": outcome.name,
            "namespace": outcome.namespace,
            "pipeline_name": fields.pipeline_name(resource) or None,
            "arn": outcome.arn,
            "state": outcome.state.value,
            "status": outcome.sagemaker_status,
            "reason": outcome.reason,
        }

    def _counts(self, resource: dict[str, Any], outcome: Outcome) -> bool:
        if not outcome.finished:
            return False
        return self.pipeline_name is None or runs_pipeline(resource, self.pipeline_name)

    async def _remembered(self) -> set[str] | None:
        value = await recalled(self, _STORE_KEY)
        return set(value) if isinstance(value, list) else None

    async def _remember(self, ended: dict[str, None]) -> None:
        while len(ended) > _SEEN:
            del ended[next(iter(ended))]
        await remember(self, _STORE_KEY, list(ended)[-_REMEMBERED:])

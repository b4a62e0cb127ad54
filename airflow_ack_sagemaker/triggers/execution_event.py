"""`PipelineExecutionEventTrigger`: an event for each execution that ends, for an ``AssetWatcher``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_ack_sagemaker.hooks.ack import DEFAULT_CONN_ID
from airflow_ack_sagemaker.model.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.model.manifest import pipeline_name_of
from airflow_ack_sagemaker.model.status import State, classify

_STORE_KEY = "airflow-ack-sagemaker/executions"
_REMEMBERED = 2_000
"""Ends that are remembered: more finished executions than these should have been collected long before."""


class PipelineExecutionEventTrigger(BaseEventTrigger):
    """Fires once for each PipelineExecution that ends, whoever launched it: what comes next follows the model, not the
    clock.

    The event's payload is ``{"name", "namespace", "pipeline_name", "arn", "state", "status", "reason"}``. Which ends
    have fired is kept in Airflow's asset state store (3.3 and later), so that a restart neither repeats nor misses one;
    before 3.3, what has ended before the trigger starts is taken as known.

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
        super().__init__()
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
        """Watch, for ever. What passes by waiting is waited out; what does not ends the trigger with an error."""
        seen = await self._remembered()
        present: list[str] = []
        async with aclosing(self._ended()) as ends:
            async for resource, existed in ends:
                outcome = classify(resource)
                uid = outcome.uid or ""
                if uid in present:
                    continue
                present.append(uid)
                # Without a memory, what was there at the start is taken as known.
                known = uid in seen if seen is not None else existed
                await self._remember(present)
                if known or outcome.state.value not in self.states:
                    continue
                yield TriggerEvent(
                    {
                        "name": outcome.name,
                        "namespace": outcome.namespace,
                        "pipeline_name": resource["spec"]["pipelineName"],
                        "arn": outcome.arn,
                        "state": outcome.state.value,
                        "status": outcome.sagemaker_status,
                        "reason": outcome.reason,
                    }
                )

    async def _ended(self) -> AsyncGenerator[tuple[dict[str, Any], bool]]:
        """Each finished execution as it is seen, and whether the first list showed it."""
        from airflow_ack_sagemaker.hooks.ack import AckHook
        from airflow_ack_sagemaker.kube.stream import Page, Scope, Settings, changes

        first = True
        async with await AckHook(self.kubernetes_conn_id).get_async_conn() as client:
            settings = Settings(poll_interval=self.poll_interval)
            async with aclosing(changes(client, Scope(PIPELINE_EXECUTION, self.namespace, ""), settings)) as stream:
                async for change in stream:
                    resources = change.items if isinstance(change, Page) else [change.object]
                    for resource in resources:
                        resource.setdefault("kind", PIPELINE_EXECUTION.kind)
                        if self._counts(resource):
                            yield resource, first
                    if isinstance(change, Page) and change.last:
                        first = False

    def _counts(self, resource: dict[str, Any]) -> bool:
        if not classify(resource).finished:
            return False
        return self.pipeline_name is None or pipeline_name_of(resource["spec"]["pipelineName"]) == self.pipeline_name

    async def _remembered(self) -> set[str] | None:
        store = getattr(self, "asset_state_store", None)
        try:
            value = await store.aget(_STORE_KEY) if store is not None else None
        except ValueError:  # the watcher serves several assets, and the store is one asset's
            return None
        return set(value) if isinstance(value, list) else None

    async def _remember(self, uids: list[str]) -> None:
        del uids[:-_REMEMBERED]
        store = getattr(self, "asset_state_store", None)
        if store is not None:
            try:
                await store.aset(_STORE_KEY, list(uids))
            except ValueError:
                return

"""`AckResourceTrigger`: follow one resource until its outcome, on the triggerer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from airflow.triggers.base import TriggerEvent

from airflow_ack_sagemaker.model.freshness import observe, prune
from airflow_ack_sagemaker.model.kinds import kind_of
from airflow_ack_sagemaker.model.patience import Goal, Patience, Verdict, judge, next_deadline
from airflow_ack_sagemaker.model.status import Outcome, State, gone
from airflow_ack_sagemaker.triggers.base import StoppingTrigger

_ARGUMENTS = (
    "kind",
    "name",
    "namespace",
    "kubernetes_conn_id",
    "uid",
    "patience",
    "goal",
    "poll_interval",
    "stop_on_kill",
    "must_exist",
    "echo",
)


class AckResourceTrigger(StoppingTrigger):
    """Fires one event when the resource has its outcome or patience is over.

    All triggers of a triggerer process that follow resources of one kind in one namespace share one watch. The event
    carries the whole outcome (``{"outcome": ..., "verdict": ..., "echo": ...}``), since the resource may be gone before
    the task resumes; where the cluster cannot be asked at all, ``{"error": message}``. The arguments hold no
    credentials: the connection is resolved here.

    :param kind: kind of the resource, for example ``PipelineExecution``.
    :param uid: the very resource that is meant; another one of its name counts as gone. None: whichever there is.
    :param patience: `Patience` as a dictionary.
    :param goal: ``finished`` or ``started``.
    :param poll_interval: seconds between looks, where the cluster does not allow ``watch``.
    :param stop_on_kill: delete the resource, which stops a job, when a user marks or clears the deferred task (Airflow
        3.3 and later tell triggers of it; earlier ones do not).
    :param must_exist: False: a resource that is not there yet is waited for.
    :param echo: small JSON that comes back in the event.
    """

    def __init__(
        self,
        *,
        kind: str,
        name: str,
        namespace: str | None,
        kubernetes_conn_id: str,
        uid: str | None = None,
        patience: dict[str, Any] | None = None,
        goal: str = Goal.FINISHED.value,
        poll_interval: float = 30.0,
        stop_on_kill: bool = False,
        must_exist: bool = True,
        echo: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kind = kind
        self.name = name
        self.namespace = namespace
        self.kubernetes_conn_id = kubernetes_conn_id
        self.uid = uid
        self.patience = patience or {}
        self.goal = goal
        self.poll_interval = poll_interval
        self.stop_on_kill = stop_on_kill
        self.must_exist = must_exist
        self.echo = echo or {}

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in _ARGUMENTS}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follow, judge at each change and at each deadline, fire once."""
        from airflow_ack_sagemaker.exceptions import AirflowException
        from airflow_ack_sagemaker.kube.errors import KubeError

        try:
            outcome, verdict = await self._outcome()
        except (KubeError, AirflowException) as error:
            yield TriggerEvent({"error": str(error), "echo": self.echo})
            return
        yield TriggerEvent({"outcome": outcome.to_dict(), "verdict": verdict.value, "echo": self.echo})

    async def _outcome(self) -> tuple[Outcome, Verdict]:
        patience, goal = Patience.from_dict(self.patience), Goal(self.goal)
        last = Outcome(kind=self.kind, name=self.name, namespace=self.namespace or "", state=State.UNSEEN, uid=self.uid)
        states = self._states()
        pending: asyncio.Task[dict[str, Any] | None] | None = None
        try:
            while True:
                if (verdict := judge(last, patience, time.time(), goal=goal)) is not None:
                    return last, verdict
                deadline = next_deadline(last, patience)
                pending = pending or asyncio.ensure_future(anext(states))
                timeout = None if deadline is None else max(deadline - time.time(), 0)
                await asyncio.wait({pending}, timeout=timeout)
                if not pending.done():
                    continue
                resource, pending = pending.result(), None
                if resource is not None and self.uid in (None, resource["metadata"]["uid"]):
                    last = observe(resource)
                elif self.must_exist or last.uid is not None:
                    last = gone(last)
        finally:
            if pending is not None:
                pending.cancel()
                # A generator that still runs cannot be closed: let the cancelled read end first.
                await asyncio.wait({pending})
            await states.aclose()

    async def _states(self) -> AsyncGenerator[dict[str, Any] | None]:
        """The resource now and after each change; None while it is not there."""
        from airflow_ack_sagemaker.hooks.ack import AckHook
        from airflow_ack_sagemaker.kube.watch import follow

        hook = AckHook(self.kubernetes_conn_id)
        states = follow(
            hook.get_async_conn,
            key=self.kubernetes_conn_id,
            kind=kind_of(self.kind),
            namespace=self.namespace,
            name=self.name,
            poll_interval=self.poll_interval,
            prune=prune,
        )
        async with aclosing(states):
            async for state in states:
                yield state

    async def stop(self) -> None:
        """Delete the resource, which stops a job."""
        from airflow_ack_sagemaker.hooks.ack import AckHook
        from airflow_ack_sagemaker.kube.errors import NotFound

        self.log.info("Deleting %s/%s, which stops it.", self.kind, self.name)
        try:
            async with await AckHook(self.kubernetes_conn_id).get_async_conn() as client:
                await client.delete(kind_of(self.kind), self.name, self.namespace, uid=self.uid)
        except NotFound:
            self.log.info("%s/%s is gone already.", self.kind, self.name)
        except Exception as error:
            self.log.error("%s/%s could not be stopped and runs on: %s", self.kind, self.name, error)

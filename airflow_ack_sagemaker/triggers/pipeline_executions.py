"""`AckExecutionsTrigger`: follow a batch of executions until there is something to do, on the triggerer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TriggerEvent

from airflow_ack_sagemaker.model.batch import Waits, from_ranges
from airflow_ack_sagemaker.model.freshness import prune
from airflow_ack_sagemaker.model.identity import LABEL_RUN, OURS
from airflow_ack_sagemaker.model.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.model.status import Outcome, State, classify
from airflow_ack_sagemaker.model.stopping import CONFIRM_SECONDS, has_ended
from airflow_ack_sagemaker.model.vigil import Vigil
from airflow_ack_sagemaker.triggers.base import StoppingTrigger

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import AsyncKubeClient
    from airflow_ack_sagemaker.kube.watch import Follower

_ARGUMENTS = (
    "namespace",
    "kubernetes_conn_id",
    "run",
    "stem",
    "active",
    "waits",
    "more",
    "spare_failures",
    "poll_interval",
    "stop_on_kill",
    "progress",
)

EARLIEST = 10.0
"""Seconds from its start before which it does not fire. Airflow's scheduler may read the end of the process that has
deferred only after the task runs again, and then takes it for killed; and a batch is deferred many times."""

_STOPPERS = 8
"""Requests at once that stop a batch."""


class AckExecutionsTrigger(StoppingTrigger):
    """Fires one event when all executions have ended, a place is free for others that wait, or one is to be given up.

    However many it follows, arguments and event stay small: executions are named by number, and the event
    (``{"progress": ...}``, or ``{"error": message}`` where the cluster cannot be asked) says only that the task is to
    look. All follow the one watch that the triggerer shares.

    :param run: value of the label that all executions of the run have.
    :param stem: what their names begin with: ``<stem>-<index>-<attempt>``.
    :param active: attempt -> the indexes that are active, as ``0-4,7``.
    :param waits: `Waits` as a dictionary.
    :param more: whether others wait for a place.
    :param spare_failures: failures after which the rest is to be stopped; None: none is.
    :param poll_interval: seconds between looks, where the cluster does not allow ``watch``.
    :param stop_on_kill: stop all of them when a user marks or clears the deferred task.
    :param progress: small JSON that comes back in the event.
    """

    def __init__(
        self,
        *,
        namespace: str,
        kubernetes_conn_id: str,
        run: str,
        stem: str,
        active: Mapping[str, str],
        waits: Mapping[str, Any],
        more: bool,
        spare_failures: int | None,
        poll_interval: float = 30.0,
        stop_on_kill: bool = True,
        progress: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.namespace = namespace
        self.kubernetes_conn_id = kubernetes_conn_id
        self.run_label = run
        self.stem = stem
        self.active = dict(active)
        self.waits = dict(waits)
        self.more = more
        self.spare_failures = spare_failures
        self.poll_interval = poll_interval
        self.stop_on_kill = stop_on_kill
        self.progress = dict(progress or {})

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        values = {name: self.run_label if name == "run" else getattr(self, name) for name in _ARGUMENTS}
        return f"{type(self).__module__}.{type(self).__qualname__}", values

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follow all, fire once."""
        from airflow_ack_sagemaker.exceptions import AirflowException
        from airflow_ack_sagemaker.kube.errors import KubeError

        try:
            await self._until_due()
        except asyncio.CancelledError as cancelled:
            self._cancelled_by = cancelled.args
            raise
        except (KubeError, AirflowException) as error:
            yield TriggerEvent({"error": str(error), "progress": self.progress})
            return
        yield TriggerEvent({"progress": self.progress})

    async def _until_due(self) -> None:
        names = {
            index: f"{self.stem}-{index}-{attempt}"
            for attempt, indexes in self.active.items()
            for index in from_ranges(indexes)
        }
        vigil = Vigil(list(names), waits=Waits(**self.waits), more=self.more, spare_failures=self.spare_failures)
        changed = asyncio.Event()
        followers = [asyncio.ensure_future(self._follow(index, name, vigil, changed)) for index, name in names.items()]
        try:
            await asyncio.sleep(EARLIEST)
            while not vigil.due(time.time()):
                moment = vigil.next_time()
                try:
                    timeout = None if moment is None else max(moment - time.time(), 0.01)
                    await asyncio.wait_for(changed.wait(), timeout)
                except TimeoutError:
                    continue
                changed.clear()
                for follower in followers:
                    if follower.done() and (error := follower.exception()) is not None:
                        raise error
        finally:
            for follower in followers:
                follower.cancel()
            await asyncio.gather(*followers, return_exceptions=True)

    async def _follow(self, index: int, name: str, vigil: Vigil, changed: asyncio.Event) -> None:
        try:
            async with aclosing(self._follower(name)) as states:
                async for state in states:
                    vigil.see(index, state, time.time())
                    changed.set()
        finally:
            changed.set()

    def _follower(self, name: str) -> Follower:
        from airflow_ack_sagemaker.hooks.ack import AckHook
        from airflow_ack_sagemaker.kube.watch import follow

        return follow(
            AckHook(self.kubernetes_conn_id).get_async_conn,
            key=self.kubernetes_conn_id,
            kind=PIPELINE_EXECUTION,
            namespace=self.namespace,
            name=name,
            label_selector=OURS,
            poll_interval=self.poll_interval,
            prune=prune,
        )

    async def stop(self) -> None:
        """Delete all executions of the run that have not ended, which stops them, and wait until they have stopped."""
        from airflow_ack_sagemaker.hooks.ack import AckHook

        try:
            async with await AckHook(self.kubernetes_conn_id).get_async_conn() as client:
                listed = await client.list(
                    PIPELINE_EXECUTION, self.namespace, label_selector=f"{LABEL_RUN}={self.run_label}"
                )
                outcomes = [classify({"kind": PIPELINE_EXECUTION.kind, **resource}) for resource in listed.items]
                going = [
                    outcome
                    for outcome in outcomes
                    if outcome.name.startswith(f"{self.stem}-")
                    and not outcome.finished
                    and outcome.state is not State.DELETING
                ]
                self.log.info("Deleting %d executions of %s, which stops them.", len(going), self.stem)
                places = asyncio.Semaphore(_STOPPERS)
                await asyncio.gather(*(self._delete(client, outcome, places) for outcome in going))
        except Exception as error:
            self.log.error("The executions of %s could not be stopped and run on: %s", self.stem, error)
            return
        end = time.monotonic() + CONFIRM_SECONDS
        stopped = await asyncio.gather(*(self._has_stopped(outcome, end) for outcome in going))
        report = self.log.info if all(stopped) else self.log.warning
        report("%d of %d executions have stopped.", sum(stopped), len(stopped))

    async def _delete(self, client: AsyncKubeClient, outcome: Outcome, places: asyncio.Semaphore) -> None:
        from airflow_ack_sagemaker.kube.errors import NotFound

        async with places:
            try:
                await client.delete(PIPELINE_EXECUTION, outcome.name, self.namespace, uid=outcome.uid)
            except NotFound:
                self.log.info("%s is gone already.", outcome.resource)
            except Exception as error:  # the others are stopped all the same
                self.log.error("%s could not be stopped and runs on: %s", outcome.resource, error)

    async def _has_stopped(self, outcome: Outcome, end: float) -> bool:
        from airflow_ack_sagemaker.kube.errors import KubeError

        try:
            async with aclosing(self._follower(outcome.name)) as states:
                while True:
                    state = await states.next(max(end - time.monotonic(), 0))
                    if state is None or state["metadata"]["uid"] != outcome.uid or has_ended(classify(state)):
                        return True
        except (TimeoutError, KubeError) as error:
            self.log.warning("That %s has stopped is not confirmed: %s", outcome.resource, error or "it takes too long")
            return False

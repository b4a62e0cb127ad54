"""`AckExecutionsTrigger`: follow a batch of executions until there is something to do, on the triggerer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.freshness import observe, prune
from airflow_ack_sagemaker.core.resource.identity import OURS
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.launched_by import launched_by
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify, gone
from airflow_ack_sagemaker.core.run.batch import Waits, from_ranges
from airflow_ack_sagemaker.core.run.batch_wait import BatchWait
from airflow_ack_sagemaker.core.run.stopping import has_ended, stop_report
from airflow_ack_sagemaker.triggers.base import EARLIEST, StoppingTrigger, follow_stop

if TYPE_CHECKING:
    from airflow_ack_sagemaker.follow.watch import Follower

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

_STOPPERS = 8
"""Requests at once that stop a batch."""

_TOLD = 10
"""Executions that are told of one by one when they have not stopped in time."""


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
        super().__init__()
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

    def returned(self) -> dict[str, Any]:
        """The progress."""
        return {"progress": self.progress}

    async def payload(self) -> dict[str, Any]:
        """Follow all until one of them is due."""
        names = {
            index: f"{self.stem}-{index}-{attempt}"
            for attempt, indexes in self.active.items()
            for index in from_ranges(indexes)
        }
        batch_wait = BatchWait(
            list(names), waits=Waits(**self.waits), more=self.more, spare_failures=self.spare_failures
        )
        changed = asyncio.Event()
        followers = [
            asyncio.ensure_future(self._follow(index, name, batch_wait, changed)) for index, name in names.items()
        ]
        try:
            # What ends until then is told by one event.
            await asyncio.sleep(EARLIEST)
            while not batch_wait.due(time.time()):
                moment = batch_wait.next_time()
                try:
                    timeout = None if moment is None else max(moment - time.time(), 0.01)
                    # Not asyncio.wait_for: Python 3.11's loses a cancellation that comes together with a change.
                    async with asyncio.timeout(timeout):
                        await changed.wait()
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
        return self.returned()

    def _states(self, name: str) -> Follower:
        from airflow_ack_sagemaker.follow.watch import follow
        from airflow_ack_sagemaker.hooks.ack import AckHook

        hook = AckHook(self.kubernetes_conn_id)
        return follow(
            hook.get_async_conn,
            cluster=hook.cluster_digest,
            key=self.kubernetes_conn_id,
            kind=PIPELINE_EXECUTION,
            namespace=self.namespace,
            name=name,
            label_selector=OURS,
            poll_interval=self.poll_interval,
            prune=prune,
        )

    async def _follow(self, index: int, name: str, batch_wait: BatchWait, changed: asyncio.Event) -> None:
        try:
            async with aclosing(self._states(name)) as states:
                async for state in states:
                    batch_wait.see(index, state, time.time())
                    changed.set()
        finally:
            changed.set()

    async def stop(self) -> None:
        """Delete all executions of the run that have not ended, which stops them, and follow them until they have."""
        from airflow_ack_sagemaker.core.resource.identity import LABEL_RUN
        from airflow_ack_sagemaker.hooks.ack import AckHook
        from airflow_ack_sagemaker.kube.deletion import delete_if_same_async
        from airflow_ack_sagemaker.kube.errors import KubeError

        places = asyncio.Semaphore(_STOPPERS)
        try:
            async with await AckHook(self.kubernetes_conn_id).get_async_conn() as client:

                async def delete(outcome: Outcome) -> None:
                    async with places:
                        try:
                            there = await delete_if_same_async(
                                client, PIPELINE_EXECUTION, outcome.name, self.namespace, uid=outcome.uid
                            )
                            if not there:
                                self.log.info("%s is gone already.", outcome.name)
                        except Exception as error:  # the others are stopped all the same
                            self.log.error("%s could not be stopped and runs on: %s", outcome.name, error)

                listed = await client.list(
                    PIPELINE_EXECUTION, self.namespace, label_selector=f"{LABEL_RUN}={self.run_label}"
                )
                # The next try of a cleared task may have launched already: the launching try is written on each.
                this_try = getattr(self.task_instance, "try_number", None)
                outcomes = [
                    classify({"kind": PIPELINE_EXECUTION.kind, **resource})
                    for resource in listed.items
                    if (by := launched_by(resource)) is not None and (this_try is None or by.number <= this_try)
                ]
                going = [
                    outcome
                    for outcome in outcomes
                    if outcome.name.startswith(f"{self.stem}-")
                    and not outcome.finished
                    and outcome.state is not State.DELETING
                ]
                self.log.info(
                    "A user has ended the task: deleting %d executions of %s, which stops them.", len(going), self.stem
                )
                await asyncio.gather(*map(delete, going))
        except Exception as error:
            self.log.error("The executions of %s could not be stopped and run on: %s", self.stem, error)
            return
        try:
            ends = await asyncio.gather(*(follow_stop(self._states(o.name), o, _read) for o in going))
        except KubeError as error:
            self.log.warning("Cannot look whether the executions of %s have stopped: %s", self.stem, error)
            return
        open_ones = [stop_report(last, seconds) for last, seconds in ends if not has_ended(last)]
        self.log.info("Confirmed: %d of %d executions have stopped.", len(ends) - len(open_ones), len(ends))
        for line in open_ones[:_TOLD]:
            self.log.warning("%s", line)


def _read(resource: dict[str, Any] | None, last: Outcome) -> Outcome:
    return observe(resource) if resource is not None and fields.uid(resource) == last.uid else gone(last)

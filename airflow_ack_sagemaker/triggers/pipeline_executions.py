"""`AckExecutionsTrigger`: follow a batch of executions until there is something to do, on the triggerer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.freshness import observe, prune
from airflow_ack_sagemaker.core.resource.identity import OURS
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.launched_by import launched_by
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify, gone
from airflow_ack_sagemaker.core.run.batch_progress import Progress, Waits, from_ranges
from airflow_ack_sagemaker.core.run.batch_wait import BatchWait
from airflow_ack_sagemaker.core.run.stopping import may_run, stop_report
from airflow_ack_sagemaker.kube.server_clock import SteadyClock
from airflow_ack_sagemaker.triggers.base import AGREE, EARLIEST, StoppingTrigger

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.server_clock import ServerClock
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
    "server",
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

    ```python
    from dataclasses import asdict

    from airflow_ack_sagemaker.core.run.batch_progress import Waits
    from airflow_ack_sagemaker.triggers.pipeline_executions import AckExecutionsTrigger

    AckExecutionsTrigger(
        namespace="ml",
        kubernetes_conn_id="kubernetes_default",
        run="0a1b2c3d4e5f",
        stem="demand-0a1b2c3d4e5f",
        active={"1": "0-4,7"},
        waits=asdict(Waits(reconcile=300.0, recover=900.0)),
        more=False,
        spare_failures=None,
    )
    ```

    :param namespace: namespace of the executions.
    :param kubernetes_conn_id: connection of type ``kubernetes``.
    :param run: value of the label that all executions of the run have.
    :param stem: what their names begin with: ``<stem>-<index>-<attempt>``.
    :param active: attempt -> the indexes that are active, as ``0-4,7``.
    :param waits: `Waits` as a dictionary, in seconds.
    :param more: whether others wait for a place.
    :param spare_failures: failures after which the rest is to be stopped; None: none is.
    :param poll_interval: seconds between looks, where the cluster does not allow ``watch``.
    :param stop_on_kill: stop all of them when a user marks or clears the deferred task.
    :param progress: `Progress` as a dictionary; it comes back in the event.
    :param server: the API server where they were seen, as for `AckResourceTrigger`.
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
        server: str | None = None,
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
        self.server = server
        self._progress: Progress | None = None
        self._now = SteadyClock()

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        values = {name: self.run_label if name == "run" else getattr(self, name) for name in _ARGUMENTS}
        return f"{type(self).__module__}.{type(self).__qualname__}", values

    def returned(self) -> dict[str, Any]:
        """The progress, on the clock of this machine, and when it had it."""
        if self._progress is None:
            return {"progress": self.progress}
        self._progress.hand_over(self._now(), self._progress.clock)
        return {"progress": self._progress.to_dict()}

    async def payload(self) -> dict[str, Any]:
        """Follow all until one of them is due."""
        attempts = {index: int(one) for one, indexes in self.active.items() for index in from_ranges(indexes)}
        names = {index: f"{self.stem}-{index}-{attempt}" for index, attempt in attempts.items()}
        progress = await self._arrived(next(iter(names.values()), ""))
        batch_wait = BatchWait(
            attempts,
            waits=Waits(**self.waits),
            progress=progress,
            more=self.more,
            spare_failures=self.spare_failures,
        )
        changed = asyncio.Event()
        followers = [
            asyncio.ensure_future(self._follow(index, name, batch_wait, changed)) for index, name in names.items()
        ]
        try:
            # What ends until then is told by one event.
            await asyncio.sleep(EARLIEST)
            while True:
                await self._put_off(batch_wait, names)
                if batch_wait.due(self._now()):
                    break
                moment = batch_wait.next_time()
                try:
                    timeout = None if moment is None else max(moment - self._now(), 0.01)
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

    async def _arrived(self, name: str) -> Progress:
        """The progress on this machine's clock. Another machine wrote it, perhaps long ago.

        :param name: of an execution that is followed.
        """
        now, progress = self._now(), Progress.from_dict(self.progress)
        doubtful = progress.moment is not None and progress.moment.doubtful(now)
        self.tell_of_clocks(progress.read_at(now, await self._clock(name) if doubtful else None))
        self._progress = progress
        return progress

    async def _put_off(self, batch_wait: BatchWait, names: Mapping[int, str]) -> None:
        """Move a deadline that has come, where the API server's clock says that less time has passed."""
        now, progress = self._now(), batch_wait.progress
        overdue = batch_wait.overdue(now)
        if overdue is None or progress.clock is None:
            return
        moved = progress.read_at(now, await self._clock(names[overdue]))
        if moved > AGREE:
            self.tell_of_clocks(moved)
            batch_wait.postpone(moved)

    async def _clock(self, name: str) -> ServerClock | None:
        return await self.server_clock(self.kubernetes_conn_id, PIPELINE_EXECUTION, name, self.namespace)

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
            server=self.server,
        )

    async def _follow(self, index: int, name: str, batch_wait: BatchWait, changed: asyncio.Event) -> None:
        try:
            async with aclosing(self._states(name)) as states:
                async for state in states:
                    batch_wait.see(index, state, self._now())
                    changed.set()
        finally:
            changed.set()

    async def stop(self) -> None:
        """Delete all executions of the run that have not ended, which stops them, and follow them until they have."""
        from airflow_ack_sagemaker.core.resource.identity import LABEL_RUN
        from airflow_ack_sagemaker.hooks.ack import AckHook
        from airflow_ack_sagemaker.kube.deletion import delete_if_same_async

        places = asyncio.Semaphore(_STOPPERS)
        try:
            async with await AckHook(self.kubernetes_conn_id).get_async_conn() as client:

                async def stop(outcome: Outcome) -> tuple[Outcome, float] | None:
                    async def delete() -> bool:
                        async with places:
                            return await delete_if_same_async(
                                client, PIPELINE_EXECUTION, outcome.name, self.namespace, uid=outcome.uid
                            )

                    return await self.stop_one(self._states(outcome.name), outcome, _read, delete)

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
                ends = await asyncio.gather(*map(stop, going))
        except Exception as error:
            self.log.error("The executions of %s could not be stopped and run on: %s", self.stem, error)
            return
        looked = [end for end in ends if end is not None]
        open_ones = [stop_report(*end) for end in looked if may_run(end[0])]
        self.log.info("Confirmed: %d of %d executions have stopped.", len(looked) - len(open_ones), len(ends))
        for line in open_ones[:_TOLD]:
            self.log.warning("%s", line)


def _read(resource: dict[str, Any] | None, last: Outcome) -> Outcome:
    return observe(resource) if resource is not None and fields.uid(resource) == last.uid else gone(last)

"""The base of triggers that resume a task: when they fire, and how they stop what they follow when a user ends it."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_ack_sagemaker.compat import ON_KILL_SECONDS
from airflow_ack_sagemaker.core.resource.status import Outcome
from airflow_ack_sagemaker.core.run.stopping import CONFIRM_SECONDS, has_ended

if TYPE_CHECKING:
    from airflow_ack_sagemaker.follow.watch import Follower

EARLIEST = 10.0
"""Seconds from its start before which a trigger does not fire.

Airflow's scheduler may read the end of the process that has deferred only after the task runs again. It then takes the
task for killed, and fails or retries it whatever becomes of it (``SchedulerJobRunner.process_executor_events``).
"""

_stopping: set[asyncio.Task[None]] = set()
"""What `on_kill` has begun: the event loop itself keeps only weak references to its tasks."""


class StoppingTrigger(BaseTrigger):
    """A trigger that fires one event, and stops what it follows when a user marks or clears the deferred task.

    Airflow 3.3 and later tell triggers of that; earlier ones do not.
    """

    stop_on_kill: bool

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._stopping: asyncio.Task[None] | None = None
        self._cancelled_by: tuple[Any, ...] = ()

    @abstractmethod
    async def payload(self) -> dict[str, Any]:
        """Wait, and say what the event tells. :raises KubeError: the cluster cannot be asked."""

    @abstractmethod
    def returned(self) -> dict[str, Any]:
        """What an event that tells of an error carries besides."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop it, and say how that went. Nobody awaits this, so errors must be logged."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, fire once."""
        from airflow_ack_sagemaker.compat import AirflowException
        from airflow_ack_sagemaker.kube.errors import KubeError

        begun = time.monotonic()
        try:
            try:
                payload = await self.payload()
            except (KubeError, AirflowException) as error:
                payload = {"error": str(error), **self.returned()}
            await asyncio.sleep(max(begun + EARLIEST - time.monotonic(), 0))
        except asyncio.CancelledError as cancelled:
            self._cancelled_by = cancelled.args
            raise
        yield TriggerEvent(payload)

    async def on_kill(self) -> None:
        """Airflow calls this when a user marks or clears the deferred task.

        Airflow goes on cancelling until the trigger is gone, about once a second, and each time what is awaited here
        would be lost: so the work is a task of its own.
        """
        if self.stop_on_kill:
            work = self._stopping = asyncio.create_task(self._stop(), name=f"stopping for {type(self).__name__}")
            _stopping.add(work)
            work.add_done_callback(_stopping.discard)
            await asyncio.wait({work}, timeout=ON_KILL_SECONDS)

    async def cleanup(self) -> None:
        """Keep the trigger, and so the task's log, until a stop that `on_kill` has begun is confirmed.

        Airflow repeats its cancellation meanwhile; any other one, that of a shutdown, is obeyed.
        """
        while self._stopping is not None and not self._stopping.done():
            try:
                await asyncio.wait({self._stopping})
            except asyncio.CancelledError as cancelled:
                if cancelled.args != self._cancelled_by:
                    raise

    async def _stop(self) -> None:
        if await self._is_still_deferred():
            self.log.info(
                "Nothing is stopped, because the task is still deferred: its trigger has moved to another triggerer, "
                "or its next try has taken over."
            )
            return
        await self.stop()

    async def _is_still_deferred(self) -> bool:
        """Airflow has called on_kill on a mere reassignment (airflow#73454): ask for the state before stopping."""
        from asgiref.sync import sync_to_async

        from airflow_ack_sagemaker.compat import task_state

        if self.task_instance is None:
            return True
        try:
            return await sync_to_async(task_state)(self.task_instance) == "deferred"
        except Exception as error:
            self.log.warning("Cannot ask for the task's state, so nothing is stopped: %s", error)
            return True


async def follow_stop(
    states: Follower, last: Outcome, read: Callable[[dict[str, Any] | None, Outcome], Outcome]
) -> tuple[Outcome, float]:
    """Follow a resource that was deleted until its job has stopped, or for `CONFIRM_SECONDS`.

    :param last: the resource as it was last seen.
    :param read: the outcome of a state, given the one before.
    :returns: the resource as it was seen then, and the seconds that it took.
    :raises KubeError: an error that waiting does not mend.
    """
    began = time.monotonic()
    try:
        async with aclosing(states):
            while not has_ended(last):
                last = read(await states.next(max(began + CONFIRM_SECONDS - time.monotonic(), 0)), last)
    except TimeoutError:
        pass
    return last, time.monotonic() - began

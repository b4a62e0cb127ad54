"""The base of triggers that resume a task: when they fire, and how they stop what they follow when a user ends it."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_ack_sagemaker.compat import ON_KILL_SECONDS
from airflow_ack_sagemaker.core.resource.server_clock import ServerClock
from airflow_ack_sagemaker.core.resource.status import Outcome
from airflow_ack_sagemaker.core.run.stopping import CONFIRM_SECONDS, has_ended, is_ended_by_user

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.follow.watch import Follower

AGREE = 2.0
"""Seconds by which two clocks may differ before a deadline is put off for it: stamps are whole seconds."""

EARLIEST = 10.0
"""Seconds from its start before which a trigger does not fire.

Airflow's scheduler may read the end of the process that has deferred only after the task runs again. It then takes the
task for killed, and fails or retries it whatever becomes of it (``SchedulerJobRunner.process_executor_events``).
"""

_FIRST_LOOK = 5.0
"""Seconds that a stop waits for a first look; then it stops what it has not seen."""

Read = Callable[[dict[str, Any] | None, Outcome], Outcome]
"""The outcome of a state (None: the resource is not there), given the one before."""

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

    async def server_clock(self, conn_id: str, kind: Kind, name: str, namespace: str | None) -> ServerClock | None:
        """The API server's clock, by a request; None: it cannot be told, which ends no wait."""
        from airflow_ack_sagemaker.hooks.ack import AckHook
        from airflow_ack_sagemaker.kube.server_clock import clock_of_async

        try:
            async with await AckHook(conn_id).get_async_conn() as client:
                return await clock_of_async(client, kind, name, namespace, log=self.log)
        except Exception as error:  # whatever a connection says: the watch says it, too
            self.log.info("The API server's clock is not known: %s", error)
            return None

    def tell_of_clocks(self, moved: float) -> None:
        """One line where the deadlines of another machine had to be moved."""
        if abs(moved) > AGREE:
            self.log.info(
                "The machine that has written down the deadlines is %.0f s %s of this one: they are moved by as much.",
                abs(moved),
                "behind" if moved > 0 else "ahead",
            )

    async def stop_one(
        self, states: Follower, last: Outcome, read: Read, delete: Callable[[], Awaitable[bool]]
    ) -> tuple[Outcome, float] | None:
        """Delete a resource, and follow it until its job has stopped, or for `CONFIRM_SECONDS`; log what hinders that.

        It is followed from before its deletion on: a quick controller has let it go before a later look, and nothing
        would tell then that it had stopped.

        :param last: the resource as it was last seen.
        :param delete: deletes it, and says whether it was there.
        :returns: the resource as it was seen then, and the seconds that it took; None: it was not there, could not be
            stopped, or cannot be followed.
        """
        from airflow_ack_sagemaker.kube.errors import KubeError

        began: float | None = None
        try:
            async with aclosing(states):
                # It is stopped all the same, and what does not pass comes again below.
                with suppress(TimeoutError, KubeError):
                    last = await next_outcome(states, last, read, _FIRST_LOOK)
                began = time.monotonic() if await delete() else None
                if began is None:
                    self.log.info("%s is gone already.", last.resource)
                    return None
                with suppress(TimeoutError):
                    while not has_ended(last):
                        left = max(began + CONFIRM_SECONDS - time.monotonic(), 0)
                        last = await next_outcome(states, last, read, left)
                return last, time.monotonic() - began
        except Exception as error:  # nobody awaits a stop, and others are stopped all the same
            if began is not None and isinstance(error, KubeError):
                self.log.warning("Cannot look whether %s has stopped: %s", last.resource, error)
            else:
                self.log.error("%s could not be stopped and runs on: %s", last.resource, error)
            return None

    async def _stop(self) -> None:
        if await self._is_ended_by_user():
            await self.stop()
            return
        self.log.info(
            "Nothing is stopped, because the task goes on: its trigger has moved to another triggerer, which may have "
            "resumed it already, or its next try has taken over, which stops what a clear has left."
        )

    async def _is_ended_by_user(self) -> bool:
        """Airflow has called on_kill on a mere reassignment (airflow#73454): ask for the state before stopping."""
        from asgiref.sync import sync_to_async

        from airflow_ack_sagemaker.compat import task_state

        if self.task_instance is None:
            return False
        try:
            return is_ended_by_user(await sync_to_async(task_state)(self.task_instance))
        except Exception as error:
            self.log.warning("Cannot ask for the task's state, so nothing is stopped: %s", error)
            return False


async def next_outcome(states: Follower, last: Outcome, read: Read, timeout: float | None = None) -> Outcome:
    """The next outcome. Of a resource that is gone, what it said last counts, also where this reader was too slow to
    see it there.

    :raises TimeoutError: there was none within so many seconds.
    :raises KubeError: an error that waiting does not mend.
    """
    # No variable holds the resource while the next one is awaited: it takes some 3 KB.
    return _read_next(await states.next(timeout), states, last, read)


def _read_next(state: dict[str, Any] | None, states: Follower, last: Outcome, read: Read) -> Outcome:
    if state is None and (deleted := states.deleted) is not None:
        last = read(deleted, last)
    return read(state, last)

"""What the triggers here share that stop outside work when a user ends the deferred task."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import Any

from airflow.triggers.base import BaseTrigger

_ON_KILL_SECONDS = 20.0
"""How long `on_kill` itself waits: less than [triggerer] on_kill_timeout, which is 30 unless somebody changes it."""

_stopping: set[asyncio.Task[None]] = set()
"""What `on_kill` has begun: the event loop itself keeps only weak references to its tasks."""


class StoppingTrigger(BaseTrigger):
    """A trigger that stops what it follows when a user marks or clears the deferred task.

    Airflow 3.3 and later tell triggers of it; earlier ones do not.
    """

    stop_on_kill: bool
    _stopping: asyncio.Task[None] | None = None
    _cancelled_by: tuple[Any, ...] = ()
    """What Airflow cancelled `run` with: a subclass notes it."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop it, and wait until it has stopped. Nobody awaits this, so errors must be logged."""

    async def on_kill(self) -> None:
        """Airflow calls this when a user marks or clears the deferred task.

        Airflow goes on cancelling until the trigger is gone, about once a second, and each time what is awaited here
        would be lost: so the work is a task of its own.
        """
        if self.stop_on_kill:
            name = f"stopping for {type(self).__name__}"
            work = self._stopping = asyncio.create_task(self._stop_unless_deferred(), name=name)
            _stopping.add(work)
            work.add_done_callback(_stopping.discard)
            await asyncio.wait({work}, timeout=_ON_KILL_SECONDS)

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

    async def _stop_unless_deferred(self) -> None:
        if await self._is_still_deferred():
            self.log.info(
                "What it follows is left to the task, which is deferred: it was only handed on, or its next try has "
                "taken over."
            )
            return
        self.log.info("A user has ended the task: stopping what it follows.")
        await self.stop()

    async def _is_still_deferred(self) -> bool:
        """Airflow has called on_kill on a mere reassignment (airflow#73454): ask for the state before stopping."""
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
        from asgiref.sync import sync_to_async

        instance = self.task_instance
        if instance is None:
            return True
        try:
            states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
                dag_id=instance.dag_id,
                task_ids=[instance.task_id],
                run_ids=[instance.run_id],
                map_index=instance.map_index,
            )
        except Exception as error:
            self.log.warning("Cannot ask for the task's state, so nothing is stopped: %s", error)
            return True
        of_run = states.get(instance.run_id) or {}
        state = of_run.get(instance.task_id, next(iter(of_run.values()), None))
        return str(state) == "deferred"

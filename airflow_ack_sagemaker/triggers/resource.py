"""`AckResourceTrigger`: follow one resource until its outcome, on the triggerer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_ack_sagemaker.model.freshness import observe, prune
from airflow_ack_sagemaker.model.identity import OURS
from airflow_ack_sagemaker.model.kinds import kind_of
from airflow_ack_sagemaker.model.patience import Goal, Patience, Verdict, judge, next_deadline
from airflow_ack_sagemaker.model.status import Outcome, State, gone
from airflow_ack_sagemaker.model.stopping import CONFIRM_SECONDS, has_ended, stop_report

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.watch import Follower

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
    "ours",
    "echo",
)

_ON_KILL_SECONDS = 20.0
"""How long `on_kill` itself waits: less than [triggerer] on_kill_timeout, which is 30 unless somebody changes it."""

_stopping: set[asyncio.Task[None]] = set()
"""What `on_kill` has begun: the event loop itself keeps only weak references to its tasks."""


class AckResourceTrigger(BaseTrigger):
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
    :param ours: the resource has this package's label, so that a watch of such resources is enough. One that has lost
        it is followed all the same.
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
        ours: bool = False,
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
        self.ours = ours
        self.echo = echo or {}
        self._last: Outcome | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._cancelled_by: tuple[Any, ...] = ()

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in _ARGUMENTS}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follow, judge at each change and at each deadline, fire once."""
        from airflow_ack_sagemaker.exceptions import AirflowException
        from airflow_ack_sagemaker.kube.errors import KubeError

        try:
            outcome, verdict = await self._outcome()
        except asyncio.CancelledError as cancelled:
            self._cancelled_by = cancelled.args
            raise
        except (KubeError, AirflowException) as error:
            yield TriggerEvent({"error": str(error), "echo": self.echo})
            return
        yield TriggerEvent({"outcome": outcome.to_dict(), "verdict": verdict.value, "echo": self.echo})

    async def _outcome(self) -> tuple[Outcome, Verdict]:
        patience, goal = Patience.from_dict(self.patience), Goal(self.goal)
        last = self._unseen()
        async with aclosing(self._follower()) as states:
            while (verdict := judge(last, patience, time.time(), goal=goal)) is None:
                deadline = next_deadline(last, patience)
                try:
                    resource = await states.next(None if deadline is None else max(deadline - time.time(), 0))
                except TimeoutError:
                    continue
                self._last = last = self._read(resource, last)
            return last, verdict

    def _unseen(self) -> Outcome:
        return Outcome(kind=self.kind, name=self.name, namespace=self.namespace or "", state=State.UNSEEN, uid=self.uid)

    def _read(self, resource: dict[str, Any] | None, last: Outcome) -> Outcome:
        if resource is not None and self.uid in (None, resource["metadata"]["uid"]):
            return observe(resource)
        return gone(last) if self.must_exist or last.uid is not None else last

    def _follower(self) -> Follower:
        """The resource now and after each change; None while it is not there."""
        from airflow_ack_sagemaker.hooks.ack import AckHook
        from airflow_ack_sagemaker.kube.watch import follow

        return follow(
            AckHook(self.kubernetes_conn_id).get_async_conn,
            key=self.kubernetes_conn_id,
            kind=kind_of(self.kind),
            namespace=self.namespace,
            name=self.name,
            label_selector=OURS if self.ours else "",
            poll_interval=self.poll_interval,
            prune=prune,
        )

    async def on_kill(self) -> None:
        """Stop the job: Airflow calls this when a user marks or clears the deferred task (3.3 and later).

        Airflow goes on cancelling until the trigger is gone, about once a second, and each time what is awaited here
        would be lost: so the work is a task of its own.
        """
        if self.stop_on_kill:
            work = self._stopping = asyncio.create_task(self._stop(), name=f"stopping {self.kind}/{self.name}")
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

    async def _stop(self) -> None:
        if await self._is_still_deferred():
            self.log.info(
                "%s/%s is left to the task, which is deferred: it was only handed on, or its next try has taken over.",
                self.kind,
                self.name,
            )
            return
        from airflow_ack_sagemaker.hooks.ack import AckHook
        from airflow_ack_sagemaker.kube.errors import NotFound

        self.log.info("A user has ended the task: deleting %s/%s, which stops it.", self.kind, self.name)
        try:
            async with await AckHook(self.kubernetes_conn_id).get_async_conn() as client:
                await client.delete(kind_of(self.kind), self.name, self.namespace, uid=self.uid)
        except NotFound:
            self.log.info("%s/%s is gone already.", self.kind, self.name)
        except Exception as error:  # nobody awaits this task: say it here
            self.log.error("%s/%s could not be stopped and runs on: %s", self.kind, self.name, error)
        else:
            await self._confirm_stopped()

    async def _confirm_stopped(self) -> None:
        from airflow_ack_sagemaker.kube.errors import KubeError

        last, began = self._last or self._unseen(), time.monotonic()
        try:
            async with aclosing(self._follower()) as states:
                while not has_ended(last):
                    resource = await states.next(max(began + CONFIRM_SECONDS - time.monotonic(), 0))
                    last = self._read(resource, last)
        except TimeoutError:
            pass
        except KubeError as error:
            self.log.warning("Cannot look whether %s has stopped: %s", last.resource, error)
        report = self.log.info if has_ended(last) else self.log.warning
        report("%s", stop_report(last, time.monotonic() - began))

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

"""`AckResourceTrigger`: follow one resource until its outcome, on the triggerer."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.freshness import observe, prune
from airflow_ack_sagemaker.core.resource.identity import OURS
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State, gone
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal, Verdict, next_deadline, verdict_of
from airflow_ack_sagemaker.core.run.stopping import has_ended, stop_report
from airflow_ack_sagemaker.triggers.base import StoppingTrigger, follow_stop

if TYPE_CHECKING:
    from airflow_ack_sagemaker.follow.watch import Follower

FIRST_LOOK = 60.0
"""Seconds that a trigger looks at least, whatever its deadlines say: while no triggerer ran, they may have passed, and
what it follows may have ended as it should."""

_ARGUMENTS = (
    "kind",
    "name",
    "namespace",
    "kubernetes_conn_id",
    "uid",
    "deadlines",
    "goal",
    "poll_interval",
    "stop_on_kill",
    "must_exist",
    "ours",
    "echo",
    "definition",
)


class AckResourceTrigger(StoppingTrigger):
    """Fires one event when the resource has its outcome or a deadline has passed.

    All triggers of a triggerer process that follow resources of one kind in one namespace share one watch. The event
    carries the whole outcome (``{"outcome": ..., "verdict": ..., "echo": ...}``), since the resource may be gone before
    the task resumes; where the cluster cannot be asked at all, ``{"error": message}``. The arguments hold no
    credentials: the connection is resolved here.

    :param kind: kind of the resource, for example ``PipelineExecution``.
    :param uid: the very resource that is meant; another one of its name counts as gone. None: whichever there is.
    :param deadlines: `Deadlines` as a dictionary.
    :param goal: ``finished`` or ``started``.
    :param poll_interval: seconds between looks, where the cluster does not allow ``watch``.
    :param stop_on_kill: delete the resource, which stops a job, when a user marks or clears the deferred task (Airflow
        3.3 and later tell triggers of it; earlier ones do not).
    :param must_exist: False: a resource that is not there yet is waited for.
    :param ours: the resource has this package's label, so that a watch of such resources is enough. One that has lost
        it is followed all the same.
    :param echo: small JSON that comes back in the event.
    :param definition: the definition that the execution must run: ``{"sha256", "resource_name", "generation"}``, the
        last being that of the Pipeline at the launch. As soon as SageMaker has taken the execution, the Pipeline is
        looked at; the verdict is ``other_definition`` where the execution may have run another one. It comes back in
        the event, with ``checked``: whether it was looked at.
    """

    def __init__(
        self,
        *,
        kind: str,
        name: str,
        namespace: str | None,
        kubernetes_conn_id: str,
        uid: str | None = None,
        deadlines: dict[str, Any] | None = None,
        goal: str = Goal.FINISHED.value,
        poll_interval: float = 30.0,
        stop_on_kill: bool = False,
        must_exist: bool = True,
        ours: bool = False,
        echo: dict[str, Any] | None = None,
        definition: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.name = name
        self.namespace = namespace
        self.kubernetes_conn_id = kubernetes_conn_id
        self.uid = uid
        self.deadlines = deadlines or {}
        self.goal = goal
        self.poll_interval = poll_interval
        self.stop_on_kill = stop_on_kill
        self.must_exist = must_exist
        self.ours = ours
        self.echo = echo or {}
        self.definition = definition
        self._checked = False
        self._last: Outcome | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in _ARGUMENTS}

    async def payload(self) -> dict[str, Any]:
        """Follow until there is a verdict, which is asked for at each change and at each deadline."""
        deadlines, goal = Deadlines.from_dict(self.deadlines).since(time.time()), Goal(self.goal)
        last, look_by = self._unseen(), time.time() + FIRST_LOOK
        async with aclosing(self._follower()) as states:
            while True:
                verdict = verdict_of(last, deadlines, time.time(), goal=goal)
                if verdict is not None and (self._last is not None or time.time() >= look_by):
                    break
                deadline = next_deadline(last, deadlines, goal=goal)
                if deadline is not None and self._last is None:
                    deadline = max(deadline, look_by)
                try:
                    # No variable holds the resource while the next one is awaited: it takes some 3 KB.
                    last = self._read(
                        await states.next(None if deadline is None else max(deadline - time.time(), 0)), last
                    )
                except TimeoutError:
                    continue
                self._last = last
                if self.definition and last.started and not self._checked and await self._is_another(last):
                    verdict = Verdict.OTHER_DEFINITION
                    break
        return {"outcome": last.to_dict(), "verdict": verdict.value, **self.returned()}

    def returned(self) -> dict[str, Any]:
        """The echo, and the definition."""
        said = {"definition": {**self.definition, "checked": self._checked}} if self.definition else {}
        return {"echo": self.echo, **said}

    async def _is_another(self, last: Outcome) -> bool:
        """Whether the execution, which SageMaker has taken, may have run another definition. One look at the Pipeline,
        where nobody has changed it since the launch; where it cannot be looked at, the task does later.
        """
        from airflow_ack_sagemaker.core.run.definition_ran import generation_of, has_run
        from airflow_ack_sagemaker.hooks.ack import AckHook
        from airflow_ack_sagemaker.kube.errors import Forbidden, KubeError, NotFound

        wanted = self.definition or {}
        try:
            async with await AckHook(self.kubernetes_conn_id).get_async_conn() as client:
                try:
                    pipeline = await client.get(PIPELINE, wanted["resource_name"], self.namespace)
                except NotFound:
                    pipeline = None
                if pipeline is not None and generation_of(pipeline) == wanted["generation"]:
                    self._checked = True
                    return False
                execution = await client.get(kind_of(self.kind), self.name, self.namespace)
        except NotFound:
            return False  # it is gone, which the watch tells
        except Forbidden as error:
            self.log.warning("Which definition %s runs is not checked: %s", last.name, error)
            self._checked = True
            return False
        except KubeError as error:
            self.log.info("Cannot look which definition %s runs; the task looks later: %s", last.name, error)
            return False
        self._checked = True
        return not has_run(execution, pipeline, wanted["sha256"], last)

    def _unseen(self) -> Outcome:
        return Outcome(kind=self.kind, name=self.name, namespace=self.namespace or "", state=State.UNSEEN, uid=self.uid)

    def _read(self, resource: dict[str, Any] | None, last: Outcome) -> Outcome:
        if resource is not None and self.uid in (None, fields.uid(resource)):
            return observe(resource)
        return gone(last) if self.must_exist or last.uid is not None else last

    def _follower(self) -> Follower:
        """The resource now and after each change; None while it is not there."""
        from airflow_ack_sagemaker.follow.watch import follow
        from airflow_ack_sagemaker.hooks.ack import AckHook

        hook = AckHook(self.kubernetes_conn_id)
        return follow(
            hook.get_async_conn,
            cluster=hook.cluster_digest,
            key=self.kubernetes_conn_id,
            kind=kind_of(self.kind),
            namespace=self.namespace,
            name=self.name,
            label_selector=OURS if self.ours else "",
            poll_interval=self.poll_interval,
            prune=prune,
        )

    async def stop(self) -> None:
        """Delete the resource, which stops a job, and follow it until that is confirmed."""
        from airflow_ack_sagemaker.hooks.ack import AckHook
        from airflow_ack_sagemaker.kube.deletion import delete_if_same_async
        from airflow_ack_sagemaker.kube.errors import KubeError

        self.log.info("A user has ended the task: deleting %s/%s, which stops it.", self.kind, self.name)
        try:
            async with await AckHook(self.kubernetes_conn_id).get_async_conn() as client:
                there = await delete_if_same_async(client, kind_of(self.kind), self.name, self.namespace, uid=self.uid)
        except Exception as error:
            self.log.error("%s/%s could not be stopped and runs on: %s", self.kind, self.name, error)
            return
        if not there:
            self.log.info("%s/%s is gone already.", self.kind, self.name)
            return
        last = self._last or self._unseen()
        try:
            last, seconds = await follow_stop(self._follower(), last, self._read)
        except KubeError as error:
            self.log.warning("Cannot look whether %s has stopped: %s", last.resource, error)
            return
        report = self.log.info if has_ended(last) else self.log.warning
        report("%s", stop_report(last, seconds))

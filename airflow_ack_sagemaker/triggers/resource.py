"""`AckResourceTrigger`: follow one resource until its outcome, on the triggerer."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker import metrics
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.freshness import generation_of, observe, prune, written_by_others
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_RAN, OURS
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State, gone
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal, Verdict, next_deadline, noted, verdict_of
from airflow_ack_sagemaker.core.run.stopping import may_run, stop_report
from airflow_ack_sagemaker.kube.server_clock import SteadyClock
from airflow_ack_sagemaker.triggers.base import AGREE, StoppingTrigger, next_outcome

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.server_clock import ServerClock
    from airflow_ack_sagemaker.follow.watch import Follower
    from airflow_ack_sagemaker.kube.client import AsyncKubeClient

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
    "server",
)


class AckResourceTrigger(StoppingTrigger):
    """Fires one event when the resource has its outcome or a deadline has passed.

    All triggers of a triggerer process that follow resources of one kind in one namespace share one watch. The event
    carries the whole outcome (``{"outcome": ..., "verdict": ..., "echo": ...}``), since the resource may be gone before
    the task resumes; where the cluster cannot be asked at all, ``{"error": message}``. The arguments hold no
    credentials: the connection is resolved here.

    ```python
    from airflow_ack_sagemaker.triggers.resource import AckResourceTrigger

    AckResourceTrigger(kind="Endpoint", name="demand", namespace="ml", kubernetes_conn_id="kubernetes_default")
    ```

    :param kind: kind of the resource, for example ``PipelineExecution``.
    :param name: name of the resource.
    :param namespace: namespace of the resource; None: the connection's.
    :param kubernetes_conn_id: connection of type ``kubernetes``.
    :param uid: the very resource that is meant; another one of its name counts as gone. None: whichever there is.
    :param deadlines: `Deadlines` as a dictionary, in seconds of Unix time.
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
    :param server: the API server where the resource was seen, so that another cluster, to which the connection may lead
        by now, is not believed that it is gone. None: it may never have been there.
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
        server: str | None = None,
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
        self.server = server
        self._checked = False
        self._last: Outcome | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in _ARGUMENTS}

    async def payload(self) -> dict[str, Any]:
        """Follow until there is a verdict, which is asked for at each change and at each deadline."""
        now, goal = SteadyClock(), Goal(self.goal)
        deadlines = await self._arrived(now())
        last, look_by = self._unseen(), now() + FIRST_LOOK
        async with aclosing(self._follower()) as states:
            while True:
                verdict = verdict_of(last, deadlines, now(), goal=goal)
                if verdict is not None and (self._last is not None or now() >= look_by):
                    put_off = verdict is not Verdict.REACHED and await self._put_off(deadlines, now())
                    if not put_off:
                        break
                    deadlines = put_off
                    continue
                deadline = next_deadline(last, deadlines, goal=goal)
                if deadline is not None and self._last is None:
                    deadline = max(deadline, look_by)
                try:
                    seconds = None if deadline is None else max(deadline - now(), 0)
                    last = await next_outcome(states, last, self._read, seconds)
                except TimeoutError:
                    continue
                # Only what stands at the first look is as old as its stamp.
                clock = await self._clock() if self._last is None and last.stamp is not None else None
                self._last = last = noted(last, self._last, now(), clock)
                if self.definition and last.started and not self._checked and await self._is_another(last):
                    verdict = Verdict.OTHER_DEFINITION
                    break
        if verdict is Verdict.REACHED and last.finished and last.noted is not None:
            metrics.followed(self.kind, now() - last.noted)
        left = deadlines.handed_over(now()).to_dict()
        return {"outcome": last.to_dict(), "verdict": verdict.value, "deadlines": left, **self.returned()}

    async def _arrived(self, now: float) -> Deadlines:
        """The deadlines on this machine's clock. They were written by another machine, perhaps long ago."""
        written = Deadlines.from_dict(self.deadlines)
        clock = await self._clock() if written.moment is not None and written.moment.doubtful(now) else None
        arrived = written.read_at(now, clock)
        if written.told is not None and arrived.told is not None:
            self.tell_of_clocks(arrived.told - written.told)
        return arrived.since(now)

    async def _put_off(self, deadlines: Deadlines, now: float) -> Deadlines | None:
        """Later deadlines, where the API server's clock says that less time has passed than this machine's does."""
        if deadlines.told is None or deadlines.told_server is None:
            return None
        later = deadlines.read_at(now, await self._clock())
        if later.told is None or later.told - deadlines.told <= AGREE:
            return None
        self.tell_of_clocks(later.told - deadlines.told)
        return later

    async def _clock(self) -> ServerClock | None:
        return await self.server_clock(self.kubernetes_conn_id, kind_of(self.kind), self.name, self.namespace)

    def returned(self) -> dict[str, Any]:
        """The echo, and the definition."""
        said = {"definition": {**self.definition, "checked": self._checked}} if self.definition else {}
        return {"echo": self.echo, **said}

    async def _is_another(self, last: Outcome) -> bool:
        """Whether the execution, which SageMaker has taken, may have run another definition. One look at the Pipeline,
        where nobody has changed it since the launch; where it cannot be looked at, the task does later.

        Where others than this package change the Pipeline, what is proven is written on the execution: after another
        change, a triggerer that begins anew could not prove it any more.
        """
        from airflow_ack_sagemaker.core.run.definition_ran import has_run, is_known
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
                    if written_by_others(pipeline):
                        await self._mark(client, wanted["sha256"])
                    return False
                execution = await client.get(kind_of(self.kind), self.name, self.namespace)
                self._checked = True
                if not has_run(execution, pipeline, wanted["sha256"], last):
                    return True
                if not is_known(execution, wanted["sha256"]):
                    await self._mark(client, wanted["sha256"])
                return False
        except NotFound:
            return False  # it is gone, which the watch tells
        except Forbidden as error:
            self.log.warning("Which definition %s runs is not checked: %s", last.name, error)
            self._checked = True
            return False
        except KubeError as error:
            self.log.info("Cannot look which definition %s runs; the task looks later: %s", last.name, error)
            return False

    async def _mark(self, client: AsyncKubeClient, sha256: str) -> None:
        from airflow_ack_sagemaker.kube.errors import KubeError

        body = {"metadata": {"annotations": {ANNOTATION_RAN: sha256}}}
        try:
            await client.patch(kind_of(self.kind), self.name, body, self.namespace)
        except KubeError as error:  # it is proven, for this triggerer at least
            self.log.info("Cannot write on %s which definition it runs: %s", self.name, error)

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
            uid=self.uid,
            server=self.server,
        )

    async def stop(self) -> None:
        """Delete the resource, which stops a job, and follow it until that is confirmed."""
        from airflow_ack_sagemaker.hooks.ack import AckHook
        from airflow_ack_sagemaker.kube.deletion import delete_if_same_async

        self.log.info("A user has ended the task: deleting %s/%s, which stops it.", self.kind, self.name)

        async def delete() -> bool:
            async with await AckHook(self.kubernetes_conn_id).get_async_conn() as client:
                return await delete_if_same_async(client, kind_of(self.kind), self.name, self.namespace, uid=self.uid)

        stopped = await self.stop_one(self._follower(), self._last or self._unseen(), self._read, delete)
        if stopped is not None:
            report = self.log.warning if may_run(stopped[0]) else self.log.info
            report("%s", stop_report(*stopped))

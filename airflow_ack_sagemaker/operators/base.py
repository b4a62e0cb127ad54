"""What all operators here share: the connection, the three waits, and how an ending becomes a result or an error."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator

from airflow_ack_sagemaker.compat import default_deferrable
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from airflow_ack_sagemaker.core.run.deadlines import RECONCILE_TIMEOUT, RECOVERABLE_TIMEOUT, Deadlines, Goal, Verdict
from airflow_ack_sagemaker.hooks.ack import DEFAULT_CONN_ID, AckHook
from airflow_ack_sagemaker.templates import TextTemplates

HISTORY_LIMIT = 10
"""Finished executions of a task's earlier runs that stay in the cluster, unless told otherwise."""

KEEP_REPORTED = timedelta(hours=1)
"""How long one stays in any case, beyond the time between two tries: Airflow notices a lost worker within minutes."""

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.core.resource.identity import RunIdentity
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.runs.collect import History

Seconds = float | timedelta | None


class AckOperator(TextTemplates, BaseOperator):
    """Base of the operators that make or follow one resource.

    :param kubernetes_conn_id: connection of type ``kubernetes``, as the cncf provider defines it.
    :param namespace: namespace of the resource; None: the connection's.
    :param wait_for_completion: follow the resource to its end; False: only until SageMaker has it.
    :param deferrable: wait on the triggerer, so that no worker slot is held; None: as ``[operators]
        default_deferrable`` says, where that is set, else True.
    :param poll_interval: seconds between looks, where the cluster does not allow ``watch``.
    :param reconcile_timeout: seconds (or timedelta) until a resource that no controller touches is an error; None:
        never.
    :param recoverable_timeout: seconds (or timedelta) that the controller may try in vain (``ACK.Recoverable``), from
        the start of the try, or that SageMaker may say a status that is not known here; None: for ever.
    :param timeout: seconds (or timedelta) that the whole may take, counted from the resource's creation; None: for
        ever.
    """

    template_fields: Sequence[str] = ("kubernetes_conn_id", "namespace")

    def __init__(
        self,
        *,
        kubernetes_conn_id: str = DEFAULT_CONN_ID,
        namespace: str | None = None,
        wait_for_completion: bool = True,
        deferrable: bool | None = None,
        poll_interval: float = 30.0,
        reconcile_timeout: Seconds = RECONCILE_TIMEOUT,
        recoverable_timeout: Seconds = RECOVERABLE_TIMEOUT,
        timeout: Seconds = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kubernetes_conn_id = kubernetes_conn_id
        self.namespace = namespace
        self.wait_for_completion = wait_for_completion
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self.poll_interval = poll_interval
        self.reconcile_timeout = reconcile_timeout
        self.recoverable_timeout = recoverable_timeout
        self.timeout = timeout

    @contextmanager
    def cluster(self) -> Iterator[KubeClient]:
        """A client of the cluster; what is refused becomes one clear Airflow error."""
        from airflow_ack_sagemaker.core.definition.parse import DefinitionError
        from airflow_ack_sagemaker.core.resource.manifest import SpecError
        from airflow_ack_sagemaker.exceptions import AckClusterError, AckInputError
        from airflow_ack_sagemaker.kube.errors import KubeError

        with AckHook(self.kubernetes_conn_id).get_conn() as client:
            try:
                yield client
            except (SpecError, DefinitionError) as error:
                raise AckInputError(str(error)) from error
            except KubeError as error:
                raise AckClusterError(str(error)) from error

    def deadlines(self, *, created: float | None = None) -> Deadlines:
        """The waits of this try: the first two from now on, the whole run from ``created`` (Unix time in seconds)."""
        now = time.time()
        reconcile, recover, whole = map(seconds, (self.reconcile_timeout, self.recoverable_timeout, self.timeout))
        return Deadlines(
            reconcile_by=None if reconcile is None else now + reconcile,
            recover_by=None if recover is None else now + recover,
            finish_by=None if whole is None else (created or now) + whole,
            unknown_seconds=recover,
        )

    def follow(
        self,
        client: KubeClient,
        kind: Kind,
        name: str,
        *,
        namespace: str,
        uid: str | None,
        deadlines: Deadlines,
        goal: Goal = Goal.FINISHED,
    ) -> tuple[Outcome, Verdict]:
        """Wait in this process. What changes is logged, what repeats is not."""
        from airflow_ack_sagemaker.follow.until import wait

        return wait(
            client,
            kind,
            name,
            namespace=namespace,
            uid=uid,
            deadlines=deadlines,
            goal=goal,
            poll_interval=self.poll_interval,
            on_change=self.log_outcome,
        )

    def defer_until(
        self,
        outcome: Outcome,
        *,
        deadlines: Deadlines,
        goal: Goal = Goal.FINISHED,
        stop_on_kill: bool = False,
        ours: bool = False,
        echo: Mapping[str, Any] | None = None,
    ) -> NoReturn:
        """Hand the waiting to the triggerer; ``execute_complete`` goes on with the event.

        :param ours: this package has made the resource, so the triggerer's watch of such resources shows it.
        :param echo: small JSON that comes back in the event, since nothing set on ``self`` survives.
        """
        from airflow_ack_sagemaker.triggers.resource import AckResourceTrigger

        self.log.info("Waiting for %s on the triggerer.", outcome.resource)
        timeout = None
        if deadlines.finish_by is not None:
            # Past our own deadline, so that the trigger speaks first: Airflow's timeout knows no reason.
            timeout = timedelta(seconds=max(deadlines.finish_by - time.time(), 0) + 120)
        self.defer(
            trigger=AckResourceTrigger(
                kind=outcome.kind,
                name=outcome.name,
                namespace=outcome.namespace,
                uid=outcome.uid,
                kubernetes_conn_id=self.kubernetes_conn_id,
                deadlines=deadlines.to_dict(),
                goal=goal.value,
                poll_interval=self.poll_interval,
                stop_on_kill=stop_on_kill,
                ours=ours,
                echo=dict(echo or {}),
            ),
            method_name="execute_complete",
            timeout=timeout,
        )

    def log_outcome(self, outcome: Outcome) -> None:
        """One line for a change."""
        said = f", SageMaker says {outcome.sagemaker_status}" if outcome.sagemaker_status else ""
        self.log.info(
            "%s: %s%s%s", outcome.resource, outcome.state, said, f" ({outcome.reason})" if outcome.reason else ""
        )
        if outcome.warning:
            self.log.warning("%s: %s", outcome.resource, outcome.warning)

    def push_link(self, context: Context, arn: str | None) -> None:
        """Leave the ARN for the link to the console."""
        from airflow_ack_sagemaker.links import XCOM_ARN

        if arn and self.do_xcom_push:
            context["ti"].xcom_push(key=XCOM_ARN, value=arn)


class Killed(BaseException):
    """SIGTERM has arrived. Not an Exception, so that nothing on the way up takes it for an error of the cluster."""


class AckLaunchOperator(AckOperator):
    """Base of the operators that launch executions of a pipeline.

    :param pipeline_name: name (or ARN) of the pipeline in SageMaker. Its Pipeline resource, where this namespace has
        one, must be synced and says which parameters there are.
    :param pipeline_resource_name: name of the Pipeline resource; None: the pipeline's name in lower case.
    :param description: description in SageMaker.
    :param max_parallel_steps: limit of steps that run at once, instead of the pipeline's own.
    :param pipeline_version_id: version of the pipeline to run; None: the latest.
    :param region: AWS region; None: the controller's.
    :param on_timeout: what becomes of an execution whose ``timeout`` is over: ``leave`` (it runs on, a retry attaches
        to it) or ``stop``.
    :param aws_conn_id: connection to ask SageMaker about the steps of a failed execution; None, or no permission: not
        asked.
    :param execution_history_limit: how many finished executions of this task's earlier runs stay in the cluster when it
        launches; each costs the controller an AWS call a minute, and SageMaker keeps the executions themselves.
        ``auto``: 10, and of a mapped task none; None: all.
    :param execution_ttl: age (seconds or timedelta) since its end after which such an execution goes; None: no limit.
        One that a task reported within the last hour (and ``retry_delay``) stays in any case.
    """

    template_fields: Sequence[str] = (
        *AckOperator.template_fields,
        "pipeline_name",
        "pipeline_resource_name",
        "description",
        "pipeline_version_id",
        "region",
        "aws_conn_id",
        "execution_history_limit",
    )

    def __init__(
        self,
        *,
        pipeline_name: str,
        pipeline_resource_name: str | None = None,
        description: str | None = None,
        max_parallel_steps: int | None = None,
        pipeline_version_id: int | str | None = None,
        region: str | None = None,
        on_timeout: str = "leave",
        aws_conn_id: str | None = "aws_default",
        execution_history_limit: int | str | None = "auto",
        execution_ttl: Seconds = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if on_timeout not in ("leave", "stop"):
            raise ValueError(f"on_timeout {on_timeout!r} must be 'leave' or 'stop'.")
        self.pipeline_name = pipeline_name
        self.pipeline_resource_name = pipeline_resource_name
        self.description = description
        self.max_parallel_steps = max_parallel_steps
        self.pipeline_version_id = pipeline_version_id
        self.region = region
        self.on_timeout = on_timeout
        self.aws_conn_id = aws_conn_id
        self.execution_history_limit = execution_history_limit
        self.execution_ttl = execution_ttl

    def on_kill(self) -> None:
        """Airflow calls this on SIGTERM, and when ``execution_timeout`` is over: only the former may mean that a user
        ends the task.

        It runs in a signal handler, so it only leaves what the task was doing; `stopped_by_user` then asks Airflow
        whether it was a user.
        """
        import sys

        from airflow_ack_sagemaker.compat import AirflowTaskTimeout

        if not isinstance(sys.exc_info()[1], AirflowTaskTimeout):
            raise Killed

    @contextmanager
    def stopped_by_user(self, context: Context, client: KubeClient, identity: RunIdentity) -> Iterator[None]:
        """Stop all that this run has launched when a user ends the task meanwhile; whatever else ends it stops
        nothing.
        """
        from airflow_ack_sagemaker.runs.launch import stop_run

        try:
            yield
        except Killed:
            if ended_by_user(context):
                stop_run(client, self.namespace or client.namespace, identity, log=self.log)
            raise

    def version(self) -> int | None:
        """The pipeline's version as SageMaker wants it. :raises SpecError: it is none."""
        from airflow_ack_sagemaker.core.resource.manifest import SpecError

        version = self.pipeline_version_id
        try:
            return None if version is None else int(version)
        except (TypeError, ValueError):
            raise SpecError(f"pipeline_version_id {version!r} must be an integer.") from None

    def history(self, identity: RunIdentity) -> History:
        """How much of this task's earlier runs stays. :raises AckInputError: the limit is no number."""
        from airflow_ack_sagemaker.runs.collect import History

        limit, ttl = self.execution_history_limit, seconds(self.execution_ttl)
        if limit == "auto":
            limit = HISTORY_LIMIT if identity.map_index < 0 else 0
        between_tries = max(seconds(self.retry_delay) or 0.0, seconds(self.max_retry_delay) or 0.0)
        return History(
            limit=history_limit(limit),
            ttl=None if ttl is None else timedelta(seconds=ttl),
            keep_reported=KEEP_REPORTED + timedelta(seconds=between_tries),
        )


def history_limit(limit: int | str | None) -> int | None:
    """The number; None for none.

    :raises AckInputError: it is no integer of at least 0.
    """
    from airflow_ack_sagemaker.exceptions import AckInputError

    if limit is None:
        return None
    try:
        number = int(limit)
    except ValueError:
        number = -1
    if number < 0:
        raise AckInputError(f"execution_history_limit {limit!r} must be an integer of at least 0.")
    return number


def run_of(context: Context) -> tuple[RunIdentity, int]:
    """The task instance's identity, and the number of its first try since it was last cleared."""
    from airflow_ack_sagemaker.core.resource.identity import RunIdentity

    ti = context["ti"]
    identity = RunIdentity(ti.dag_id, ti.run_id, ti.task_id, ti.map_index if ti.map_index is not None else -1)
    # As airflow.sdk counts it (RuntimeTaskInstance.get_first_reschedule_date): a clear adds the task's retries to its
    # tries so far. Never beyond this try, should the DAG's retries have been lowered since: that is no clear.
    return identity, min(max(ti.max_tries - (ti.task.retries or 0) + 1, 1), ti.try_number)


def ended_by_user(context: Context) -> bool:
    """Whether Airflow no longer has this try as running.

    A shutdown of the worker leaves it so, a user's mark or clear does not.
    """
    ti = context["ti"]
    try:
        states = ti.get_task_states(
            dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index
        )
        of_run = states.get(ti.run_id) or {}
    except Exception:  # unknown: healthy work is not killed on a guess
        return False
    return str(next(iter(of_run.values()), None)) != "running"


def read_event(event: Mapping[str, Any] | None) -> tuple[Outcome, Verdict, dict[str, Any]]:
    """Outcome, verdict and echo of a trigger's event.

    :raises AckClusterError: the trigger could not ask the cluster, or there is no event.
    """
    from airflow_ack_sagemaker.exceptions import AckClusterError

    if not event or "error" in event:
        raise AckClusterError((event or {}).get("error", "The task was resumed without a trigger event."))
    return Outcome.from_dict(event["outcome"]), Verdict(event["verdict"]), dict(event.get("echo") or {})


def raise_unless_succeeded(
    outcome: Outcome, verdict: Verdict, *, details: str = "", goal: Goal = Goal.FINISHED
) -> None:
    """Return for a success, else raise the class that says how it ended.

    :param details: more lines for the message, for example the failed steps.
    """
    from airflow_ack_sagemaker.core.run.endings import ending

    succeeded = outcome.state is State.SUCCEEDED or (goal is Goal.STARTED and not outcome.finished)
    if verdict is Verdict.REACHED and succeeded:
        return
    message = ending(outcome, verdict)
    raise error_of(outcome, verdict)(f"{message}\n{details}" if details else message)


def error_of(outcome: Outcome, verdict: Verdict | None) -> type[Exception]:
    """The class that says how what has not succeeded has ended."""
    from airflow_ack_sagemaker import exceptions

    by_verdict: dict[Verdict | None, type[Exception]] = {
        Verdict.NOT_RECONCILED: exceptions.AckNotReconciled,
        Verdict.STUCK: exceptions.AckStuckRecoverable,
        Verdict.TIMED_OUT: exceptions.AckTimeout,
    }
    by_state: dict[State, type[Exception]] = {
        State.FAILED: exceptions.AckExecutionFailed,
        State.STOPPED: exceptions.AckExecutionStopped,
        State.REFUSED: exceptions.AckResourceRefused,
        State.GONE: exceptions.AckResourceGone,
    }
    return by_verdict.get(verdict) or by_state.get(outcome.state, exceptions.AckExecutionFailed)


def seconds(value: Seconds) -> float | None:
    """A duration in seconds."""
    return value.total_seconds() if isinstance(value, timedelta) else value

"""What all operators here share: the connection, the three waits, and how an ending becomes a result or an error."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator, get_current_context

from airflow_ack_sagemaker.compat import default_deferrable
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.server_clock import ServerClock
from airflow_ack_sagemaker.core.resource.server_clock import age as server_age
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from airflow_ack_sagemaker.core.resource.times import time_or_none
from airflow_ack_sagemaker.core.run.deadlines import (
    RECONCILE_TIMEOUT,
    RECOVERABLE_TIMEOUT,
    Deadlines,
    Goal,
    Verdict,
    finish_by,
    seconds_late,
    timed_out_before,
)
from airflow_ack_sagemaker.hooks.ack import DEFAULT_CONN_ID, AckHook
from airflow_ack_sagemaker.kube.server_clock import clock_of
from airflow_ack_sagemaker.templates import TextTemplates

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.follow.until import Judge
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.runs.look import Run

Seconds = float | timedelta | None


class AckOperator(TextTemplates, BaseOperator):
    """Base of the operators that make or follow one resource.

    ```python
    from datetime import timedelta

    from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

    AckPipelineExecutionOperator(
        task_id="retrain",
        pipeline_name="demand",
        namespace="ml",
        reconcile_timeout=120,  # seconds
        timeout=timedelta(hours=6),
    )
    ```

    :param kubernetes_conn_id: connection of type ``kubernetes``, as the cncf provider defines it.
    :param namespace: namespace of the resource; None: the connection's.
    :param wait_for_completion: follow the resource to its end; False: only until SageMaker has it.
    :param deferrable: wait on the triggerer, so that no worker slot is held; None: as the environment's
        ``AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE`` says, where that is set, else True.
    :param poll_interval: seconds between looks, where the cluster does not allow ``watch``.
    :param reconcile_timeout: seconds (or timedelta) until a resource that no controller touches is an error; None:
        never.
    :param recoverable_timeout: seconds (or timedelta) that the controller may try in vain (``ACK.Recoverable``), from
        the start of the try, or that SageMaker may say a status that is not known here; None: for ever.
    :param timeout: seconds (or timedelta) that the whole may take, counted from the creation of an execution or a
        job, and from the start of the try for what is kept; None: for ever. A retry after a timeout waits as long anew.
    :raises AckError: by its class, how it has ended, where that is no success (`airflow_ack_sagemaker.exceptions`).
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
        self._left: Deadlines | None = None

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

    def deadlines(self, *, age: float | None = None) -> Deadlines:
        """The waits of this try: the first two from now on, the whole run from the resource's creation.

        :param age: of the resource, in seconds; None: not known, which counts the whole from now on, too.
        """
        now = time.time()
        reconcile, recover, whole = map(seconds, (self.reconcile_timeout, self.recoverable_timeout, self.timeout))
        if timed_out_before(whole, age=age):
            self.log.info("The timeout of %.0f s was over before this try: it waits as long anew.", whole)
        return Deadlines(
            reconcile_by=None if reconcile is None else now + reconcile,
            recover_by=None if recover is None else now + recover,
            finish_by=finish_by(whole, age=age, begun=now),
            unknown_seconds=recover,
        ).since(now)

    def age_of(self, client: KubeClient, outcome: Outcome, run: Run) -> float | None:
        """How old a resource is that an earlier try of this run has made, in seconds; None: not known, or of no use.

        The API server's own clock is asked, by one request: this machine's may differ from it.
        """
        created = time_or_none(outcome.created)
        if self.timeout is None or created is None or outcome.finished:
            return None
        clock = clock_of(client, kind_of(outcome.kind), outcome.name, outcome.namespace, log=self.log)
        now = time.time()
        found = server_age(created.timestamp(), now, clock, most=run.tried.seconds_since_start(now))
        if found is None and clock is not None:
            self.log.info(
                "%s was created in the future of the API server's clock, which was set back: its timeout counts from "
                "now.",
                outcome.resource,
            )
        return found

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
        until: float | None = None,
        judge: Judge | None = None,
    ) -> tuple[Outcome, Verdict]:
        """Wait in this process. What changes is logged, what repeats is not.

        :param until: see `follow.until.wait`, as for ``judge``.
        """
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
            until=until,
            on_change=self.log_outcome,
            judge=judge,
        )

    def defer_until(
        self,
        client: KubeClient,
        outcome: Outcome,
        *,
        deadlines: Deadlines,
        goal: Goal = Goal.FINISHED,
        stop_on_kill: bool = False,
        ours: bool = False,
        echo: Mapping[str, Any] | None = None,
        definition: Mapping[str, Any] | None = None,
        rollout: Mapping[str, Any] | None = None,
    ) -> NoReturn:
        """Hand the waiting to the triggerer; ``execute_complete`` goes on with the event.

        :param ours: this package has made the resource, so the triggerer's watch of such resources shows it.
        :param echo: small JSON that comes back in the event, since nothing set on ``self`` survives.
        :param definition: as for `AckResourceTrigger`.
        :param rollout: as for `AckEndpointTrigger`, which then waits.
        """
        from airflow_ack_sagemaker.triggers.endpoint import AckEndpointTrigger
        from airflow_ack_sagemaker.triggers.resource import AckResourceTrigger

        self.log.info("Waiting for %s on the triggerer.", outcome.resource)
        clock = clock_of(client, kind_of(outcome.kind), outcome.name, outcome.namespace, log=self.log)
        deadlines = replace(deadlines, execution_by=self.execution_by()).since(time.time())
        deadlines = deadlines.handed_over(time.time(), clock)
        timeout = None
        ends = [end for end in (deadlines.finish_by, deadlines.execution_by) if end is not None]
        if ends:
            # Past our own deadline, so that the trigger speaks first: Airflow's timeout knows no reason.
            timeout = timedelta(seconds=max(min(ends) - time.time(), 0) + 120)
        arguments: dict[str, Any] = {
            "kind": outcome.kind,
            "name": outcome.name,
            "namespace": outcome.namespace,
            "uid": outcome.uid,
            "kubernetes_conn_id": self.kubernetes_conn_id,
            "deadlines": deadlines.to_dict(),
            "goal": goal.value,
            "poll_interval": self.poll_interval,
            "stop_on_kill": stop_on_kill,
            "ours": ours,
            "echo": dict(echo or {}),
            "definition": dict(definition) if definition else None,
            "server": client.config.server if outcome.uid is not None else None,
        }
        self.defer(
            trigger=(
                AckResourceTrigger(**arguments)
                if rollout is None
                else AckEndpointTrigger(**arguments, rollout=dict(rollout))
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

    def log_if_late(self, outcome: Outcome) -> None:
        """One line for a success that has come after ``timeout``, which an earlier try has told of."""
        late = seconds_late(seconds(self.timeout), outcome)
        if late:
            self.log.warning("%s has succeeded after all, some %.0f s after its timeout.", outcome.resource, late)

    def execution_by(self) -> float | None:
        """When ``execution_timeout`` is over, as Unix time; None: never. It counts over all deferrals of the try."""
        return execution_ends(self.execution_timeout) if self._left is None else self._left.execution_by

    def resumed(self, event: Mapping[str, Any] | None) -> tuple[Outcome, Verdict, dict[str, Any]]:
        """As `read_event`. The deadlines come with it, since Airflow 3.1 gives a resumed try a start of its own."""
        found = read_event(event)
        self._left = left_of(event)
        return found

    def push_link(self, context: Context, arn: str | None) -> None:
        """Leave the ARN for the link to the console."""
        from airflow_ack_sagemaker.links import XCOM_ARN

        if arn and self.do_xcom_push:
            context["ti"].xcom_push(key=XCOM_ARN, value=arn)


def execution_ends(execution_timeout: timedelta | None) -> float | None:
    """When a task's ``execution_timeout`` is over, as Unix time: Airflow does not enforce it while a task is deferred.

    To be asked before the first deferral of a try: Airflow 3.1 counts from the last one then.
    """
    if execution_timeout is None:
        return None
    ends: float = (get_current_context()["ti"].start_date + execution_timeout).timestamp()
    return ends


def left_of(event: Mapping[str, Any] | None) -> Deadlines | None:
    """The deadlines of a trigger's event on this machine's clock; None: it has none."""
    told = (event or {}).get("deadlines")
    if not told:
        return None
    left, now = Deadlines.from_dict(told), time.time()
    if left.moment is not None and left.moment.server is not None and left.moment.doubtful(now):
        # The clocks differ, or the task has waited for its place: then that counts for nothing.
        return left.read_at(now, ServerClock(left.moment.server - now))
    return left.read_at(now)


def read_event(event: Mapping[str, Any] | None) -> tuple[Outcome, Verdict, dict[str, Any]]:
    """Outcome, verdict and echo of a trigger's event.

    :raises AckClusterError: the trigger could not ask the cluster, or there is no event.
    :raises AirflowTaskTimeout: ``execution_timeout`` was over; what the task followed is left as it is.
    """
    from airflow_ack_sagemaker.compat import AirflowTaskTimeout
    from airflow_ack_sagemaker.core.run.endings import ending
    from airflow_ack_sagemaker.exceptions import AckClusterError

    if not event or "error" in event:
        raise AckClusterError((event or {}).get("error", "The task was resumed without a trigger event."))
    outcome, verdict = Outcome.from_dict(event["outcome"]), Verdict(event["verdict"])
    if verdict is Verdict.EXECUTION_TIMED_OUT:
        raise AirflowTaskTimeout(ending(outcome, verdict))
    return outcome, verdict, dict(event.get("echo") or {})


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

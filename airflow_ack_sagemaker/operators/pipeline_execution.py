"""`AckPipelineExecutionOperator`: launch an execution once per run, follow it, end with its true outcome."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.links import SageMakerPipelineExecutionLink
from airflow_ack_sagemaker.model.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.model.patience import Goal, Verdict, goes_on, judge
from airflow_ack_sagemaker.model.status import Outcome, State
from airflow_ack_sagemaker.operators.base import AckOperator, raise_unless_succeeded, read_event

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.kube.executions import Launch
    from airflow_ack_sagemaker.model.identity import RunIdentity
    from airflow_ack_sagemaker.model.manifest import ExecutionSpec


class _Killed(BaseException):
    """SIGTERM has arrived. Not an Exception, so that nothing on the way up takes it for an error of the cluster."""


class AckPipelineExecutionOperator(AckOperator):
    """Launch an execution of a SageMaker pipeline through an ACK ``PipelineExecution`` resource and follow it to its
    end.

    One run launches one execution, whatever dies: the resource has the name of the run, each try first looks for what
    an earlier one has made, and only a failure that was reported, or a user's clear, launches another
    (``airflow_ack_sagemaker.model.launch`` has the whole table). A user who marks or clears the task stops the
    execution; a restart, a lost worker or a timeout never does.

    The result (XCom ``return_value``) is ``{"name", "namespace", "pipeline_name", "arn", "status", "attempt",
    "parameters", "definition_sha256", "definition_source", "definition_version_id"}`` (the last three as the Pipeline
    resource has them); it is also the ``extra`` of the events of the task's outlet assets.

    :param pipeline_name: name (or ARN) of the pipeline in SageMaker. Its Pipeline resource, where this namespace has
        one, must be synced and says which parameters there are.
    :param parameters: values of the pipeline's parameters: strings, numbers, booleans.
    :param display_name: display name in SageMaker; None: the resource's name, which is unique.
    :param description: description in SageMaker.
    :param max_parallel_steps: limit of steps that run at once, instead of the pipeline's own.
    :param pipeline_version_id: version of the pipeline to run; None: the latest.
    :param selected_steps: run only these steps, with ``source_execution_arn`` for what the others had made.
    :param source_execution_arn: see ``selected_steps``.
    :param pipeline_resource_name: name of the Pipeline resource; None: the pipeline's name in lower case.
    :param region: AWS region; None: the controller's.
    :param on_timeout: what becomes of an execution whose ``timeout`` is over: ``leave`` (it runs on, a retry attaches
        to it) or ``stop``.
    :param aws_conn_id: connection to ask SageMaker which step failed, after a failure; None, or no permission: not
        asked.
    :param report_duplicates: after the end, ask SageMaker (``aws_conn_id``; one ListPipelineExecutions) whether the
        controller has started this execution twice, which it can when it crashes: warns, and adds ``duplicates`` (ARNs)
        to the result. Not with a ``display_name`` of your own, by which they are told.

    Raises `AckInputError` for what cannot work (nothing is created then), `AckExecutionFailed`, `AckExecutionStopped`,
    `AckResourceRefused`, `AckResourceGone`, `AckNotReconciled`, `AckStuckRecoverable`, `AckTimeout` and
    `AckClusterError` (see `airflow_ack_sagemaker.exceptions`). What `AckNotReconciled` and `AckStuckRecoverable` give
    up is withdrawn, so that it does not start hours later, unheard. See `AckOperator` for the waits.
    """

    template_fields: Sequence[str] = (
        *AckOperator.template_fields,
        "pipeline_name",
        "parameters",
        "display_name",
        "description",
        "pipeline_version_id",
        "selected_steps",
        "source_execution_arn",
        "pipeline_resource_name",
        "region",
        "aws_conn_id",
    )
    template_fields_renderers = {"parameters": "json"}  # noqa: RUF012 (Airflow declares it so)
    operator_extra_links = (SageMakerPipelineExecutionLink(),)
    ui_color = "#e8f7ee"

    def __init__(
        self,
        *,
        pipeline_name: str,
        parameters: Mapping[str, Any] | None = None,
        display_name: str | None = None,
        description: str | None = None,
        max_parallel_steps: int | None = None,
        pipeline_version_id: int | str | None = None,
        selected_steps: Sequence[str] | None = None,
        source_execution_arn: str | None = None,
        pipeline_resource_name: str | None = None,
        region: str | None = None,
        on_timeout: str = "leave",
        aws_conn_id: str | None = "aws_default",
        report_duplicates: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if on_timeout not in ("leave", "stop"):
            raise ValueError(f"on_timeout {on_timeout!r} must be 'leave' or 'stop'.")
        self.pipeline_name = pipeline_name
        self.parameters = parameters
        self.display_name = display_name
        self.description = description
        self.max_parallel_steps = max_parallel_steps
        self.pipeline_version_id = pipeline_version_id
        self.selected_steps = selected_steps
        self.source_execution_arn = source_execution_arn
        self.pipeline_resource_name = pipeline_resource_name
        self.region = region
        self.on_timeout = on_timeout
        self.aws_conn_id = aws_conn_id
        self.report_duplicates = report_duplicates

    def execute(self, context: Context) -> dict[str, Any]:
        """Look, launch or attach, wait."""
        from airflow_ack_sagemaker.kube.executions import launch
        from airflow_ack_sagemaker.kube.stopping import KILL_SECONDS, confirm_stopped

        identity, first_try = _run_of(context)
        launched: Launch | None = None
        with self.cluster() as client:
            namespace = self.namespace or client.namespace
            try:
                launched = launch(
                    client,
                    self._spec(),
                    namespace,
                    identity,
                    first_try=first_try,
                    pipeline_resource_name=self.pipeline_resource_name,
                    log=self.log,
                )
                self.push_link(context, launched.outcome.arn)
                return self._wait(context, client, launched)
            except _Killed:
                if launched is not None and _ended_by_user(context):
                    self.log.info("A user has ended the task: deleting %s, which stops it.", launched.outcome.resource)
                    client.delete(PIPELINE_EXECUTION, launched.outcome.name, namespace, uid=launched.outcome.uid)
                    confirm_stopped(client, launched.outcome, log=self.log, seconds=KILL_SECONDS)
                raise

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a deferral, from the event alone: the resource may be gone by now."""
        outcome, verdict, facts = read_event(event)
        self.log_outcome(outcome)
        with self.cluster() as client:
            return self._finish(context, client, outcome, verdict, facts, Goal.FINISHED)

    def on_kill(self) -> None:
        """Airflow calls this on SIGTERM, and when ``execution_timeout`` is over: only the former may mean that a user
        ends the task.

        It runs in a signal handler, so it only leaves what the task was doing; `execute` then asks Airflow whether it
        was a user.
        """
        import sys

        from airflow_ack_sagemaker.exceptions import AirflowTaskTimeout

        if not isinstance(sys.exc_info()[1], AirflowTaskTimeout):
            raise _Killed

    def _wait(self, context: Context, client: KubeClient, launched: Launch) -> dict[str, Any]:
        outcome, facts = launched.outcome, launched.facts
        patience = self.patience(created=launched.created)
        goal = Goal.FINISHED if self.wait_for_completion else Goal.STARTED
        verdict = judge(outcome, patience, time.time(), goal=goal)
        if verdict is None and self.deferrable and goal is Goal.FINISHED:
            self.defer_until(outcome, patience=patience, stop_on_kill=True, ours=True, echo=facts)
        if verdict is None:
            outcome, verdict = self.follow(
                client,
                PIPELINE_EXECUTION,
                outcome.name,
                namespace=outcome.namespace,
                uid=outcome.uid,
                patience=patience,
                goal=goal,
            )
        return self._finish(context, client, outcome, verdict, facts, goal)

    def _finish(
        self,
        context: Context,
        client: KubeClient,
        outcome: Outcome,
        verdict: Verdict,
        facts: Mapping[str, Any],
        goal: Goal,
    ) -> dict[str, Any]:
        from airflow_ack_sagemaker.kube.executions import record, withdraw
        from airflow_ack_sagemaker.kube.stopping import confirm_stopped

        self.push_link(context, outcome.arn)
        details = ""
        extra: dict[str, Any] = {}
        if verdict in (Verdict.NOT_RECONCILED, Verdict.STUCK):
            now = withdraw(client, outcome, log=self.log)
            if now is not None:
                if goes_on(verdict, now):
                    return self._go_on(context, client, now, facts)
                details = "SageMaker knows it already, so it is left as it is; a retry attaches to it."
        elif verdict is Verdict.TIMED_OUT:
            if self.on_timeout == "stop":
                self.log.warning("Timed out: deleting %s, which stops it (on_timeout='stop').", outcome.resource)
                withdraw(client, outcome, log=self.log, even_if_started=True)
                details = confirm_stopped(client, outcome, log=self.log)
            else:
                details = "It is left running (on_timeout='leave'); a retry attaches to it."
        else:
            record(client, outcome, try_number=context["ti"].try_number, log=self.log)
            if self.report_duplicates and self.display_name is None:
                from airflow_ack_sagemaker.aws.executions import report_duplicates

                extra["duplicates"] = report_duplicates(
                    outcome, facts["pipeline_name"], aws_conn_id=self.aws_conn_id, log=self.log
                )
            if outcome.state is State.FAILED:
                details = self._failed_steps(outcome)
        raise_unless_succeeded(outcome, verdict, details=details, goal=goal)
        result = {
            "name": outcome.name,
            "namespace": outcome.namespace,
            "arn": outcome.arn,
            "status": outcome.sagemaker_status,
            **facts,
            **extra,
        }
        self._tell_outlets(context, result)
        return result

    def _go_on(
        self, context: Context, client: KubeClient, outcome: Outcome, facts: Mapping[str, Any]
    ) -> dict[str, Any]:
        from airflow_ack_sagemaker.kube.executions import Launch
        from airflow_ack_sagemaker.model.freshness import parse_time

        created = parse_time(outcome.created).timestamp() if outcome.created else time.time()
        return self._wait(context, client, Launch(outcome=outcome, facts=dict(facts), created=created))

    def _spec(self) -> ExecutionSpec:
        from airflow_ack_sagemaker.model.definition import launch_parameters
        from airflow_ack_sagemaker.model.manifest import ExecutionSpec, SpecError, check_mapping, check_names

        version = self.pipeline_version_id
        if version is not None:
            try:
                version = int(version)
            except (TypeError, ValueError):
                raise SpecError(f"pipeline_version_id {version!r} must be an integer.") from None
        return ExecutionSpec(
            pipeline_name=self.pipeline_name,
            parameters=launch_parameters(check_mapping("parameters", self.parameters)),
            display_name=self.display_name,
            description=self.description,
            max_parallel_steps=self.max_parallel_steps,
            pipeline_version_id=version,
            selected_steps=check_names("selected_steps", self.selected_steps),
            source_execution_arn=self.source_execution_arn,
            region=self.region,
        )

    def _failed_steps(self, outcome: Outcome) -> str:
        """The failed steps, a line each: SageMaker's reason for an execution says only that some step failed."""
        if self.aws_conn_id is None or outcome.arn is None:
            return ""
        from airflow_ack_sagemaker.aws.steps import failed_steps

        try:
            steps = failed_steps(outcome.arn, aws_conn_id=self.aws_conn_id, region=outcome.region)
        except Exception as error:  # the failure is known; that its details are not to be had must not hide it
            self.log.warning("Cannot ask SageMaker which step failed (aws_conn_id=%r): %s", self.aws_conn_id, error)
            return ""
        return "\n".join(f"Step {step.name} {step.status}: {step.reason or 'no reason given'}" for step in steps)

    def _tell_outlets(self, context: Context, result: Mapping[str, Any]) -> None:
        """Consumers of an outlet asset learn which execution made it."""
        from airflow.sdk import Asset

        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra.update(result)


def _run_of(context: Context) -> tuple[RunIdentity, int]:
    """The task instance's identity, and the number of its first try since it was last cleared."""
    from airflow_ack_sagemaker.model.identity import RunIdentity

    ti = context["ti"]
    identity = RunIdentity(ti.dag_id, ti.run_id, ti.task_id, ti.map_index if ti.map_index is not None else -1)
    # As airflow.sdk counts it (RuntimeTaskInstance.get_first_reschedule_date): a clear adds the task's retries to its
    # tries so far. Never beyond this try, should the DAG's retries have been lowered since: that is no clear.
    return identity, min(max(ti.max_tries - (ti.task.retries or 0) + 1, 1), ti.try_number)


def _ended_by_user(context: Context) -> bool:
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

"""`AckPipelineExecutionOperator`: launch an execution once per run, follow it, end with its true outcome."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from airflow_ack_sagemaker.core.run.deadlines import Goal, Verdict, goes_on, verdict_of
from airflow_ack_sagemaker.links import SageMakerPipelineExecutionLink
from airflow_ack_sagemaker.operators.base import AckLaunchOperator, raise_unless_succeeded, read_event, run_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
    from airflow_ack_sagemaker.core.run.retry_steps import StepRun
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.runs.launch import Launch


class AckPipelineExecutionOperator(AckLaunchOperator):
    """Launch an execution of a SageMaker pipeline through an ACK ``PipelineExecution`` resource and follow it to its
    end.

    One run launches one execution, whatever dies: the resource has the name of the run, each try first looks for what
    an earlier one has made, and only a failure that was reported, or a user's clear, launches another
    (``airflow_ack_sagemaker.core.run.decision`` has the whole table). A user who marks or clears the task stops the
    execution; a restart, a lost worker or a timeout never does.

    The result (XCom ``return_value``) is ``{"name", "namespace", "pipeline_name", "arn", "status", "attempt",
    "parameters", "definition_sha256", "definition_source", "definition_version_id"}`` (the last three as the Pipeline
    resource has them); it is also the ``extra`` of the events of the task's outlet assets.

    :param parameters: values of the pipeline's parameters: strings, numbers, booleans.
    :param display_name: display name in SageMaker; None: the resource's name, which is unique.
    :param selected_steps: run only these steps, with ``source_execution_arn`` for what the others had made.
    :param source_execution_arn: see ``selected_steps``.
    :param retry_from_failed_step: a retry after a failure runs only the steps that did not succeed and what follows
        them, on the results of the others (SageMaker's selective execution). SageMaker is asked for the steps through
        ``aws_conn_id``. Where that cannot be (no permission, another definition or other parameters since, a step that
        fails on purpose, nothing that could be kept) the retry runs the whole pipeline and the log says why. A user's
        clear always runs the whole.
    :param report_duplicates: after the end, ask SageMaker (``aws_conn_id``; one ListPipelineExecutions) whether the
        controller has started this execution twice, which it can when it crashes: warns, and adds ``duplicates`` (ARNs)
        to the result. Not with a ``display_name`` of your own, by which they are told.

    See `AckLaunchOperator` for the other parameters.

    Raises `AckInputError` for what cannot work (nothing is created then), `AckExecutionFailed`, `AckExecutionStopped`,
    `AckResourceRefused`, `AckResourceGone`, `AckNotReconciled`, `AckStuckRecoverable`, `AckTimeout` and
    `AckClusterError` (see `airflow_ack_sagemaker.exceptions`). What `AckNotReconciled` and `AckStuckRecoverable` give
    up is withdrawn, so that it does not start hours later, unheard. See `AckOperator` for the waits.
    """

    template_fields: Sequence[str] = (
        *AckLaunchOperator.template_fields,
        "parameters",
        "display_name",
        "selected_steps",
        "source_execution_arn",
    )
    template_fields_renderers = {"parameters": "json"}  # noqa: RUF012 (Airflow declares it so)
    operator_extra_links = (SageMakerPipelineExecutionLink(),)
    ui_color = "#e8f7ee"

    def __init__(
        self,
        *,
        parameters: Mapping[str, Any] | None = None,
        display_name: str | None = None,
        selected_steps: Sequence[str] | None = None,
        source_execution_arn: str | None = None,
        retry_from_failed_step: bool = False,
        report_duplicates: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.parameters = parameters
        self.display_name = display_name
        self.selected_steps = selected_steps
        self.source_execution_arn = source_execution_arn
        self.retry_from_failed_step = retry_from_failed_step
        self.report_duplicates = report_duplicates

    def execute(self, context: Context) -> dict[str, Any]:
        """Look, launch or attach, wait."""
        from airflow_ack_sagemaker.runs.launch import launch

        identity, first_try = run_of(context)
        history = self.history(identity)
        with self.cluster() as client, self.stopped_by_user(context, client, identity):
            launched = launch(
                client,
                self._spec(),
                self.namespace or client.namespace,
                identity,
                first_try=first_try,
                pipeline_resource_name=self.pipeline_resource_name,
                log=self.log,
                history=history,
                steps_of=self._steps_of if self.retry_from_failed_step and not self.selected_steps else None,
            )
            self.push_link(context, launched.outcome.arn)
            return self._wait(context, client, launched)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a deferral, from the event alone: the resource may be gone by now."""
        outcome, verdict, facts = read_event(event)
        self.log_outcome(outcome)
        with self.cluster() as client, self.stopped_by_user(context, client, run_of(context)[0]):
            return self._finish(context, client, outcome, verdict, facts, Goal.FINISHED)

    def _wait(self, context: Context, client: KubeClient, launched: Launch) -> dict[str, Any]:
        outcome, facts = launched.outcome, launched.facts
        deadlines = self.deadlines(created=launched.created)
        goal = Goal.FINISHED if self.wait_for_completion else Goal.STARTED
        verdict = verdict_of(outcome, deadlines, time.time(), goal=goal)
        if verdict is None and self.deferrable and goal is Goal.FINISHED:
            self.defer_until(outcome, deadlines=deadlines, stop_on_kill=True, ours=True, echo=facts)
        if verdict is None:
            outcome, verdict = self.follow(
                client,
                PIPELINE_EXECUTION,
                outcome.name,
                namespace=outcome.namespace,
                uid=outcome.uid,
                deadlines=deadlines,
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
        from airflow_ack_sagemaker.runs.launch import record, remember_whole, withdraw
        from airflow_ack_sagemaker.runs.stop import confirm_stopped

        self.push_link(context, outcome.arn)
        details = ""
        extra: dict[str, Any] = {}
        if verdict in (Verdict.NOT_RECONCILED, Verdict.STUCK):
            now = withdraw(client, outcome, log=self.log)
            if now is not None:
                if goes_on(verdict, now):
                    return self._go_on(context, client, now, facts)
                details = "SageMaker knows it already, so it is left as it is; a retry attaches to it."
            elif verdict is Verdict.STUCK and self.retry_from_failed_step and "selected_steps" in facts:
                why = f"a selective retry was tried in vain: {(outcome.reason or '')[:500]}"
                remember_whole(client, run_of(context)[0], outcome.namespace, why=why, log=self.log)
        elif verdict is Verdict.TIMED_OUT:
            if self.on_timeout == "stop":
                self.log.warning("Timed out: deleting %s, which stops it (on_timeout='stop').", outcome.resource)
                ended = withdraw(client, outcome, log=self.log, even_if_started=True)
                if ended is not None:  # while the task waited for its place
                    return self._finish(context, client, ended, Verdict.REACHED, facts, goal)
                details = confirm_stopped(client, outcome, log=self.log)
            else:
                details = "It is left running (on_timeout='leave'); a retry attaches to it."
        else:
            record(client, outcome, try_number=context["ti"].try_number, log=self.log)
            if self.report_duplicates and self.display_name is None:
                from airflow_ack_sagemaker.aws.duplicates import report_duplicates

                found = report_duplicates([outcome], facts["pipeline_name"], aws_conn_id=self.aws_conn_id, log=self.log)
                extra["duplicates"] = found.get(outcome.name, [])
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
        from airflow_ack_sagemaker.core.resource.times import parse_time
        from airflow_ack_sagemaker.runs.launch import Launch

        created = parse_time(outcome.created).timestamp() if outcome.created else time.time()
        return self._wait(context, client, Launch(outcome=outcome, facts=dict(facts), created=created))

    def _spec(self) -> ExecutionSpec:
        from airflow_ack_sagemaker.core.definition.parse import launch_parameters
        from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, check_mapping, check_names

        return ExecutionSpec(
            pipeline_name=self.pipeline_name,
            parameters=launch_parameters(check_mapping("parameters", self.parameters)),
            display_name=self.display_name,
            description=self.description,
            max_parallel_steps=self.max_parallel_steps,
            pipeline_version_id=self.version(),
            selected_steps=check_names("selected_steps", self.selected_steps),
            source_execution_arn=self.source_execution_arn,
            region=self.region,
        )

    def _steps_of(self, outcome: Outcome) -> list[StepRun]:
        from airflow_ack_sagemaker.aws.steps import step_runs

        if self.aws_conn_id is None or outcome.arn is None:
            raise ValueError("there is no aws_conn_id")
        return step_runs(outcome.arn, aws_conn_id=self.aws_conn_id, region=outcome.region)

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

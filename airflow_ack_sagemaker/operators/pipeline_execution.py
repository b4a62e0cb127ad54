"""`AckPipelineExecutionOperator`: launch an execution once per run, follow it, end with its true outcome."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.compat import masked_parameters
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal, Verdict, verdict_of
from airflow_ack_sagemaker.exceptions import AckClusterError, AckExecutionFailed
from airflow_ack_sagemaker.links import SageMakerPipelineExecutionLink
from airflow_ack_sagemaker.operators.base import raise_unless_succeeded
from airflow_ack_sagemaker.operators.launch import AckLaunchOperator
from airflow_ack_sagemaker.operators.outlets import tell_outlets
from airflow_ack_sagemaker.operators.run import identity_of_task, run_of
from airflow_ack_sagemaker.operators.sagemakers_word import sagemakers_word

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
    from airflow_ack_sagemaker.core.run.definition_ran import FixedDefinition
    from airflow_ack_sagemaker.core.run.step_runs import StepRun
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.runs.definition import OwnDefinition
    from airflow_ack_sagemaker.runs.end import End
    from airflow_ack_sagemaker.runs.launch import Launch
    from airflow_ack_sagemaker.runs.look import Run

_ROUNDS = 10
"""Waits of one try: each ends because the execution was taken up in the moment of its withdrawal, or launched anew."""


class AckPipelineExecutionOperator(AckLaunchOperator):
    """Launch an execution of a SageMaker pipeline through an ACK ``PipelineExecution`` resource and follow it to its
    end.

    One run launches one execution, whatever dies: the resource has the name of the run, each try first looks for what
    an earlier one has made, and only a failure that was reported, or a user's clear, launches another
    (``airflow_ack_sagemaker.core.run.decision`` has the whole table). A user who marks or clears the task stops the
    execution; a restart, a lost worker or a timeout never does.

    Where an `AckPipelineOperator` upstream has applied a definition of the pipeline in this DAG run, the execution runs
    exactly that one: if another stands in the cluster by then, this one is applied again first, and what has started
    with another is stopped, never reported.

    The result (XCom ``return_value``) is ``{"name", "namespace", "pipeline_name", "arn", "status", "attempt",
    "parameters", "definition_sha256", "definition_source", "definition_version_id"}`` (the last three as the Pipeline
    resource has them); it is also the ``extra`` of the events of the task's outlet assets.

    ```python
    from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

    AckPipelineExecutionOperator(
        task_id="retrain",
        pipeline_name="demand",
        parameters={"Rounds": 20, "Date": "{{ ds }}"},
        retries=3,
        retry_from_failed_step=True,
    )
    ```

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
    up is withdrawn, otherwise it could start hours later with nobody following it. See `AckOperator` for the waits.
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
        self._told: dict[str, Any] | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Look, launch or attach, wait."""
        with self.cluster() as client:
            run = run_of(context, self.namespace or client.namespace)
            with self.stopped_by_user(context, client, run.identity):
                own = self.own_definition(context, run.namespace)
                launched = self._launch(context, client, run, own)
                return self._to_the_end(context, client, run, launched, own.fixed if own else None)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a deferral, from the event alone: the resource may be gone by now."""
        from airflow_ack_sagemaker.core.run.definition_ran import FixedDefinition
        from airflow_ack_sagemaker.runs.launch import Launch

        outcome, verdict, facts = self.resumed(event)
        self.log_outcome(outcome)
        said = (event or {}).get("definition")
        if said and not said["checked"] and not outcome.gone and outcome.started and verdict is Verdict.REACHED:
            verdict = Verdict.OTHER_DEFINITION  # the trigger could not look, so it is looked at now
        fixed = FixedDefinition.from_dict(said) if said else None
        with self.cluster() as client:
            run = run_of(context, outcome.namespace)
            with self.stopped_by_user(context, client, run.identity):
                return self._to_the_end(context, client, run, Launch(outcome, facts), fixed, verdict)

    def _launch(self, context: Context, client: KubeClient, run: Run, own: OwnDefinition | None) -> Launch:
        from airflow_ack_sagemaker.runs.launch import launch

        launched = launch(
            client,
            self._spec(),
            run,
            pipeline_resource_name=self.pipeline_resource_name,
            log=self.log,
            history=self.history(run.identity),
            steps_of=self._steps_of if self.retry_from_failed_step and not self.selected_steps else None,
            own=own,
            observed=sagemakers_word(self.aws_conn_id, self.log).observe,
        )
        self.push_link(context, launched.outcome.arn)
        # The facts go into trigger events, XComs and asset events, which everybody may read.
        parameters = masked_parameters(launched.facts["parameters"])
        return replace(launched, facts={**launched.facts, "parameters": parameters})

    def _to_the_end(
        self,
        context: Context,
        client: KubeClient,
        run: Run,
        launched: Launch,
        fixed: FixedDefinition | None,
        verdict: Verdict | None = None,
    ) -> dict[str, Any]:
        """Wait, do what the verdict asks for, and begin again where that is to wait on, or to launch once more."""
        from airflow_ack_sagemaker.runs.end import end

        unchecked = fixed
        for _ in range(_ROUNDS):
            if verdict is None:
                launched, verdict = self._wait(client, run, launched, unchecked)
            if verdict is Verdict.OTHER_DEFINITION:
                own = self.own_definition(context, run.namespace)
                if own is None:
                    raise AckClusterError(
                        f"{launched.outcome.resource}: which definition it runs cannot be proven any more, since the "
                        "result of the task that has applied it is gone. It is left running; clear that task to launch "
                        "anew."
                    )
                fixed = own.fixed
                launched, verdict = self._launch(context, client, run, own), None
                # What runs already has been looked at just now.
                unchecked = None if launched.outcome.started else fixed
                continue
            ended = end(client, launched.outcome, verdict, on_timeout=self.on_timeout, log=self.log)
            launched, verdict = replace(launched, outcome=ended.outcome), ended.verdict
            if verdict is not None:
                return self._finish(context, client, launched, verdict, ended, fixed)
        raise AckClusterError(
            f"{launched.outcome.resource} was given up and taken up again {_ROUNDS} times: a retry attaches to it."
        )

    def _wait(
        self, client: KubeClient, run: Run, launched: Launch, fixed: FixedDefinition | None
    ) -> tuple[Launch, Verdict]:
        outcome = launched.outcome
        if fixed is not None and launched.new and outcome.started:
            # An earlier request has created it, whose reply was lost; nobody has looked at it since.
            return launched, Verdict.OTHER_DEFINITION
        deadlines = self.deadlines(age=None if launched.new else self.age_of(client, outcome, run))
        goal = Goal.FINISHED if self.wait_for_completion else Goal.STARTED
        verdict = verdict_of(outcome, deadlines, time.time(), goal=goal)
        if verdict is not None:
            return launched, verdict
        if self.deferrable and goal is Goal.FINISHED:
            self.defer_until(
                client,
                outcome,
                deadlines=deadlines,
                stop_on_kill=True,
                ours=True,
                echo=launched.facts,
                definition={**fixed.to_dict(), "generation": launched.generation} if fixed else None,
            )
        if fixed is not None and not outcome.started:
            # As soon as SageMaker has taken it: what runs with another's definition is stopped at once.
            taken = self._follow(client, outcome, deadlines, Goal.STARTED)
            launched = replace(launched, outcome=taken[0])
            if taken[1] is Verdict.REACHED and taken[0].started:
                return launched, Verdict.OTHER_DEFINITION
            if taken[1] is not Verdict.REACHED:
                return launched, taken[1]
        last, verdict = self._follow(client, launched.outcome, deadlines, goal)
        return replace(launched, outcome=last), verdict

    def _follow(
        self, client: KubeClient, outcome: Outcome, deadlines: Deadlines, goal: Goal
    ) -> tuple[Outcome, Verdict]:
        return self.follow(
            client,
            PIPELINE_EXECUTION,
            outcome.name,
            namespace=outcome.namespace,
            uid=outcome.uid,
            deadlines=deadlines,
            goal=goal,
        )

    def _finish(
        self,
        context: Context,
        client: KubeClient,
        launched: Launch,
        verdict: Verdict,
        ended: End,
        fixed: FixedDefinition | None,
    ) -> dict[str, Any]:
        """Tell it: as the task's result, or as the error that says how it ended."""
        from airflow_ack_sagemaker.runs.end import record

        outcome, facts, details = launched.outcome, launched.facts, ended.details
        self.push_link(context, outcome.arn)
        extra: dict[str, Any] = {}
        if fixed is not None and outcome.state is State.SUCCEEDED:
            self._only_own_definition(client, outcome, fixed)
        if ended.withdrawn and verdict is Verdict.STUCK and self.retry_from_failed_step and "selected_steps" in facts:
            from airflow_ack_sagemaker.runs.retry_steps import remember_whole

            why = f"a selective retry was tried in vain: {(outcome.reason or '')[:500]}"
            remember_whole(client, identity_of_task(context), outcome.namespace, why=why, log=self.log)
        if verdict is Verdict.REACHED:
            record(client, outcome, try_number=context["ti"].try_number, log=self.log)
            if self.report_duplicates and self.display_name is None and outcome.finished:
                from airflow_ack_sagemaker.aws.duplicates import report_duplicates

                found = report_duplicates([outcome], facts["pipeline_name"], aws_conn_id=self.aws_conn_id, log=self.log)
                extra["duplicates"] = found.get(outcome.name, [])
            if outcome.state is State.FAILED:
                details = self._failed_steps(outcome)
        goal = Goal.FINISHED if self.wait_for_completion else Goal.STARTED
        raise_unless_succeeded(outcome, verdict, details=details, goal=goal)
        if outcome.finished:
            self.log_if_late(outcome)
        result = {
            "name": outcome.name,
            "namespace": outcome.namespace,
            "arn": outcome.arn,
            "status": outcome.sagemaker_status,
            **facts,
            **extra,
        }
        tell_outlets(self, context, result)
        self._told = result
        return result

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """What the execution has read and written, by its definition: OpenLineage's provider asks for it in the process
        that has ended the task. None: nothing is known.
        """
        if self._told is None or self._told["arn"] is None:
            return None
        from airflow_ack_sagemaker.operators.lineage import lineage_of

        with self.cluster() as client:
            return lineage_of(
                client,
                self._told,
                pipeline_resource_name=self.pipeline_resource_name,
                aws_conn_id=self.aws_conn_id,
                log=self.log,
            )

    def _only_own_definition(self, client: KubeClient, outcome: Outcome, fixed: FixedDefinition) -> None:
        """Somebody may have changed the pipeline in SageMaker itself, which no resource shows: SageMaker is asked.

        :raises AckExecutionFailed: it ran another definition; a retry launches anew.
        """
        from airflow_ack_sagemaker.runs.definition import mark

        ran = self.ran_definition(outcome)
        if ran is not None and ran != fixed.sha256:
            if not outcome.gone:
                mark(client, outcome, ran, log=self.log)
            raise AckExecutionFailed(
                f"{outcome.resource}: succeeded, but with another definition than this run has applied: SageMaker says "
                f"that it ran {ran[:12]}, and this run has applied {fixed.sha256[:12]}.\nIn SageMaker: {outcome.arn}\n"
                "To do: find out who changes the pipeline in SageMaker itself. A retry launches a new execution."
            )

    def _spec(self) -> ExecutionSpec:
        from airflow_ack_sagemaker.core.definition.given_as import not_texts
        from airflow_ack_sagemaker.core.definition.parse import launch_parameters
        from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, check_mapping, check_names

        parameters = check_mapping("parameters", self.parameters)
        return ExecutionSpec(
            pipeline_name=self.pipeline_name,
            parameters=launch_parameters(parameters),
            not_texts=not_texts(parameters),
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

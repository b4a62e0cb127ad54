"""`AckPipelineExecutionsOperator`: launch a batch of executions once per run, follow them, end with all outcomes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_ack_sagemaker.compat import masked_parameters
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.run.batch import FailurePolicy, Standing
from airflow_ack_sagemaker.core.run.batch_progress import Progress, Waits
from airflow_ack_sagemaker.kube.server_clock import SteadyClock, clock_of
from airflow_ack_sagemaker.links import SageMakerPipelineLink
from airflow_ack_sagemaker.operators.base import error_of, execution_ends, seconds
from airflow_ack_sagemaker.operators.launch import AckLaunchOperator
from airflow_ack_sagemaker.operators.outlets import tell_outlets
from airflow_ack_sagemaker.operators.run import identity_of_task, run_of
from airflow_ack_sagemaker.operators.sagemakers_word import sagemakers_word

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
    from airflow_ack_sagemaker.core.run.batch import Member
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.runs.batch import Batch

XCOM_EXECUTIONS = "executions"
"""XCom key of the result where the task fails."""

_ASSET_ARNS = 100
"""ARNs that the event of an outlet asset carries at most."""


class AckPipelineExecutionsOperator(AckLaunchOperator):
    """Launch many executions of a SageMaker pipeline in one task and follow them to their ends.

    It holds one worker slot only while it launches, and one trigger while they run. As with
    `AckPipelineExecutionOperator`, one run launches each execution once, whatever dies: a retry attaches to what runs,
    takes what has succeeded, and launches again only what failed; what somebody has stopped is not started again. A
    user who marks or clears the task stops all that run.

    The result (XCom ``return_value``; where the task fails, XCom ``executions``) is a list of ``{"index", "name",
    "arn", "state", "status", "reason", "attempt", "parameters", "definition_sha256"}`` in the order of ``executions``.

    ```python
    from airflow_ack_sagemaker.operators.pipeline_executions import AckPipelineExecutionsOperator

    AckPipelineExecutionsOperator(
        task_id="variants",
        pipeline_name="demand",
        executions=[{"Rounds": rounds} for rounds in (20, 50, 100)],
        max_active_executions=2,
        min_succeeded=0.9,
    )
    ```

    :param executions: for each execution the values of the pipeline's parameters, or ``{"parameters": {...},
        "display_name": ..., "description": ...}``. A later try of the run knows them again by their content; what
        was launched and is not in the list any more is an error.
    :param parameters: values for all of them, where they have none of their own.
    :param max_active_executions: how many may run at once; None: all.
    :param failure_policy: what becomes of the others once too many have failed for the task to succeed: ``run_all``
        (all are launched and followed), ``fail_fast`` (no more are launched, those that run are followed) or
        ``stop_rest`` (those that run are stopped, too).
    :param min_succeeded: how many must succeed for the task to succeed: a number, or a share as a float up to 1.0;
        None: all.
    :param report_duplicates: after the end, ask SageMaker (``aws_conn_id``; one ListPipelineExecutions for a hundred)
        whether the controller has started any of them twice, which it can when it crashes: warns, and adds
        ``duplicates`` (ARNs) to each result.

    See `AckLaunchOperator` and `AckOperator` for the other parameters; all waits count for each execution alone. Raises
    `AckInputError` where any execution cannot work (nothing is created then), the error of
    `AckPipelineExecutionOperator` where all that did not succeed ended alike, else `AckExecutionFailed`.
    """

    template_fields: Sequence[str] = (
        *AckLaunchOperator.template_fields,
        "executions",
        "parameters",
        "max_active_executions",
    )
    template_fields_renderers = {"executions": "json", "parameters": "json"}  # noqa: RUF012 (Airflow declares it so)
    operator_extra_links = (SageMakerPipelineLink(),)
    ui_color = "#e8f7ee"

    def __init__(
        self,
        *,
        executions: Sequence[Mapping[str, Any]],
        parameters: Mapping[str, Any] | None = None,
        max_active_executions: int | str | None = None,
        failure_policy: str = FailurePolicy.RUN_ALL.value,
        min_succeeded: int | float | None = None,
        report_duplicates: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if failure_policy not in list(FailurePolicy):
            raise ValueError(
                f"failure_policy {failure_policy!r} must be one of {', '.join(map(repr, map(str, FailurePolicy)))}."
            )
        if not self.wait_for_completion:
            raise ValueError("wait_for_completion=False: a batch is always followed to its end.")
        self.executions = executions
        self.parameters = parameters
        self.max_active_executions = max_active_executions
        self.failure_policy = failure_policy
        self.min_succeeded = min_succeeded
        self.report_duplicates = report_duplicates

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Look, launch what is due, wait."""
        progress = Progress(time.time(), execution_by=execution_ends(self.execution_timeout))
        return self._follow(context, progress, first=True)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Look again after a deferral; the event says only that there is something to see."""
        from airflow_ack_sagemaker.exceptions import AckClusterError

        if not event or "error" in event:
            raise AckClusterError((event or {}).get("error", "The task was resumed without a trigger event."))
        return self._follow(context, Progress.from_dict(event["progress"]), first=False)

    def _follow(self, context: Context, progress: Progress, *, first: bool) -> list[dict[str, Any]]:
        from airflow_ack_sagemaker.runs.batch import advance
        from airflow_ack_sagemaker.runs.batch_follow import follow_batch

        now = SteadyClock()
        with self.cluster() as client, self.stopped_by_user(context, client, identity_of_task(context)):
            batch = self._batch(context, client)
            batch.check()
            if first:
                progress.oldest = batch.run.tried.seconds_since_start(now())
            # A run leaves as many as the last one did, so that many may have to go.
            history = replace(self.history(batch.run.identity), most=2 * len(batch.specs) + 100) if first else None
            while True:
                members = advance(client, batch, progress, log=self.log, history=history, now=now)
                history = None
                counts = {standing: sum(m.standing is standing for m in members) for standing in Standing}
                self.log.info(
                    "%d executions: %d active, %d ended (%d of them succeeded), %d not launched.",
                    len(members),
                    counts[Standing.ACTIVE],
                    counts[Standing.ENDED],
                    sum(member.succeeded for member in members),
                    counts[Standing.WAITING],
                )
                if not counts[Standing.ACTIVE]:
                    return self._finish(context, client, batch, members)
                if self.deferrable:
                    self._defer(client, batch, progress, members)
                batch_wait = _batch_wait(batch, progress, members)
                run = batch.run
                follow_batch(client, run.namespace, run.identity, batch_wait, poll_interval=self.poll_interval, now=now)

    def _defer(self, client: KubeClient, batch: Batch, progress: Progress, members: Sequence[Member]) -> NoReturn:
        from airflow_ack_sagemaker.core.resource.manifest import pipeline_name_of
        from airflow_ack_sagemaker.core.run.batch_progress import to_ranges
        from airflow_ack_sagemaker.triggers.pipeline_executions import AckExecutionsTrigger

        by_attempt: dict[int, list[int]] = defaultdict(list)
        now, ends, active = time.time(), [], None
        for member in members:
            if member.standing is Standing.ACTIVE and member.outcome is not None:
                by_attempt[member.attempt].append(member.index)
                ends.append(progress.deadlines_of(member.index, member.outcome, batch.waits).finish_by)
                active = member.outcome
        timeout = None
        if self.timeout is not None:
            # Past our own deadlines, so that the trigger speaks first: Airflow's timeout knows no reason.
            last = max((end for end in ends if end is not None), default=now)
            timeout = timedelta(seconds=max(last - now, 0) + 120)
        if progress.execution_by is not None:
            # Airflow's own timeout of a deferral ends the task then, and leaves what runs.
            left = timedelta(seconds=max(progress.execution_by - now, 0))
            timeout = left if timeout is None else min(timeout, left)
        clock = progress.clock
        if clock is None and active is not None:
            clock = clock_of(client, PIPELINE_EXECUTION, active.name, batch.run.namespace, log=self.log)
        waiting = {index for indexes in by_attempt.values() for index in indexes}
        progress.launched = {index: at for index, at in progress.launched.items() if index in waiting}
        progress.hand_over(now, clock)
        self.log.info("Waiting for %d executions on the triggerer.", len(ends))
        self.defer(
            trigger=AckExecutionsTrigger(
                namespace=batch.run.namespace,
                kubernetes_conn_id=self.kubernetes_conn_id,
                run=batch.run.identity.digest,
                stem=batch.run.identity.stem(pipeline_name_of(self.pipeline_name)),
                active={str(attempt): to_ranges(indexes) for attempt, indexes in by_attempt.items()},
                waits=asdict(batch.waits),
                poll_interval=self.poll_interval,
                progress=progress.to_dict(),
                server=client.config.server,
                **_wake(batch, members),
            ),
            method_name="execute_complete",
            timeout=timeout,
        )

    def _finish(
        self, context: Context, client: KubeClient, batch: Batch, members: Sequence[Member]
    ) -> list[dict[str, Any]]:
        from airflow_ack_sagemaker.core.run.batch import result_of, summary
        from airflow_ack_sagemaker.runs.batch import facts_of, record_all

        record_all(client, members, try_number=context["ti"].try_number, log=self.log)
        results = [result_of(member, facts_of(member, batch.specs[member.place])) for member in members]
        for result in results:
            result["parameters"] = masked_parameters(result["parameters"])
        if self.report_duplicates:
            from airflow_ack_sagemaker.aws.duplicates import report_duplicates

            found = report_duplicates(
                [member.outcome for member in members if member.outcome is not None],
                self.pipeline_name,
                aws_conn_id=self.aws_conn_id,
                log=self.log,
            )
            for result in results:
                result["duplicates"] = found.get(str(result["name"]), [])
        arns = [str(result["arn"]) for result in results if result["arn"]]
        self.push_link(context, arns[0].partition("/execution/")[0] if arns else None)
        failed = [member for member in members if not member.succeeded]
        if len(failed) > batch.spare_failures:
            if self.do_xcom_push:
                context["ti"].xcom_push(key=XCOM_EXECUTIONS, value=results)
            raise _error(failed, batch.spare_failures)(summary(members, spare=batch.spare_failures))
        if failed:
            self.log.warning("%s", summary(members, spare=batch.spare_failures))
        self._tell_outlets(context, members, arns)
        return results

    def _batch(self, context: Context, client: KubeClient) -> Batch:
        from airflow_ack_sagemaker.core.resource.manifest import SpecError
        from airflow_ack_sagemaker.core.run.batch_input import spare_failures
        from airflow_ack_sagemaker.runs.batch import Batch

        run = run_of(context, self.namespace or client.namespace)
        specs = self._specs()
        limit = self.max_active_executions
        try:
            max_active = None if limit is None else int(limit)
        except (TypeError, ValueError):
            max_active = 0
        if max_active is not None and max_active < 1:
            raise SpecError(f"max_active_executions {limit!r} must be an integer of at least 1.")
        return Batch(
            specs=specs,
            run=run,
            pipeline_resource_name=self.pipeline_resource_name,
            waits=Waits(
                reconcile=seconds(self.reconcile_timeout),
                recover=seconds(self.recoverable_timeout),
                whole=seconds(self.timeout),
            ),
            max_active=max_active,
            spare_failures=spare_failures(len(specs), self.min_succeeded),
            policy=FailurePolicy(self.failure_policy),
            on_timeout=self.on_timeout,
            own=self.own_definition(context, run.namespace),
            observed=sagemakers_word(self.aws_conn_id, self.log).observe,
        )

    def _specs(self) -> list[ExecutionSpec]:
        from airflow_ack_sagemaker.core.definition.given_as import not_texts
        from airflow_ack_sagemaker.core.definition.parse import DefinitionError, launch_parameters
        from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, SpecError
        from airflow_ack_sagemaker.core.run.batch_input import entries_of

        specs = []
        for index, entry in enumerate(entries_of(self.executions, self.parameters)):
            try:
                parameters = launch_parameters(entry.parameters)
            except (DefinitionError, SpecError) as error:
                raise SpecError(f"executions[{index}]: {error}") from None
            specs.append(
                ExecutionSpec(
                    pipeline_name=self.pipeline_name,
                    parameters=parameters,
                    not_texts=not_texts(entry.parameters),
                    display_name=entry.display_name,
                    description=entry.description or self.description,
                    max_parallel_steps=self.max_parallel_steps,
                    pipeline_version_id=self.version(),
                    region=self.region,
                )
            )
        return specs

    def _tell_outlets(self, context: Context, members: Sequence[Member], arns: Sequence[str]) -> None:
        """Consumers of an outlet asset learn which executions made it."""
        extra: dict[str, Any] = {
            "pipeline_name": self.pipeline_name,
            "executions": len(members),
            "succeeded": sum(member.succeeded for member in members),
            "arns": list(arns[:_ASSET_ARNS]),
        }
        tell_outlets(self, context, extra)


def _wake(batch: Batch, members: Sequence[Member]) -> dict[str, Any]:
    """What a look is worth while the active ones run: places for others, and failures that would stop the rest."""
    failed = sum(member.failed for member in members)
    more = any(member.standing is Standing.WAITING for member in members)
    if batch.policy is not FailurePolicy.RUN_ALL and failed > batch.spare_failures:
        more = False
    spare = max(batch.spare_failures - failed, 0) if batch.policy is FailurePolicy.STOP_REST else None
    return {"more": more, "spare_failures": spare}


def _batch_wait(batch: Batch, progress: Progress, members: Sequence[Member]) -> Any:
    from airflow_ack_sagemaker.core.run.batch_wait import BatchWait

    active = {member.index: member.attempt for member in members if member.standing is Standing.ACTIVE}
    return BatchWait(active, waits=batch.waits, progress=progress, **_wake(batch, members))


def _error(failed: Sequence[Member], spare: int) -> type[Exception]:
    """The class that says what a person would do about it."""
    from airflow_ack_sagemaker import exceptions
    from airflow_ack_sagemaker.compat import AirflowFailException

    classes = {error_of(m.outcome, m.verdict) for m in failed if m.outcome is not None and not m.stopped}
    if sum(member.stopped_by_somebody for member in failed) > spare:
        return exceptions.AckExecutionStopped  # a retry could not succeed either
    retried = {error for error in classes if not issubclass(error, AirflowFailException)}
    return retried.pop() if len(retried) == 1 else exceptions.AckExecutionFailed

"""SageMaker Pipelines in memory: the state of one account and region, and how it changes."""

from __future__ import annotations

import secrets
import string
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from airflow_ack_sagemaker.sandbox.aws.errors import AwsError, conflict, invalid, not_found
from airflow_ack_sagemaker.sandbox.aws.plan import Plan, plan_of
from airflow_ack_sagemaker.sandbox.aws.records import Execution, Past, Pipeline, Version, variables_of
from airflow_ack_sagemaker.sandbox.aws.runs import Given, Taken
from airflow_ack_sagemaker.sandbox.aws.script import Script, ScriptError
from airflow_ack_sagemaker.sandbox.aws.selection import check_selection, taken_over
from airflow_ack_sagemaker.sandbox.clock import Clock

ACCOUNT = "123456789012"
MAX_CONCURRENT = 200
"""Executions of one pipeline that may run at once when the limit is switched on (SageMaker's default quota)."""

_ALPHABET = string.ascii_lowercase + string.digits
_REMEMBERED_TOKENS = 20_000


class Engine:
    """The pipelines of one region. Methods may be called from several threads."""

    def __init__(self, region: str, clock: Clock, script: Script, max_concurrent: int | None = None) -> None:
        self.region = region
        self.clock = clock
        self.script = script
        self.max_concurrent = max_concurrent
        self.lock = threading.RLock()
        self.pipelines: dict[str, Pipeline] = {}
        self.executions: dict[str, Execution] = {}
        self.registering: dict[str, Execution] = {}
        """Those whose steps may still register models."""
        self.reading: dict[str, Execution] = {}
        """Those whose steps may still take values from files."""
        self._tokens: OrderedDict[tuple[str, str], tuple[str, str]] = OrderedDict()

    # -- finding

    def arn(self, name: str) -> str:
        """The ARN of a pipeline with this name."""
        return f"arn:aws:sagemaker:{self.region}:{ACCOUNT}:pipeline/{name}"

    def pipeline(self, name: str) -> Pipeline:
        """The pipeline with this name or ARN. :raises AwsError: ResourceNotFound."""
        short = name.rpartition(":pipeline/")[2]
        if short not in self.pipelines or name not in (short, self.arn(short)):
            raise not_found(f"Pipeline '{name if name.startswith('arn:') else self.arn(name)}' does not exist.")
        return self.pipelines[short]

    def version(self, pipeline: Pipeline, number: int | None) -> Version:
        """One version of a pipeline; the latest without a number. :raises AwsError: ResourceNotFound."""
        if number is None:
            return pipeline.latest
        if not 1 <= number <= len(pipeline.versions):
            raise not_found(f"Version {number} of pipeline '{pipeline.arn}' does not exist.")
        return pipeline.versions[number - 1]

    def execution(self, arn: str) -> Execution:
        """The execution with this ARN. :raises AwsError: ResourceNotFound."""
        if arn not in self.executions:
            raise not_found(f"Pipeline execution '{arn}' does not exist.")
        return self.executions[arn]

    # -- idempotency

    def replayed(self, operation: str, request: Mapping[str, Any]) -> str | None:
        """The ARN that an earlier call with the same ClientRequestToken gave.

        :raises AwsError: ConflictException, the token was used for another request.
        """
        known = self._tokens.get((operation, request.get("ClientRequestToken") or ""))
        if known is None:
            return None
        arn, fingerprint = known
        if fingerprint != _fingerprint(request):
            raise conflict("The ClientRequestToken was used before, with other parameters.")
        return arn

    def remember(self, operation: str, request: Mapping[str, Any], arn: str) -> None:
        """Remember what a call with a ClientRequestToken gave."""
        if token := request.get("ClientRequestToken"):
            self._tokens[operation, token] = (arn, _fingerprint(request))
            if len(self._tokens) > _REMEMBERED_TOKENS:
                self._tokens.popitem(last=False)

    # -- pipelines

    def create(self, name: str, text: str, role: str, request: Mapping[str, Any]) -> Pipeline:
        """CreatePipeline.

        :raises AwsError: ValidationException, the name is taken or the definition cannot be parsed.
        """
        if name in self.pipelines:
            raise invalid(
                "Pipeline names must be unique within an AWS account and region. "
                f"Pipeline with name ({name}) already exists."
            )
        now = self.clock.time()
        tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", ())}
        pipeline = Pipeline(name, self.arn(name), now, now, [self._version(1, text, role, request)], tags=tags)
        self.pipelines[name] = pipeline
        return pipeline

    def update(self, pipeline: Pipeline, text: str | None, request: Mapping[str, Any]) -> Version:
        """UpdatePipeline: a further version; what is not given stays as it is."""
        last = pipeline.latest
        given = {
            "PipelineDisplayName": request.get("PipelineDisplayName", last.display_name),
            "PipelineDescription": request.get("PipelineDescription", last.description),
            "ParallelismConfiguration": request.get(
                "ParallelismConfiguration", {"MaxParallelExecutionSteps": last.parallelism}
            ),
        }
        role = request.get("RoleArn", last.role)
        plan = last.plan if text is None or text == last.text else None
        version = self._version(last.number + 1, last.text if text is None else text, role, given, plan)
        pipeline.versions.append(version)
        pipeline.modified = self.clock.time()
        return version

    def _version(
        self, number: int, text: str, role: str, given: Mapping[str, Any], plan: Plan | None = None
    ) -> Version:
        return Version(
            number=number,
            created=self.clock.time(),
            text=text,
            plan=plan or plan_of(text),
            role=role,
            display_name=given.get("PipelineDisplayName"),
            description=given.get("PipelineDescription"),
            parallelism=(given.get("ParallelismConfiguration") or {}).get("MaxParallelExecutionSteps"),
        )

    def delete(self, pipeline: Pipeline) -> None:
        """DeletePipeline: its executions go with it. :raises AwsError: ConflictException, one is running."""
        now = self.clock.time()
        if any(execution.running(now) for execution in pipeline.executions):
            raise conflict(f"Pipeline '{pipeline.arn}' has running executions. Stop them before you delete it.")
        for execution in pipeline.executions:
            del self.executions[execution.arn]
            self.registering.pop(execution.arn, None)
            self.reading.pop(execution.arn, None)
        del self.pipelines[pipeline.name]

    # -- executions

    def start(self, pipeline: Pipeline, version: Version, request: Mapping[str, Any]) -> Execution:
        """StartPipelineExecution.

        :raises AwsError: ValidationException for parameters or steps that the definition does not have;
            ResourceLimitExceeded.
        """
        now = self.clock.time()
        if self.max_concurrent is not None and sum(e.running(now) for e in pipeline.executions) >= self.max_concurrent:
            raise AwsError(
                "ResourceLimitExceeded",
                "The account-level service limit 'Maximum number of concurrent pipeline executions' "
                f"is {self.max_concurrent}.",
            )
        given = {parameter["Name"]: parameter["Value"] for parameter in request.get("PipelineParameters", ())}
        version.plan.check(given)
        selective = request.get("SelectiveExecutionConfig")
        only, taken = self._selected(pipeline, version.plan, selective)
        parallelism = (request.get("ParallelismConfiguration") or {}).get("MaxParallelExecutionSteps")
        identity = "".join(secrets.choice(_ALPHABET) for _ in range(12))
        arn = f"{pipeline.arn}/execution/{identity}"
        variables = variables_of(arn, pipeline, now, now)
        execution = Execution(
            arn=arn,
            pipeline=pipeline,
            version=version,
            created=now,
            started=now,
            given=self._given(version, given, variables, parallelism or version.parallelism, only, taken),
            parameters=tuple(given.items()),
            display_name=request.get("PipelineExecutionDisplayName"),
            description=request.get("PipelineExecutionDescription"),
            parallelism=parallelism,
            selective=selective,
            modified=now,
        )
        pipeline.executions.append(execution)
        pipeline.last_run = now
        self.executions[execution.arn] = execution
        self._note(execution)
        return execution

    def _given(
        self,
        version: Version,
        parameters: Mapping[str, str],
        variables: Mapping[str, str],
        parallelism: int | None,
        only: frozenset[str] | None,
        taken: tuple[Taken, ...],
    ) -> Given:
        plan = version.plan
        texts = {p.name: p.default if isinstance(p.default, str) else "" for p in plan.parameters} | dict(parameters)
        name = variables["PipelineName"]
        try:
            outcomes = self.script.outcomes(name, plan.steps, texts)
        except ScriptError as error:
            raise invalid(str(error)) from None
        values = plan.values(parameters)
        return Given(
            outcomes=outcomes,
            step_seconds=self.script.step_seconds,
            speed=self.clock.speed,
            values=tuple((name, values[name]) for name in sorted(plan.deciding_parameters) if name in values),
            variables=tuple((name, variables[name]) for name in sorted(plan.deciding_variables) if name in variables),
            parallel=parallelism,
            only=only,
            taken=taken,
        )

    def _selected(
        self, pipeline: Pipeline, plan: Plan, selective: Mapping[str, Any] | None
    ) -> tuple[frozenset[str] | None, tuple[Taken, ...]]:
        """The selected steps (None: all), and what they take over from the source execution."""
        if selective is None:
            return None, ()
        source = selective.get("SourcePipelineExecutionArn")
        execution = None if source is None else self.execution(source)
        if execution is not None and execution.pipeline is not pipeline:
            raise invalid(f"Invalid SourcePipelineExecutionArn: {source}. It belongs to another pipeline.")
        only = check_selection(plan, [step["StepName"] for step in selective["SelectedSteps"]], source)
        return only, () if execution is None else taken_over(plan, only, execution, self.clock.time())

    def stop(self, execution: Execution) -> None:
        """StopPipelineExecution. :raises AwsError: ValidationException, it does not run."""
        now = self.clock.time()
        status = execution.status(now)
        if status == "Executing":
            execution.stopped = now
        elif status != "Stopping":
            raise invalid(
                f"Pipeline execution '{execution.arn}' is in status {status}. "
                "Only executions in status Executing can be stopped."
            )

    def retry(self, execution: Execution, request: Mapping[str, Any]) -> None:
        """RetryPipelineExecution: again what has not succeeded.

        :raises AwsError: ValidationException, it runs or has succeeded.
        """
        now = self.clock.time()
        status = execution.status(now)
        if status not in ("Failed", "Stopped", "CompletedWithFailures"):
            raise invalid(
                f"Pipeline execution '{execution.arn}' is in status {status}. "
                "Only failed and stopped executions can be retried."
            )
        if parallelism := (request.get("ParallelismConfiguration") or {}).get("MaxParallelExecutionSteps"):
            execution.parallelism = parallelism
        base, stopped = execution.started, execution.stopped
        succeeded = [
            run
            for run in execution.course.runs
            if run.status == "Succeeded" and base + run.end <= (now if stopped is None else stopped)
        ]
        again = self._given(
            execution.version,
            dict(execution.parameters),
            execution.variables(now),
            execution.parallelism or execution.version.parallelism,
            execution.given.only,
            execution.given.taken,
        )
        done = (*execution.given.done, *succeeded)
        execution.given = replace(again, done=done, attempt=execution.given.attempt + 1, seen=execution.given.seen)
        execution.past = (*execution.past, *(Past(run, base + run.start, base + run.end) for run in succeeded))
        execution.started, execution.stopped, execution.modified = now, None, now
        self._note(execution)

    def _note(self, execution: Execution) -> None:
        if any(step.type == "RegisterModel" for step in execution.version.plan.steps.values()):
            self.registering[execution.arn] = execution
        if execution.version.plan.lookups:
            self.reading[execution.arn] = execution

    def release(self, arn: str | None) -> int:
        """Let held steps go on, in one execution or in all; gives the number of executions that were held."""
        now = self.clock.time()
        released = 0
        for execution in self.executions.values() if arn is None else (self.execution(arn),):
            held = execution.given.released is None and any(outcome.hold for _, outcome in execution.given.outcomes)
            if held and execution.running(now):
                execution.given = replace(execution.given, released=now - execution.started)
                released += 1
        return released


def _fingerprint(request: Mapping[str, Any]) -> str:
    return str(hash(repr(sorted(request.items()))))

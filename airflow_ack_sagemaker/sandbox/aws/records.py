"""What the engine remembers: pipelines with their versions, and executions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow_ack_sagemaker.sandbox.aws.plan import ARN_VARIABLE, Plan
from airflow_ack_sagemaker.sandbox.aws.results import Results
from airflow_ack_sagemaker.sandbox.aws.runs import Course, Given, Run
from airflow_ack_sagemaker.sandbox.aws.timeline import course

STOP_SECONDS = 5.0
"""How long an execution is Stopping."""

STARTING_SECONDS = 1.0
"""How long a step is Starting."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a pipeline: what CreatePipeline or UpdatePipeline was given, put together."""

    number: int
    created: float
    text: str
    plan: Plan
    role: str
    display_name: str | None
    description: str | None
    parallelism: int | None


@dataclass(slots=True)
class VersionNames:
    """What UpdatePipelineVersion sets."""

    display_name: str | None = None
    description: str | None = None


@dataclass(slots=True)
class Pipeline:
    """A pipeline. ``executions`` are in order of their start."""

    name: str
    arn: str
    created: float
    modified: float
    versions: list[Version]
    names: dict[int, VersionNames] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    last_run: float | None = None
    executions: list[Execution] = field(default_factory=list)

    @property
    def latest(self) -> Version:
        """The version that an execution starts without asking for another."""
        return self.versions[-1]


@dataclass(frozen=True, slots=True)
class Past:
    """A step's run in an earlier attempt of a retried execution, in seconds since the epoch."""

    run: Run
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class StepState:
    """A step as it is at some moment. Times are seconds since the epoch; ``end`` is None while it runs. ``run`` is its
    run as it will have been."""

    run: Run
    status: str
    start: float
    end: float | None
    reason: str
    branch: bool | None


@dataclass(slots=True)
class Execution:
    """An execution. Everything that time changes is computed from ``given`` when it is asked for."""

    arn: str
    pipeline: Pipeline
    version: Version
    created: float
    started: float
    given: Given
    parameters: tuple[tuple[str, str], ...]
    display_name: str | None = None
    description: str | None = None
    parallelism: int | None = None
    selective: dict[str, Any] | None = None
    modified: float = 0.0
    stopped: float | None = None
    past: tuple[Past, ...] = ()
    registered: dict[tuple[str, int], str] = field(default_factory=dict)
    """ARNs of the model packages that its steps have made, by the run's name and attempt."""

    @property
    def course(self) -> Course:
        """Its course, as seconds since ``started``."""
        return course(self.version.plan, self.given)

    @property
    def _stop_lasts(self) -> float:
        return STOP_SECONDS / self.given.speed

    def status(self, now: float) -> str:
        """Its PipelineExecutionStatus."""
        whole = self.course
        if self.stopped is not None:
            return "Stopped" if now >= self.stopped + self._stop_lasts else "Stopping"
        return whole.status if now >= self.started + whole.end else "Executing"

    def reason(self, now: float) -> str:
        """Its FailureReason; empty while there is none."""
        return self.course.reason if self.stopped is None and now >= self.started + self.course.end else ""

    def last_modified(self, now: float) -> float:
        """When something about it last changed."""
        end = self.started + self.course.end
        if self.stopped is not None:
            end = self.stopped + self._stop_lasts
        return max(self.modified, end) if now >= end else max(self.modified, self.stopped or 0.0)

    def running(self, now: float) -> bool:
        """Whether it has not ended."""
        return self.status(now) in ("Executing", "Stopping")

    def steps(self, now: float) -> list[StepState]:
        """Every step that has started by now, those of earlier attempts first."""
        found = [
            StepState(past.run, past.run.status, past.start, past.end, past.run.reason, past.run.branch)
            for past in self.past
        ]
        for run in self.course.runs:
            start, end = self.started + run.start, self.started + run.end
            if start > now or (self.stopped is not None and start > self.stopped):
                continue
            if self.stopped is not None and end > self.stopped:
                end = self.stopped + self._stop_lasts
                status = "Stopped" if now >= end else "Stopping"
                found.append(StepState(run, status, start, end if now >= end else None, "", None))
            elif now >= end:
                found.append(StepState(run, run.status, start, end, run.reason, run.branch))
            else:
                starting = min(STARTING_SECONDS / self.given.speed, (end - start) / 10)
                status = "Starting" if now < start + starting else "Executing"
                found.append(StepState(run, status, start, None, "", None))
        return found

    def variables(self, now: float) -> dict[str, str]:
        """The execution variables of a definition's expressions."""
        return variables_of(self.arn, self.pipeline, self.created, now)

    def ended(self, now: float) -> dict[str, str]:
        """How its steps have ended that have, those whose results it took over among them."""
        steps = {state.run.name: state.status for state in self.steps(now) if state.end is not None}
        return {one.name: one.status for one in self.given.taken} | steps

    def results(self, now: float) -> Results:
        """What its steps have given by now."""
        plan = self.version.plan
        values = plan.values(dict(self.parameters))
        found = Results(
            plan,
            values,
            self.variables(now),
            dict(self.given.outcomes),
            self.given.taken,
            registered=self.registered,
            seen=self.given.seen,
        )
        for state in self.steps(now):
            if state.end is not None:
                found.add(state.run)
        return found


def variables_of(arn: str, pipeline: Pipeline, created: float, now: float) -> dict[str, str]:
    """The execution variables of a definition's expressions (SageMaker SDK, ``ExecutionVariables``)."""
    return {
        "CurrentDateTime": _iso(now),
        "PipelineArn": pipeline.arn,
        ARN_VARIABLE: arn,
        "PipelineExecutionId": arn.rpartition("/")[2],
        "PipelineName": pipeline.name,
        "StartDateTime": _iso(created),
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

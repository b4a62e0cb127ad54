"""Where an execution has written its evaluation report: found in the definition, so that nobody says it twice.

A processing step names its report as a property file: the output that it lies in, and its path there. The output's
place is an expression, most often of the execution's id. A step that was served from the cache, or reused by a
selective retry, has written under the id of *another* execution: SageMaker says which (``CacheHitResult`` and
``SelectiveExecutionResult`` of ListPipelineExecutionSteps).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import Scope, Unresolved
from airflow_ack_sagemaker.core.definition.property_files import PropertyFile, property_files
from airflow_ack_sagemaker.core.definition.steps import Step
from airflow_ack_sagemaker.core.errors import AckError


class ReportError(AckError, ValueError):
    """The report cannot be found, or not told from another execution's. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Report:
    """A property file of a processing step. ``place`` is where its output lies: a value of the definition."""

    step: str
    name: str
    path: str
    place: Any = field(repr=False)

    def uri(self, execution_arn: str, parameters: Mapping[str, Any]) -> str:
        """Where an execution has written it: ``s3://bucket/key``.

        :param execution_arn: the execution that wrote it.
        :param parameters: values of all parameters of the pipeline.
        :raises ReportError: the place needs what is not known.
        """
        file = PropertyFile(self.name, self.path, self.place)
        found = file.uri(Scope(parameters=parameters, execution=variables_of(execution_arn)))
        if isinstance(found, Unresolved):
            raise ReportError(
                f"Where step {self.step} writes its report {self.name} cannot be told: {found}. Give the report's "
                "place itself (report_uri)."
            )
        return found


def reports_of(steps: Iterable[Step]) -> list[Report]:
    """All property files of a definition whose output is said where it lies."""
    return [Report(step.name, file.name, file.path, file.place) for step in steps for file in property_files(step.body)]


def choose(reports: Sequence[Report], wanted: str | None) -> Report:
    """The report that is meant.

    :param wanted: the name of a property file, or ``Step.File``; None: the only one.
    :raises ReportError: there is none, or not just one.
    """
    named = [report for report in reports if wanted in (None, report.name, f"{report.step}.{report.name}")]
    if len(named) == 1:
        return named[0]
    has = ", ".join(f"{report.step}.{report.name}" for report in reports) or "none"
    if not named:
        what = f"no property file {wanted!r}" if wanted else "no property file"
        raise ReportError(
            f"The pipeline's definition has {what} (it has: {has}). Let the evaluation step name its report as a "
            "PropertyFile, or give its place (report_uri)."
        )
    raise ReportError(f"The pipeline's definition has several reports: name one of {has}.")


def written_by(steps: Iterable[Mapping[str, Any]], step: str, execution_arn: str) -> str | None:
    """ARN of the execution that has run a step whose results an execution has; None: the step did not succeed in it.

    :param steps: members of ListPipelineExecutionSteps of ``execution_arn``.
    """
    for run in steps:
        if run.get("StepName") != step or run.get("StepStatus") != "Succeeded":
            continue
        for result in ("CacheHitResult", "SelectiveExecutionResult"):
            source = run.get(result)
            if isinstance(source, Mapping) and isinstance(arn := source.get("SourcePipelineExecutionArn"), str):
                return arn
        return execution_arn
    return None


def tells_executions_apart(report: Report, execution_arn: str, parameters: Mapping[str, Any]) -> bool:
    """Whether the report's place depends on the execution: else each execution overwrites the one before's."""
    other = f"{execution_arn.rpartition('/')[0]}/another"
    return report.uri(execution_arn, parameters) != report.uri(other, parameters)


def variables_of(execution_arn: str) -> dict[str, str]:
    """The execution variables that an execution's ARN tells."""
    pipeline, _, identifier = execution_arn.partition("/execution/")
    return {
        "PipelineExecutionId": identifier,
        "PipelineExecutionArn": execution_arn,
        "PipelineName": pipeline.rpartition("/")[2],
        "PipelineArn": pipeline,
    }

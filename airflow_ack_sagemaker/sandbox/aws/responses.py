"""The shapes of SageMaker's answers about pipelines, made of what the engine remembers. Times are epoch seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import Unresolved, resolve, text_of
from airflow_ack_sagemaker.sandbox.aws.metadata import metadata_of
from airflow_ack_sagemaker.sandbox.aws.records import Execution, Pipeline, StepState, Version
from airflow_ack_sagemaker.sandbox.aws.results import Results

_MAX_DESCRIPTION = 3072


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _parallelism(steps: int | None) -> dict[str, int] | None:
    return None if steps is None else {"MaxParallelExecutionSteps": steps}


def describe_pipeline(pipeline: Pipeline, version: Version) -> dict[str, Any]:
    """DescribePipeline."""
    names = pipeline.names.get(version.number)
    return _present(
        {
            "PipelineArn": pipeline.arn,
            "PipelineName": pipeline.name,
            "PipelineDisplayName": version.display_name,
            "PipelineDefinition": version.text,
            "PipelineDescription": version.description,
            "RoleArn": version.role,
            "PipelineStatus": "Active",
            "CreationTime": pipeline.created,
            "LastModifiedTime": pipeline.modified,
            "LastRunTime": pipeline.last_run,
            "CreatedBy": {},
            "LastModifiedBy": {},
            "ParallelismConfiguration": _parallelism(version.parallelism),
            "PipelineVersionDisplayName": names and names.display_name,
            "PipelineVersionDescription": names and names.description,
        }
    )


def summarize_pipeline(pipeline: Pipeline) -> dict[str, Any]:
    """A member of ListPipelines."""
    return _present(
        {
            "PipelineArn": pipeline.arn,
            "PipelineName": pipeline.name,
            "PipelineDisplayName": pipeline.latest.display_name,
            "PipelineDescription": pipeline.latest.description,
            "RoleArn": pipeline.latest.role,
            "CreationTime": pipeline.created,
            "LastModifiedTime": pipeline.modified,
            "LastExecutionTime": pipeline.last_run,
        }
    )


def summarize_version(pipeline: Pipeline, version: Version) -> dict[str, Any]:
    """A member of ListPipelineVersions."""
    names = pipeline.names.get(version.number)
    last = next((e.arn for e in reversed(pipeline.executions) if e.version is version), None)
    return _present(
        {
            "PipelineArn": pipeline.arn,
            "PipelineVersionId": version.number,
            "CreationTime": version.created,
            "PipelineVersionDescription": names and names.description,
            "PipelineVersionDisplayName": names and names.display_name,
            "LastExecutionPipelineExecutionArn": last,
        }
    )


def describe_execution(execution: Execution, now: float) -> dict[str, Any]:
    """DescribePipelineExecution."""
    plan = execution.version.plan
    identity = execution.arn.rpartition("/")[2]
    scope = Results(plan, plan.values(dict(execution.parameters)), execution.variables(now), {}).scope()
    # SageMaker's defaults are the pipeline's name and the execution's id.
    names = {"ExperimentName": execution.pipeline.name, "TrialName": identity} | dict(plan.experiment)
    found = {name: resolve(value, scope) for name, value in names.items()}
    experiment = {
        name: text_of(value)[:120]
        for name, value in found.items()
        if value is not None and not isinstance(value, Unresolved)
    }
    return _present(
        {
            "PipelineArn": execution.pipeline.arn,
            "PipelineExecutionArn": execution.arn,
            "PipelineExecutionDisplayName": execution.display_name,
            "PipelineExecutionStatus": execution.status(now),
            "PipelineExecutionDescription": execution.description,
            "PipelineExperimentConfig": experiment,
            "FailureReason": execution.reason(now) or None,
            "CreationTime": execution.created,
            "LastModifiedTime": execution.last_modified(now),
            "CreatedBy": {},
            "LastModifiedBy": {},
            "ParallelismConfiguration": _parallelism(execution.parallelism),
            "SelectiveExecutionConfig": execution.selective,
            "PipelineVersionId": execution.version.number,
            "RoleArn": execution.version.role,
        }
    )


def summarize_execution(execution: Execution, now: float) -> dict[str, Any]:
    """A member of ListPipelineExecutions."""
    return _present(
        {
            "PipelineExecutionArn": execution.arn,
            "StartTime": execution.created,
            "PipelineExecutionStatus": execution.status(now),
            "PipelineExecutionDescription": execution.description,
            "PipelineExecutionDisplayName": execution.display_name,
            "PipelineExecutionFailureReason": execution.reason(now) or None,
        }
    )


def describe_step(execution: Execution, state: StepState, results: Results) -> dict[str, Any]:
    """A member of ListPipelineExecutionSteps."""
    run = state.run
    step = execution.version.plan.steps[run.step]
    description = " ".join(filter(None, (str(step.body.get("Description") or ""), _note(results.missing(run)))))
    iteration = {"ParentStepName": step.parent, "Index": run.index, "Item": run.item}
    return _present(
        {
            "StepName": run.name,
            "StepDisplayName": step.display_name or None,
            "StepDescription": description[:_MAX_DESCRIPTION] or None,
            "StartTime": state.start,
            "EndTime": state.end,
            "StepStatus": state.status,
            "FailureReason": state.reason or None,
            "AttemptCount": 1,
            "Metadata": metadata_of(execution.arn, state, results),
            "IterationContext": None if run.index is None else iteration,
        }
    )


def _note(missing: Sequence[Unresolved]) -> str:
    """What the sandbox had to leave out of a step's arguments, for its description."""
    if not missing:
        return ""
    more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    return f"[sandbox: without an argument, because {missing[0]}{more}. A rule such as STEP=gives:{{...}} tells it.]"


def unselected_steps(execution: Execution) -> list[dict[str, Any]]:
    """The steps that a selective execution takes over from another one."""
    source = (execution.selective or {}).get("SourcePipelineExecutionArn")
    return [
        {
            "StepName": one.name,
            "StartTime": execution.created,
            "EndTime": execution.created,
            "StepStatus": one.status,
            "Metadata": {},
            "SelectiveExecutionResult": {"SourcePipelineExecutionArn": source},
        }
        for one in execution.given.taken
    ]

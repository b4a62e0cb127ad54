"""The shapes of SageMaker's answers about pipelines, made of what the engine remembers. Times are epoch seconds."""

from __future__ import annotations

import hashlib
from typing import Any

from airflow_ack_sagemaker.sandbox.aws.records import Execution, Pipeline, StepState, Version

_JOBS = {
    "Training": ("TrainingJob", "training-job"),
    "Processing": ("ProcessingJob", "processing-job"),
    "Transform": ("TransformJob", "transform-job"),
    "Tuning": ("TuningJob", "hyper-parameter-tuning-job"),
    "Model": ("Model", "model"),
    "RegisterModel": ("RegisterModel", "model-package"),
    "AutoML": ("AutoMLJob", "automl-job"),
}


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
    configured = execution.version.plan.experiment or {}
    identity = execution.arn.rpartition("/")[2]
    # References are resolved by SageMaker; its defaults are the pipeline's name and the execution's id.
    experiment = {
        "ExperimentName": _plain(configured.get("ExperimentName"), execution.pipeline.name[:120]),
        "TrialName": _plain(configured.get("TrialName"), identity),
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


def _plain(value: Any, default: str) -> str:
    return value if isinstance(value, str) else default


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


def describe_step(execution: Execution, state: StepState, region: str) -> dict[str, Any]:
    """A member of ListPipelineExecutionSteps."""
    plan = execution.version.plan
    kind = plan.types[state.name]
    title, description = plan.titles.get(state.name, ("", ""))
    return _present(
        {
            "StepName": state.name,
            "StepDisplayName": title or None,
            "StepDescription": description or None,
            "StartTime": state.start,
            "EndTime": state.end,
            "StepStatus": state.status,
            "FailureReason": state.reason or None,
            "AttemptCount": 1,
            "Metadata": _metadata(execution, state, kind, region),
        }
    )


def _metadata(execution: Execution, state: StepState, kind: str, region: str) -> dict[str, Any]:
    if kind == "Condition":
        return {"Condition": {} if state.branch is None else {"Outcome": str(state.branch)}}
    if kind == "Fail":
        return {"Fail": {"ErrorMessage": state.reason}}
    if kind not in _JOBS:
        return {}
    member, resource = _JOBS[kind]
    identity = execution.arn.rpartition("/")[2]
    suffix = hashlib.sha256(f"{identity}{state.name}{state.start}".encode()).hexdigest()[:10]
    name = f"pipelines-{identity}-{state.name}-{suffix}"[:63]
    account = execution.arn.split(":")[4]
    return {member: {"Arn": f"arn:aws:sagemaker:{region}:{account}:{resource}/{name}"}}


def unselected_steps(execution: Execution) -> list[dict[str, Any]]:
    """The steps that a selective execution takes over from another one."""
    selective = execution.selective or {}
    source = selective.get("SourcePipelineExecutionArn")
    if source is None or execution.given.only is None:
        return []
    plan, only = execution.version.plan, execution.given.only
    needed = {before for name in only for before in plan.dependencies[name]} - only
    return [
        {
            "StepName": name,
            "StartTime": execution.created,
            "EndTime": execution.created,
            "StepStatus": "Succeeded",
            "Metadata": {},
            "SelectiveExecutionResult": {"SourcePipelineExecutionArn": source},
        }
        for name in plan.names
        if name in needed
    ]

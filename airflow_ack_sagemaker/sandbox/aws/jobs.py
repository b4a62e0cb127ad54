"""The jobs and other resources that steps make: what they are called, and what describing them would tell."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from airflow_ack_sagemaker.sandbox.aws.runs import Run

_RESOURCES = {
    "AutoML": "automl-job",
    "ClarifyCheck": "processing-job",
    "Endpoint": "endpoint",
    "EndpointConfig": "endpoint-config",
    "InferenceComponent": "inference-component",
    "Job": "job",
    "Model": "model",
    "Processing": "processing-job",
    "QualityCheck": "processing-job",
    "Training": "training-job",
    "Transform": "transform-job",
    "Tuning": "hyper-parameter-tuning-job",
}
_NAME_MEMBERS = {
    "Endpoint": "EndpointName",
    "EndpointConfig": "EndpointConfigName",
    "InferenceComponent": "InferenceComponentName",
    "Model": "ModelName",
}
"""Resources whose name may stand in the arguments; that of a job never counts in a pipeline."""

_JOBS = {
    "AutoML": "AutoMLJob",
    "Processing": "ProcessingJob",
    "Training": "TrainingJob",
    "Transform": "TransformJob",
    "Tuning": "HyperParameterTuningJob",
}
DESCRIBED = {
    "DescribeTrainingJob": "Training",
    "DescribeProcessingJob": "Processing",
    "DescribeTransformJob": "Transform",
}
"""The operations that describe the job of a step, and the type of that step. Checks run processing jobs, too."""

_MAX_NAME = 63
# What the API model requires of an answer, where a definition may leave it out.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "Training": {"StoppingCondition": {"MaxRuntimeInSeconds": 86_400}},
    "Processing": {
        "AppSpecification": {"ImageUri": "unknown"},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
        },
    },
    "Transform": {
        "ModelName": "unknown",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://unknown"}}},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    },
}


def identity_of(execution_arn: str) -> str:
    """The id of an execution, as it stands in its ARN."""
    return execution_arn.rpartition("/")[2]


def token_of(execution_arn: str, run: Run, length: int = 10) -> str:
    """A token of a run that no other run has."""
    return hashlib.sha256(f"{execution_arn} {run.name} {run.attempt}".encode()).hexdigest()[:length]


def job_name(execution_arn: str, run: Run) -> str:
    """The name of what a run makes: at most 63 characters, and its end is never cut."""
    start, end = f"pipelines-{identity_of(execution_arn)}-", f"-{token_of(execution_arn, run)}"
    return f"{start}{run.name[: _MAX_NAME - len(start) - len(end)]}{end}"


def resource_name(kind: str, run: Run, execution_arn: str, arguments: Mapping[str, Any]) -> str:
    """The name of what a step makes."""
    given = arguments.get(_NAME_MEMBERS.get(kind, ""))
    return given if isinstance(given, str) and given else job_name(execution_arn, run)


def resource_arn(kind: str, run: Run, execution_arn: str, arguments: Mapping[str, Any]) -> str | None:
    """The ARN of what a step makes; None for a type that makes nothing of SageMaker's."""
    if kind not in _RESOURCES:
        return None
    region, account = execution_arn.split(":")[3:5]
    name = resource_name(kind, run, execution_arn, arguments)
    # SageMaker writes names in ARNs of jobs in small letters.
    return f"arn:aws:sagemaker:{region}:{account}:{_RESOURCES[kind]}/{name.lower()}"


def job_properties(kind: str, run: Run, execution_arn: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a step that made something: its arguments and what describing it adds to them, but no times."""
    found = dict(arguments)
    arn = resource_arn(kind, run, execution_arn, arguments)
    name = resource_name(kind, run, execution_arn, arguments)
    status = "Completed" if run.status == "Succeeded" else run.status
    if kind in _JOBS:
        prefix = _JOBS[kind]
        found |= {f"{prefix}Name": name, f"{prefix}Arn": arn, f"{prefix}Status": status}
    elif kind in _NAME_MEMBERS:
        found |= {_NAME_MEMBERS[kind]: name, f"{kind}Arn": arn}
    if kind == "Training":
        output = arguments.get("OutputDataConfig")
        where = str(output.get("S3OutputPath", "")) if isinstance(output, dict) else ""
        artifacts = f"{where.rstrip('/') or 's3://sandbox'}/{name}/output/model.tar.gz"
        found |= {"ModelArtifacts": {"S3ModelArtifacts": artifacts}, "SecondaryStatus": status}
    if run.status == "Failed":
        found["FailureReason"] = run.reason
    return found


def described_job(
    kind: str, run: Run, execution_arn: str, arguments: Mapping[str, Any], started: float, ended: float | None
) -> dict[str, Any]:
    """The answer to describing the job of a step, before it is fitted to the API model. Times are epoch seconds.

    :param kind: Training, Processing or Transform.
    :param run: the run with the status that it has now: InProgress, Stopping, or how it ended.
    """
    found = {**_DEFAULTS[kind], **job_properties(kind, run, execution_arn, arguments)}
    job = _JOBS[kind]
    found |= {"CreationTime": started, f"{kind}StartTime": started}
    found["LastModifiedTime"] = started if ended is None else ended
    if ended is not None:
        found[f"{kind}EndTime"] = ended
    if kind == "Training":
        secondary = {"InProgress": "Training", "Stopping": "Stopping"}.get(run.status, found[f"{job}Status"])
        found["SecondaryStatus"] = secondary
        transition = {"Status": secondary, "StartTime": started, **({} if ended is None else {"EndTime": ended})}
        found["SecondaryStatusTransitions"] = [transition]
        if ended is not None:
            found["TrainingTimeInSeconds"] = found["BillableTimeInSeconds"] = max(1, int(ended - started))
    return found

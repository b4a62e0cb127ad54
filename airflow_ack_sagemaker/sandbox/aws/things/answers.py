"""What describing a thing tells, fitted to the API model. Times are epoch seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_ack_sagemaker.sandbox.aws.things import endpoints, monitoring
from airflow_ack_sagemaker.sandbox.aws.things.store import Store
from airflow_ack_sagemaker.sandbox.aws.things.thing import Members, Thing
from airflow_ack_sagemaker.sandbox.aws.validation import arn_member, fitted

_ENDED = ("Completed", "Failed", "Stopped")


def describe(store: Store, thing: Thing) -> Members:
    """The answer of ``Describe`` for a thing."""
    type_ = thing.type
    found = _filled(thing.members, type_.filled)
    found |= {
        arn_member(type_.name): thing.arn,
        "CreationTime": thing.created,
        "LastModifiedTime": thing.modified,
    }
    if type_.status_member:
        found[type_.status_member] = thing.status
    if thing.reason:
        found["FailureReason"] = thing.reason
    more = _MORE.get(type_.name)
    if more is not None:
        found |= more(store, thing)
    return fitted(f"Describe{type_.name}", found | thing.given)


def _filled(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Members:
    """What was given, and the defaults where it says nothing; also inside of members that were given."""
    found = dict(given)
    for name, value in defaults.items():
        if isinstance(value, dict) and value and isinstance(found.get(name), Mapping):
            found[name] = _filled(found[name], value)
        elif not isinstance(value, dict) or not value:
            found.setdefault(name, value)
    return found


def _training(store: Store, thing: Thing) -> Members:
    ended = thing.ended
    secondary = {"InProgress": "Training"}.get(thing.status, thing.status)
    where = str((thing.members.get("OutputDataConfig") or {}).get("S3OutputPath", "s3://sandbox"))
    artifacts = f"{where.rstrip('/')}/{thing.name}/output/model.tar.gz"
    found: Members = {
        "ModelArtifacts": {"S3ModelArtifacts": artifacts},
        "SecondaryStatus": secondary,
        "SecondaryStatusTransitions": [{"Status": secondary, "StartTime": thing.created}],
        "TrainingStartTime": thing.created,
    }
    if ended is not None:
        seconds = max(1, int(ended - thing.created))
        found |= {"TrainingEndTime": ended, "TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    return found


def _times(prefix: str) -> Callable[[Store, Thing], Members]:
    def times(store: Store, thing: Thing) -> Members:
        found: Members = {f"{prefix}StartTime": thing.created}
        return found if thing.ended is None else {**found, f"{prefix}EndTime": thing.ended}

    return times


def _tuning(store: Store, thing: Thing) -> Members:
    limits = (thing.members.get("HyperParameterTuningJobConfig") or {}).get("ResourceLimits") or {}
    jobs = int(limits.get("MaxNumberOfTrainingJobs") or 1)
    done = thing.status == "Completed"
    failed = thing.status == "Failed"
    found: Members = {
        "TrainingJobStatusCounters": {
            "Completed": jobs if done else 0,
            "InProgress": 0 if thing.status in _ENDED else min(jobs, int(limits.get("MaxParallelTrainingJobs") or 1)),
            "RetryableError": 0,
            "NonRetryableError": 1 if failed else 0,
            "Stopped": 0,
        },
        "ObjectiveStatusCounters": {"Succeeded": jobs if done else 0, "Pending": 0, "Failed": 0},
    }
    if thing.ended is not None:
        found["HyperParameterTuningEndTime"] = thing.ended
    if done:
        name = f"{thing.name}-001-best"
        best = {
            "TrainingJobName": name,
            "TrainingJobArn": thing.arn.rpartition(":")[0] + f":training-job/{name.lower()}",
            "CreationTime": thing.created,
            "TrainingJobStatus": "Completed",
            "TunedHyperParameters": {},
            "ObjectiveStatus": "Succeeded",
        }
        objective = (thing.members.get("HyperParameterTuningJobConfig") or {}).get("HyperParameterTuningJobObjective")
        if objective:
            metric = {"Type": objective.get("Type"), "MetricName": objective.get("MetricName"), "Value": 0.5}
            best["FinalHyperParameterTuningJobObjectiveMetric"] = metric
        found |= {"BestTrainingJob": best, "OverallBestTrainingJob": best}
    return found


def _labeling(store: Store, thing: Thing) -> Members:
    labeled = 1 if thing.status == "Completed" else 0
    found: Members = {
        "JobReferenceCode": thing.arn.rpartition("/")[2][:16],
        "LabelCounters": {
            "TotalLabeled": labeled,
            "HumanLabeled": labeled,
            "MachineLabeled": 0,
            "FailedNonRetryableError": 0,
            "Unlabeled": 0,
        },
    }
    if labeled:
        where = str((thing.members.get("OutputConfig") or {}).get("S3OutputPath", "s3://sandbox")).rstrip("/")
        output = f"{where}/{thing.name}/manifests/output/output.manifest"
        found["LabelingJobOutput"] = {"OutputDatasetS3Uri": output}
    return found


def _component(store: Store, thing: Thing) -> Members:
    endpoint = store.get("Endpoint", str(thing.members.get("EndpointName")))
    copies = int((thing.members.get("RuntimeConfig") or {}).get("CopyCount") or 1)
    current = copies if thing.status == "InService" else 0
    return {
        "EndpointArn": endpoint.arn if endpoint else "",
        "RuntimeConfig": {"DesiredCopyCount": copies, "CurrentCopyCount": current},
    }


def _package(store: Store, thing: Thing) -> Members:
    details: Members = {"ValidationStatuses": []}
    if thing.status == "Failed":
        failed = {"Name": "Validation", "Status": "Failed", "FailureReason": thing.reason}
        details = {"ValidationStatuses": [failed]}
    return {"ModelPackageArn": thing.arn, "ModelPackageStatusDetails": details}


def _domain(store: Store, thing: Thing) -> Members:
    identity = thing.members["DomainId"]
    return {
        "HomeEfsFileSystemId": "fs-0123456789abcdef0",
        "Url": f"https://{identity}.studio.{store.region}.sagemaker.aws",
    }


def _space(store: Store, thing: Thing) -> Members:
    return {"Url": f"https://{thing.members['DomainId']}.studio.{store.region}.sagemaker.aws/{thing.name}"}


def _notebook(store: Store, thing: Thing) -> Members:
    return {
        "Url": f"{thing.name.lower()}.notebook.{store.region}.sagemaker.aws",
        "NotebookInstanceLifecycleConfigName": thing.members.get("LifecycleConfigName"),
        "SecurityGroups": thing.members.get("SecurityGroupIds"),
    }


_MORE: dict[str, Callable[[Store, Thing], Members]] = {
    "Domain": _domain,
    "Endpoint": endpoints.describe,
    "HyperParameterTuningJob": _tuning,
    "InferenceComponent": _component,
    "LabelingJob": _labeling,
    "ModelPackage": _package,
    "MonitoringSchedule": monitoring.describe,
    "NotebookInstance": _notebook,
    "ProcessingJob": _times("Processing"),
    "Space": _space,
    "TrainingJob": _training,
    "TransformJob": _times("Transform"),
}

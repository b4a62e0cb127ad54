"""How the controller maps its two kinds to SageMaker: what is created, compared, updated and deleted.

Functions return requests and status fields; only :class:`Manager` calls SageMaker.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION, Kind
from airflow_ack_sagemaker.sandbox.controller.conditions import Condition, Recoverable, synced
from airflow_ack_sagemaker.sandbox.controller.sagemaker import Aws, Missing

Spec = dict[str, Any]
CONTROLLER_VERSION = "sagemaker-v1.8.3"


def _capital(value: Any) -> Any:
    """A value of a spec with its member names as the SageMaker API has them."""
    if isinstance(value, dict):
        return {_api_name(name): _capital(item) for name, item in value.items()}
    return [_capital(item) for item in value] if isinstance(value, list) else value


def _api_name(name: str) -> str:
    name = name[:1].upper() + name[1:]
    for acronym, plain in (("ARN", "Arn"), ("VersionID", "VersionId")):
        if name.endswith(acronym):
            name = name.removesuffix(acronym) + plain
    return name


def _request(spec: Spec, names: tuple[str, ...]) -> dict[str, Any]:
    return {_api_name(name): _capital(spec[name]) for name in names if spec.get(name) is not None}


def _time(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Manager(ABC):
    """One kind. ``resync`` is the number of seconds after which a synced resource is looked at again."""

    kind: Kind
    resync: float

    @abstractmethod
    def read(self, aws: Aws, region: str, resource: dict[str, Any]) -> dict[str, Any]:
        """SageMaker's description. :raises Missing: it is not there, or was never created."""

    @abstractmethod
    def create(self, aws: Aws, region: str, resource: dict[str, Any]) -> str:
        """Create it; gives its ARN."""

    @abstractmethod
    def differs(self, spec: Spec, observed: dict[str, Any]) -> bool:
        """Whether SageMaker's has to be updated."""

    @abstractmethod
    def update(self, aws: Aws, region: str, spec: Spec, observed: dict[str, Any]) -> None:
        """Update SageMaker's."""

    @abstractmethod
    def delete(self, aws: Aws, region: str, resource: dict[str, Any], observed: dict[str, Any]) -> None:
        """Delete or stop it. :raises Recoverable: it takes a while."""

    @abstractmethod
    def status(self, observed: dict[str, Any]) -> dict[str, Any]:
        """The fields of the status, without conditions. None removes a field."""

    def synced(self, observed: dict[str, Any]) -> Condition | None:
        """Whether it is as asked for, where the kind's own code says so at each read; None leaves it to the runtime."""
        return None

    @abstractmethod
    def adopted_spec(self, observed: dict[str, Any]) -> Spec:
        """The spec of something that is taken over as SageMaker has it."""


class Pipelines(Manager):
    """Pipeline: kept up to date by CreatePipeline and UpdatePipeline."""

    kind = PIPELINE
    resync = 36_000.0
    _fields = (
        "pipelineDefinition",
        "pipelineDescription",
        "pipelineDisplayName",
        "parallelismConfiguration",
        "roleARN",
    )

    def read(self, aws: Aws, region: str, resource: dict[str, Any]) -> dict[str, Any]:
        return aws.describe(region, "describe_pipeline", PipelineName=resource["spec"]["pipelineName"])

    def create(self, aws: Aws, region: str, resource: dict[str, Any]) -> str:
        request = _request(resource["spec"], ("pipelineName", *self._fields))
        request["Tags"] = [
            *_capital(resource["spec"].get("tags", [])),
            {"Key": "services.k8s.aws/controller-version", "Value": CONTROLLER_VERSION},
            {"Key": "services.k8s.aws/namespace", "Value": resource["metadata"]["namespace"]},
        ]
        return str(aws.call(region, "create_pipeline", **request)["PipelineArn"])

    def differs(self, spec: Spec, observed: dict[str, Any]) -> bool:
        wanted = _request(spec, self._fields)
        wanted_definition, found_definition = wanted.pop("PipelineDefinition", None), observed.get("PipelineDefinition")
        names = {_api_name(name) for name in self._fields} - {"PipelineDefinition"}
        return wanted != {name: observed[name] for name in names if name in observed} or not _same_json(
            wanted_definition, found_definition
        )

    def update(self, aws: Aws, region: str, spec: Spec, observed: dict[str, Any]) -> None:
        aws.call(region, "update_pipeline", **_request(spec, ("pipelineName", *self._fields)))

    def delete(self, aws: Aws, region: str, resource: dict[str, Any], observed: dict[str, Any]) -> None:
        aws.call(region, "delete_pipeline", PipelineName=resource["spec"]["pipelineName"])

    def status(self, observed: dict[str, Any]) -> dict[str, Any]:
        return {
            "pipelineStatus": observed["PipelineStatus"],
            "creationTime": _time(observed["CreationTime"]),
            "lastModifiedTime": _time(observed["LastModifiedTime"]),
        }

    def adopted_spec(self, observed: dict[str, Any]) -> Spec:
        parallelism = observed.get("ParallelismConfiguration")
        return {
            "pipelineName": observed["PipelineName"],
            "pipelineDefinition": observed["PipelineDefinition"],
            "roleARN": observed.get("RoleArn"),
            "pipelineDescription": observed.get("PipelineDescription"),
            "pipelineDisplayName": observed.get("PipelineDisplayName"),
            "parallelismConfiguration": parallelism
            and {"maxParallelExecutionSteps": parallelism["MaxParallelExecutionSteps"]},
        }


def _same_json(one: str | None, other: str | None) -> bool:
    if one == other:
        return True
    try:
        return bool(json.loads(one or "null") == json.loads(other or "null"))
    except ValueError:
        return False


class Executions(Manager):
    """PipelineExecution: started once; deleting it stops it."""

    kind = PIPELINE_EXECUTION
    resync = 60.0
    _launched = (
        "pipelineName",
        "pipelineExecutionDescription",
        "pipelineExecutionDisplayName",
        "parallelismConfiguration",
        "pipelineParameters",
        "pipelineVersionID",
        "selectiveExecutionConfig",
    )
    _updated = ("pipelineExecutionDescription", "pipelineExecutionDisplayName", "parallelismConfiguration")

    def read(self, aws: Aws, region: str, resource: dict[str, Any]) -> dict[str, Any]:
        arn = _arn(resource)
        if arn is None:
            raise Missing
        return aws.describe(region, "describe_pipeline_execution", PipelineExecutionArn=arn)

    def create(self, aws: Aws, region: str, resource: dict[str, Any]) -> str:
        request = _request(resource["spec"], self._launched)
        return str(aws.call(region, "start_pipeline_execution", **request)["PipelineExecutionArn"])

    def differs(self, spec: Spec, observed: dict[str, Any]) -> bool:
        # Parameters are not among what SageMaker describes; a change of them goes unnoticed.
        compared = (*self._updated, "selectiveExecutionConfig", "pipelineVersionID")
        wanted = _request(spec, compared)
        found = {name: observed[name] for name in map(_api_name, compared) if name in observed}
        if "PipelineVersionId" not in wanted:
            found.pop("PipelineVersionId", None)
        return wanted != found

    def update(self, aws: Aws, region: str, spec: Spec, observed: dict[str, Any]) -> None:
        request = _request(spec, self._updated)
        aws.call(region, "update_pipeline_execution", PipelineExecutionArn=observed["PipelineExecutionArn"], **request)

    def delete(self, aws: Aws, region: str, resource: dict[str, Any], observed: dict[str, Any]) -> None:
        status = observed["PipelineExecutionStatus"]
        if status == "Executing":
            aws.call(region, "stop_pipeline_execution", PipelineExecutionArn=observed["PipelineExecutionArn"])
            observed.update(
                aws.describe(
                    region, "describe_pipeline_execution", PipelineExecutionArn=observed["PipelineExecutionArn"]
                )
            )
        if status in self.kind.running:
            raise Recoverable(f"{self.kind} is Stopping.", after=30.0)

    def status(self, observed: dict[str, Any]) -> dict[str, Any]:
        return {
            "pipelineExecutionStatus": observed["PipelineExecutionStatus"],
            "failureReason": observed.get("FailureReason"),
            "creationTime": _time(observed["CreationTime"]),
            "lastModifiedTime": _time(observed["LastModifiedTime"]),
        }

    def synced(self, observed: dict[str, Any]) -> Condition | None:
        status = observed["PipelineExecutionStatus"]
        return synced("False" if status in self.kind.running else "True", f"{self.kind} is in {status} status.")

    def adopted_spec(self, observed: dict[str, Any]) -> Spec:
        # What the controller does: the first piece of the ARN, cut after its slash. It is wrong, and it is so.
        return {"pipelineName": observed["PipelineArn"].partition("/")[0] + "/"}


def _arn(resource: dict[str, Any]) -> str | None:
    arn = (resource.get("status") or {}).get("ackResourceMetadata", {}).get("arn")
    return arn if arn is None else str(arn)


MANAGERS: tuple[Manager, ...] = (Pipelines(), Executions())

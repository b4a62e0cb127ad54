"""Pipelines and their executions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION
from airflow_ack_sagemaker.sandbox.controller.conditions import Recoverable
from airflow_ack_sagemaker.sandbox.controller.manager import (
    Manager,
    Observed,
    Resource,
    Spec,
    Updated,
    arn_of,
    default_tags,
)
from airflow_ack_sagemaker.sandbox.controller.names import request_of, time_text
from airflow_ack_sagemaker.sandbox.controller.sagemaker import Aws, Missing

_MISSING = ("ResourceNotFound", "does not exist")


def _request(aws: Aws, operation: str, spec: Spec, fields: Iterable[str]) -> dict[str, Any]:
    request: dict[str, Any] = request_of({f: spec[f] for f in fields if f in spec}, aws.input_of(operation))
    return request


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

    def read(self, aws: Aws, region: str, resource: Resource) -> Observed:
        name = resource["spec"]["pipelineName"]
        return aws.describe(region, "DescribePipeline", _MISSING, PipelineName=name)

    def create(self, aws: Aws, region: str, resource: Resource) -> str:
        request = _request(aws, "CreatePipeline", resource["spec"], ("pipelineName", *self._fields, "tags"))
        request["Tags"] = [*request.get("Tags", []), *default_tags(resource)]
        return str(aws.call(region, "CreatePipeline", **request)["PipelineArn"])

    def differs(self, aws: Aws, spec: Spec, observed: Observed) -> bool:
        wanted = _request(aws, "UpdatePipeline", spec, self._fields)
        names = _request(aws, "UpdatePipeline", _all(self._fields), self._fields)
        found = {name: observed[name] for name in names if name in observed}
        definitions = wanted.pop("PipelineDefinition", None), found.pop("PipelineDefinition", None)
        return wanted != found or not _same_json(*definitions)

    def update(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> Updated:
        request = _request(aws, "UpdatePipeline", resource["spec"], ("pipelineName", *self._fields))
        aws.call(region, "UpdatePipeline", **request)
        return Updated(self.read(aws, region, resource))

    def delete(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> None:
        aws.call(region, "DeletePipeline", PipelineName=resource["spec"]["pipelineName"])

    def arn(self, aws: Aws, observed: Observed) -> str:
        return str(observed["PipelineArn"])

    def synced(self, observed: Observed) -> None:
        """The runtime says so, not the kind's own code."""

    def status(self, observed: Observed) -> dict[str, Any]:
        return {
            "pipelineStatus": observed["PipelineStatus"],
            "creationTime": time_text(observed["CreationTime"]),
            "lastModifiedTime": time_text(observed["LastModifiedTime"]),
        }

    def adopted_spec(self, observed: Observed) -> Spec:
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


def _all(fields: Iterable[str]) -> Spec:
    return dict.fromkeys(fields, "")


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
    by_arn = True
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

    def read(self, aws: Aws, region: str, resource: Resource) -> Observed:
        arn = arn_of(resource)
        if arn is None:
            raise Missing
        return aws.describe(region, "DescribePipelineExecution", _MISSING, PipelineExecutionArn=arn)

    def create(self, aws: Aws, region: str, resource: Resource) -> str:
        request = _request(aws, "StartPipelineExecution", resource["spec"], self._launched)
        return str(aws.call(region, "StartPipelineExecution", **request)["PipelineExecutionArn"])

    def differs(self, aws: Aws, spec: Spec, observed: Observed) -> bool:
        # Parameters are not among what SageMaker describes; a change of them goes unnoticed.
        compared = (*self._updated, "selectiveExecutionConfig", "pipelineVersionID")
        wanted = _request(aws, "StartPipelineExecution", spec, compared)
        names = _request(aws, "StartPipelineExecution", _all(compared), compared)
        found = {name: observed[name] for name in names if name in observed}
        if "PipelineVersionId" not in wanted:
            found.pop("PipelineVersionId", None)
        return wanted != found

    def update(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> Updated:
        request = _request(aws, "UpdatePipelineExecution", resource["spec"], self._updated)
        aws.call(region, "UpdatePipelineExecution", PipelineExecutionArn=observed["PipelineExecutionArn"], **request)
        return Updated(self.read(aws, region, resource))

    def delete(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> None:
        status, arn = observed["PipelineExecutionStatus"], observed["PipelineExecutionArn"]
        if status == "Executing":
            aws.call(region, "StopPipelineExecution", PipelineExecutionArn=arn)
            observed.update(aws.describe(region, "DescribePipelineExecution", _MISSING, PipelineExecutionArn=arn))
        if status in self.kind.running:
            raise Recoverable(f"{self.kind} is Stopping.", after=30.0)

    def arn(self, aws: Aws, observed: Observed) -> str:
        return str(observed["PipelineExecutionArn"])

    def status(self, observed: Observed) -> dict[str, Any]:
        return {
            "pipelineExecutionStatus": observed["PipelineExecutionStatus"],
            "failureReason": observed.get("FailureReason"),
            "creationTime": time_text(observed["CreationTime"]),
            "lastModifiedTime": time_text(observed["LastModifiedTime"]),
        }

    def adopted_spec(self, observed: Observed) -> Spec:
        # What the controller does: the first piece of the ARN, cut after its slash. It is wrong, and it is so.
        return {"pipelineName": observed["PipelineArn"].partition("/")[0] + "/"}

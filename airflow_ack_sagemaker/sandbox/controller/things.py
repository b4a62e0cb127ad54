"""All kinds but pipelines and executions: one row each, and one manager that reads it.

Sources: the controller's generator.yaml and its kinds' own code, as far as recordings and facts tell of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.sandbox.controller.compare import differing
from airflow_ack_sagemaker.sandbox.controller.conditions import Recoverable, Terminal
from airflow_ack_sagemaker.sandbox.controller.manager import (
    REQUEUE_SECONDS,
    Manager,
    Observed,
    Resource,
    Spec,
    Updated,
    arn_of,
    default_tags,
)
from airflow_ack_sagemaker.sandbox.controller.names import fields_of, request_of, schema_of
from airflow_ack_sagemaker.sandbox.controller.sagemaker import Aws, Missing

NOT_IMPLEMENTED = "not implemented"


class Deletion(StrEnum):
    """How a kind is deleted."""

    AT_ONCE = "at once"
    WAITS = "waits"
    """Not before it is at rest, and then until it is gone."""
    STOPS = "stops"
    """A job that runs is stopped, and stays in SageMaker."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the controller knows of a kind.

    ``identity`` are the fields that name it, of the spec or (``status.``) of the status. ``missing`` is the error that
    says that there is none: its code and a part of its message. ``updated`` are the fields that an update sends; None:
    there is no update. ``updating`` is the status that it then tells of. ``compared`` are the fields that are looked
    at; None: all. ``filled`` are those that SageMaker fills in.
    """

    kind: str
    identity: tuple[str, ...]
    missing: tuple[str, str]
    updated: tuple[str, ...] | None = None
    updating: str | None = None
    compared: tuple[str, ...] | None = None
    late: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Fields of the spec that describing calls otherwise."""
    unseen: tuple[str, ...] = ()
    """Fields that describing never tells of, and that are compared all the same: they always differ."""
    deletion: Deletion = Deletion.WAITS
    terminal: frozenset[str] = frozenset()
    gives_up: frozenset[str] = frozenset()
    resync: float = 36_000.0


class Thing(Manager):
    """The manager of a row."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.kind = kind_of(row.kind)
        self.resync = row.resync
        self.late = row.late
        self.gives_up = row.gives_up
        self.by_arn = row.kind == "ModelPackage"
        self._filled = frozenset((*row.late, *row.filled))

    # -- requests

    def _operation(self, verb: str) -> str:
        return f"{verb}{self.kind}"

    def _identity(self, aws: Aws, resource: Resource) -> dict[str, Any]:
        """What names it in a request. :raises Missing: nothing was made of it yet."""
        found = {}
        for path in self.row.identity:
            part, _, name = path.rpartition(".")
            value = (resource.get(part or "spec") or {}).get(name)
            if value is None and part:
                raise Missing
            found[name] = value
        request: dict[str, Any] = request_of(found, aws.input_of(self._operation("Describe")))
        return request

    def _call(self, aws: Aws, region: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        return aws.call(region, operation, self.row.terminal, **request)

    def read(self, aws: Aws, region: str, resource: Resource) -> Observed:
        request = self._identity(aws, resource)
        return aws.describe(region, self._operation("Describe"), self.row.missing, **request)

    def create(self, aws: Aws, region: str, resource: Resource) -> str:
        operation = self._operation("Create")
        request: dict[str, Any] = request_of(resource["spec"], aws.input_of(operation))
        if "tags" in schema_of(self.kind.plural, "spec")["properties"] and not self.by_arn:
            request["Tags"] = [*request.get("Tags", []), *default_tags(resource)]
        answer = self._call(aws, region, operation, request)
        made = fields_of(answer, schema_of(self.kind.plural, "status"))
        if made:
            resource.setdefault("status", {}).update(made)
        return self.arn(aws, answer)

    # -- what differs

    def _found(self, aws: Aws, observed: Observed) -> Spec:
        """The spec that SageMaker's description comes to."""
        schema = schema_of(self.kind.plural, "spec")
        named = {field: observed[member] for field, member in self.row.renamed.items() if member in observed}
        found: Spec = fields_of({**observed, **named}, schema)
        return {name: value for name, value in found.items() if name != "tags"}

    def _differing(self, aws: Aws, spec: Spec, observed: Observed) -> list[str]:
        described = {name.lower() for name in aws.output_of(self._operation("Describe")).members}
        names = set(self.row.compared or schema_of(self.kind.plural, "spec")["properties"]) - {"tags"}
        names = {name for name in names if name.lower() in described or name in (*self.row.renamed, *self.row.unseen)}
        wanted = {name: value for name, value in spec.items() if name in names}
        found = {name: value for name, value in self._found(aws, observed).items() if name in names}
        return differing(wanted, found, self._filled)

    def differs(self, aws: Aws, spec: Spec, observed: Observed) -> bool:
        return bool(self._differing(aws, spec, observed))

    def drifted_spec(self, aws: Aws, spec: Spec, observed: Observed) -> Spec:
        found = self._found(aws, observed)
        return {
            name: found[name]
            for name in self.row.compared or ()
            if name in spec and name in found and spec[name] != found[name]
        }

    # -- update and delete

    def _wait_while_changing(self, observed: Observed) -> None:
        status = self.said(observed)
        if status in self.kind.running:
            raise Recoverable(f"{self.kind} in {status} state cannot be modified or deleted.", after=REQUEUE_SECONDS)

    def update(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> Updated:
        if self.row.updated is None:
            raise Terminal(NOT_IMPLEMENTED)
        self._wait_while_changing(observed)
        return self._update(aws, region, resource, observed)

    def _update(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> Updated:
        operation = self._operation("Update")
        sent = {name: resource["spec"][name] for name in self.row.updated or () if name in resource["spec"]}
        request = {**request_of(sent, aws.input_of(operation)), **self._identity(aws, resource)}
        self._call(aws, region, operation, request)
        if self.row.updating is None:
            return Updated(self.read(aws, region, resource))
        return Updated(self._told(observed, self.row.updating), self.row.updating)

    def _told(self, observed: Observed, status: str) -> Observed:
        """A description with another status: what the controller tells right after it has asked for a change."""
        name = self.kind.status_field or ""
        return {**observed, name[:1].upper() + name[1:]: status}

    def delete(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> None:
        if self.row.deletion is Deletion.STOPS:
            return self._stop(aws, region, resource, observed)
        request = self._identity(aws, resource)
        if self.row.deletion is Deletion.WAITS:
            self._wait_while_changing(observed)
        self._call(aws, region, self._operation("Delete"), request)
        if self.row.deletion is Deletion.WAITS:
            # Gone at once is as good: `Missing` tells so.
            observed.update(self.read(aws, region, resource))
            raise Recoverable(f"{self.kind} is Deleting.", after=REQUEUE_SECONDS)
        return None

    def _stop(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> None:
        status = self.said(observed)
        if status in self.kind.running and status != "Stopping":
            self._call(aws, region, self._operation("Stop"), self._identity(aws, resource))
            observed.update(self.read(aws, region, resource))
        if status in self.kind.running:
            raise Recoverable(f"{self.kind} is Stopping.", after=REQUEUE_SECONDS)

    # -- what is told

    def arn(self, aws: Aws, observed: Observed) -> str:
        members = aws.output_of(self._operation("Create")).members
        return str(observed[next(name for name in members if name.endswith("Arn"))])

    def status(self, observed: Observed) -> dict[str, Any]:
        schema = schema_of(self.kind.plural, "status")
        found = fields_of(observed, schema)
        return {
            name: found.get(name) for name in schema["properties"] if name not in ("ackResourceMetadata", "conditions")
        }

    def adopted_spec(self, observed: Observed) -> Spec:
        found: Spec = fields_of(observed, schema_of(self.kind.plural, "spec"))
        return found


class Package(Thing):
    """A model package, which its ARN alone names once it is made."""

    def _identity(self, aws: Aws, resource: Resource) -> dict[str, Any]:
        arn = arn_of(resource)
        if arn is None and resource["spec"].get("modelPackageGroupName"):
            raise Missing
        name = arn or resource["spec"].get("modelPackageName")
        if name is None:
            raise Missing
        return {"ModelPackageName": name}

    def _update(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> Updated:
        sent = {name: resource["spec"][name] for name in self.row.updated or () if name in resource["spec"]}
        request = request_of(sent, aws.input_of("UpdateModelPackage"))
        self._call(aws, region, "UpdateModelPackage", {**request, "ModelPackageArn": self.arn(aws, observed)})
        # The controller goes on from the resource as it was, not from SageMaker's description.
        before = (resource.get("status") or {}).get("modelPackageStatus")
        told = str(before or self.said(observed))
        return Updated(self._told(observed, told), told)


class Endpoint(Thing):
    """An endpoint, whose update may fail and be forgotten by SageMaker: the controller keeps what it tried."""

    tried = "sagemaker.services.k8s.aws/last-endpoint-config-for-update"

    def _found(self, aws: Aws, observed: Observed) -> Spec:
        found = super()._found(aws, observed)
        found.pop("deploymentConfig", None)
        deployment = fields_of(
            observed.get("LastDeploymentConfig") or {}, schema_of("endpoints", "spec")["properties"]["deploymentConfig"]
        )
        return {**found, "deploymentConfig": deployment} if deployment else found

    def update(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> Updated:
        wanted, status = resource["spec"]["endpointConfigName"], self.said(observed)
        reason = str(observed.get("FailureReason") or "")
        tried = (resource["metadata"].get("annotations") or {}).get(self.tried)
        self._wait_while_changing(observed)
        again = reason and tried == wanted != observed["EndpointConfigName"]
        if status == "Failed" or (again and not reason.startswith("Request to service failed")):
            raise Terminal(
                "api error EndpointUpdateError: unable to update endpoint. check FailureReason. latest "
                f"EndpointConfigName is {observed['EndpointConfigName']}",
                unsynced=True,
            )
        operation = "UpdateEndpoint"
        sent = {name: resource["spec"][name] for name in self.row.updated or () if name in resource["spec"]}
        request = {**request_of(sent, aws.input_of(operation)), "RetainAllVariantProperties": True}
        self._call(aws, region, operation, {**request, **self._identity(aws, resource)})
        return Updated(self._told(observed, "Updating"), "Updating", {self.tried: wanted})


class Training(Thing):
    """A training job, of which only the warm pool and the profiler can be changed."""

    _mutable = ("profilerConfig", "profilerRuleConfigurations", "resourceConfig.keepAlivePeriodInSeconds")

    def update(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> Updated:
        fields = self._differing(aws, resource["spec"], observed)
        if not all(name.startswith(self._mutable) for name in fields):
            raise Terminal("only Warm Pool or Profiler can be updated")
        request = self._identity(aws, resource)
        spec = resource["spec"]
        profiler = {name: spec[name] for name in self._mutable[:2] if name in spec}
        request |= request_of(profiler, aws.input_of("UpdateTrainingJob"))
        if any(name.startswith("resourceConfig") for name in fields):
            kept = spec["resourceConfig"].get("keepAlivePeriodInSeconds", 0)
            request["ResourceConfig"] = {"KeepAlivePeriodInSeconds": kept}
        self._call(aws, region, "UpdateTrainingJob", request)
        return Updated(self.read(aws, region, resource))


class Schedule(Thing):
    """A monitoring schedule, which is left alone while an execution of it runs."""

    def _wait_while_changing(self, observed: Observed) -> None:
        super()._wait_while_changing(observed)
        last = (observed.get("LastMonitoringExecutionSummary") or {}).get("MonitoringExecutionStatus")
        if last in ("Pending", "InProgress", "Stopping"):
            raise Recoverable(
                f"{self.kind} cannot be modified or deleted while its last execution is {last}.", after=REQUEUE_SECONDS
            )


class Notebook(Thing):
    """A notebook instance, which is stopped before it is changed or deleted, and started again after a change."""

    def _stopped(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> None:
        if self.said(observed) == "InService":
            aws.call(region, "StopNotebookInstance", **self._identity(aws, resource))
            observed.update(self.read(aws, region, resource))
            raise Recoverable(f"{self.kind} is Stopping.", after=REQUEUE_SECONDS)

    def update(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> Updated:
        self._wait_while_changing(observed)
        self._stopped(aws, region, resource, observed)
        return self._update(aws, region, resource, observed)

    def delete(self, aws: Aws, region: str, resource: Resource, observed: Observed) -> None:
        self._wait_while_changing(observed)
        self._stopped(aws, region, resource, observed)
        super().delete(aws, region, resource, observed)

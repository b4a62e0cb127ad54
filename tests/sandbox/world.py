"""A cluster, a controller and AWS, and what the tests of the controller do with them.

Time stands still until a test moves it: what a test sees without moving the clock has happened at once, and requeues
after 30 and 60 seconds and the back-off are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, PIPELINE, PIPELINE_EXECUTION, Kind
from airflow_ack_sagemaker.sandbox import ManualClock
from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint
from airflow_ack_sagemaker.sandbox.controller import Controller
from harness.waiting import wait_until
from tests.contract.servers import APPLY, MERGE, Server
from tests.sandbox.definitions import CHAIN, ROLE

SERVICES = "services.k8s.aws/"
MANAGER = "ack-sagemaker"
SYNCED = "Resource synced successfully"
UNKNOWN = "Unable to determine if desired resource state matches latest observed state"

Object = dict[str, Any]


Condition = Callable[[], Any]


def until(condition: Condition, what: Callable[[], str] | str) -> Any:
    """Wait for a condition; gives what it gave."""
    return wait_until(condition, 120, what, every=0.01)


@dataclass
class World:
    """A cluster, a controller of one namespace there, and AWS."""

    server: Server
    namespace: str
    endpoint: AwsEndpoint
    controller: Controller
    clock: ManualClock
    sagemaker: Any
    kinds: tuple[Kind, ...] = (PIPELINE, PIPELINE_EXECUTION)
    """The kinds that a test works with."""

    # -- the cluster

    def path(self, kind: Kind, name: str, namespace: str | None = None) -> str:
        return f"/apis/{API_VERSION}/namespaces/{namespace or self.namespace}/{kind.plural}/{name}"

    def apply(
        self,
        kind: Kind,
        name: str = "abalone",
        /,
        annotations: dict[str, str] | None = None,
        namespace: str | None = None,
        **spec: Any,
    ) -> Object:
        """Server-side apply; gives the resource."""
        metadata = {"name": name, "annotations": {SERVICES + k: v for k, v in (annotations or {}).items()}}
        manifest = {"apiVersion": API_VERSION, "kind": kind.kind, "metadata": metadata, "spec": spec}
        path = self.path(kind, name, namespace)
        return self.server.done("PATCH", path, manifest, media=APPLY, fieldManager="test", force="true")

    def patch(self, kind: Kind, name: str, body: Object, subresource: str = "") -> Object:
        """Merge-patch; gives the resource."""
        return self.server.done("PATCH", self.path(kind, name) + subresource, body, media=MERGE)

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """The resource; an empty one while it is not there."""
        answer = self.server.request("GET", self.path(kind, name, namespace))
        assert answer.is_success or answer.status_code == 404, answer.text
        found: Object = answer.json() if answer.is_success else {}
        return found

    def delete(self, kind: Kind, name: str) -> None:
        self.server.done("DELETE", self.path(kind, name))

    def gone(self, kind: Kind, name: str) -> None:
        """Wait until a resource is gone."""
        until(lambda: not self.get(kind, name), f"{kind} {name} to be gone")

    def wait(self, kind: Kind, name: str, condition: Callable[[Object], Any], namespace: str | None = None) -> Object:
        """Wait until the status fulfils a condition; gives the status."""

        def look() -> Object | None:
            status: Object = self.get(kind, name, namespace).get("status") or {}
            return status if condition(status) else None

        found: Object = until(look, lambda: f"{kind} {name}: {self.get(kind, name, namespace)}")
        return found

    def events(self) -> list[Object]:
        """The Kubernetes events of the namespace."""
        items: list[Object] = self.server.done("GET", f"/api/v1/namespaces/{self.namespace}/events")["items"]
        return items

    # -- resources as most tests want them

    def pipeline(self, name: str = "abalone", text: str = CHAIN, **more: Any) -> Object:
        return self.apply(PIPELINE, name, pipelineName=name, pipelineDefinition=text, roleARN=ROLE, **more)

    def synced(self, name: str = "abalone", **more: Any) -> Object:
        """Apply a pipeline and wait for the controller; gives the status."""
        self.pipeline(name, **more)
        return self.wait(PIPELINE, name, lambda status: status.get("conditions"))

    def launched(self, name: str = "run", **more: Any) -> str:
        """Apply a pipeline and an execution; gives the execution's ARN once it runs."""
        self.synced()
        self.apply(PIPELINE_EXECUTION, name, pipelineName="abalone", **more)
        return str(self.execution("Executing", name)["ackResourceMetadata"]["arn"])

    def execution(self, status: str, name: str = "run") -> Object:
        """Wait until an execution has a status of SageMaker; gives the whole status."""
        return self.wait(PIPELINE_EXECUTION, name, lambda found: found.get("pipelineExecutionStatus") == status)

    # -- the controller and AWS

    def another_controller(self, namespace: str | None = None, url: str | None = None) -> Controller:
        """A controller beside this world's, or in its place once that is stopped."""
        where = namespace or self.namespace
        return Controller(self.server.kubeconfig, url or self.endpoint.url, self.clock, namespace=where)

    def count(self, operation: str) -> int:
        """How often an operation of SageMaker was called."""
        return self.endpoint.requests.get(operation, 0)

    def calls(self, operation: str, count: int) -> None:
        """Wait until an operation was called so often; more is an error."""
        until(lambda: self.count(operation) >= count, lambda: f"{count} {operation}: {self.endpoint.requests}")
        assert self.count(operation) == count, operation

    def idle(self) -> None:
        """Wait until the controller has nothing to do now. Of changes that are on their way it does not know yet."""
        until(lambda: self.controller.idle, "the controller to be idle")

    def advance(self, seconds: float) -> None:
        """Move the clock once the controller has done what it can, so that it counts its waits from before."""
        self.idle()
        self.clock.advance(seconds)

    def settle(self, *kinds: Kind) -> None:
        """Wait until the controller has been told of all changes, or of those of these kinds."""
        for kind in kinds or self.kinds:
            until(partial(self._told, kind), f"the controller to be told of all {kind.plural}")

    def _told(self, kind: Kind) -> bool:
        items = self.server.done("GET", self.path(kind, "").rstrip("/"))["items"]
        there = {
            (self.namespace, item["metadata"]["name"]): (item["metadata"]["uid"], item["metadata"]["generation"])
            for item in items
        }
        return self.controller.seen(kind.kind) == there

    def described(self, name: str = "abalone") -> str:
        """The definition that SageMaker has."""
        return str(self.sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"])

    def pipelines(self) -> set[str]:
        """The pipelines that SageMaker has."""
        return {pipeline["PipelineName"] for pipeline in self.sagemaker.list_pipelines()["PipelineSummaries"]}


def conditions(status: Object) -> dict[str, tuple[str, str | None, str]]:
    """Status, reason and message of each condition."""
    return {c["type"]: (c["status"], c.get("reason"), c.get("message", "")) for c in status.get("conditions", [])}


def statuses(status: Object) -> dict[str, str]:
    """The status of each condition."""
    return {kind: value for kind, (value, _, _) in conditions(status).items()}


def times(status: Object) -> dict[str, str | None]:
    """When each condition last changed; None where it does not say."""
    return {c["type"]: c.get("lastTransitionTime") for c in status["conditions"]}


def renewed(before: Object, after: Object) -> bool:
    """Whether both conditions that bear a time bear a later one."""
    old, new = times(before), times(after)
    return all((new[kind] or "") > (old[kind] or "") for kind in ("ACK.ResourceSynced", "Ready"))


def written(resource: Object) -> Object:
    """The controller's entry for the status in managedFields."""
    entries = resource["metadata"]["managedFields"]
    [found] = [e for e in entries if (e["manager"], e.get("subresource")) == (MANAGER, "status")]
    return dict(found)

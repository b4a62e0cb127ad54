"""Each situation that was observed with the real ACK SageMaker controller, and what the resource then says.

Time stands still until a test moves it, so that requeues after 30 and 60 seconds and the back-off are exact.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Namespace
from lightkube.types import PatchType

from airflow_ack_sagemaker.model.kinds import API_VERSION, PIPELINE, PIPELINE_EXECUTION, Kind
from airflow_ack_sagemaker.sandbox import ManualClock
from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint
from airflow_ack_sagemaker.sandbox.controller import Controller
from tests.sandbox.conftest import until
from tests.sandbox.definitions import CHAIN, ROLE, definition, train

SERVICES = "services.k8s.aws/"
SYNCED = "Resource synced successfully"


def resource(kind: Kind) -> Any:
    """The class by which lightkube knows a kind."""
    group, version = API_VERSION.split("/")
    return create_namespaced_resource(group, version, kind.kind, kind.plural)


CLASSES = {kind.kind: resource(kind) for kind in (PIPELINE, PIPELINE_EXECUTION)}


@dataclass
class World:
    """A cluster, a controller and AWS, and what a test does with them."""

    server: ApiServer
    endpoint: AwsEndpoint
    controller: Controller
    clock: ManualClock
    kube: Client
    sagemaker: Any

    def apply(
        self, kind: Kind, name: str = "abalone", /, annotations: dict[str, str] | None = None, **spec: Any
    ) -> dict[str, Any]:
        metadata = {
            "name": name,
            "namespace": "default",
            "annotations": {SERVICES + k: v for k, v in (annotations or {}).items()},
        }
        manifest = {"apiVersion": API_VERSION, "kind": kind.kind, "metadata": metadata, "spec": spec}
        return dict(self.kube.apply(CLASSES[kind.kind](manifest), field_manager="test", force=True))

    def pipeline(self, name: str = "abalone", text: str = CHAIN, **more: Any) -> dict[str, Any]:
        return self.apply(PIPELINE, name, pipelineName=name, pipelineDefinition=text, roleARN=ROLE, **more)

    def launched(self, name: str = "run", **more: Any) -> str:
        """Apply a pipeline and an execution; gives the execution's ARN once it runs."""
        self.pipeline()
        self.wait(PIPELINE, "abalone", lambda status: status.get("pipelineStatus") == "Active")
        self.apply(PIPELINE_EXECUTION, name, pipelineName="abalone", **more)
        status = self.wait(
            PIPELINE_EXECUTION, name, lambda status: status.get("pipelineExecutionStatus") == "Executing"
        )
        return str(status["ackResourceMetadata"]["arn"])

    def get(self, kind: Kind, name: str) -> dict[str, Any] | None:
        try:
            return json.loads(json.dumps(self.kube.get(CLASSES[kind.kind], name, namespace="default").to_dict()))  # type: ignore[no-any-return]
        except ApiError as error:
            if error.status.code == 404:
                return None
            raise

    def wait(self, kind: Kind, name: str, condition: Any) -> dict[str, Any]:
        """Wait until the status fulfils a condition; gives the status."""

        def look() -> dict[str, Any] | None:
            status: dict[str, Any] = (self.get(kind, name) or {}).get("status") or {}
            return status if condition(status) else None

        found: dict[str, Any] = until(look, f"{kind} {name}: {self.get(kind, name)}")
        return found

    def delete(self, kind: Kind, name: str) -> None:
        self.kube.delete(CLASSES[kind.kind], name, namespace="default")

    def gone(self, kind: Kind, name: str) -> None:
        until(lambda: self.get(kind, name) is None, f"{kind} {name} is gone")

    def calls(self, operation: str, count: int) -> None:
        """Wait until an operation was called so often; more is an error."""
        until(
            lambda: self.endpoint.requests.get(operation, 0) >= count, f"{count} {operation}: {self.endpoint.requests}"
        )
        assert self.endpoint.requests[operation] == count

    def advance(self, seconds: float) -> None:
        """Move the clock once the controller has done what it can, so that it counts its waits from before."""
        until(lambda: self.controller.idle, "the controller is idle")
        self.clock.advance(seconds)

    def settle(self) -> None:
        """Wait until the controller has seen all changes: it is told of them, and reconciles, in their order."""
        for kind in (PIPELINE, PIPELINE_EXECUTION):
            name = f"settle-{len(self.endpoint.requests)}-{self.clock.time():.0f}".replace(".", "-")
            more: dict[str, Any] = {"roleARN": ROLE} if kind is PIPELINE else {}
            self.apply(kind, name, pipelineName=name, **more)
            self.wait(kind, name, lambda status: status.get("conditions"))
            self.delete(kind, name)
            self.gone(kind, name)


def conditions(status: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Status and message of each condition."""
    return {c["type"]: (c["status"], c.get("message", "")) for c in status.get("conditions", [])}


def statuses(status: dict[str, Any]) -> dict[str, str]:
    """The status of each condition."""
    return {kind: value for kind, (value, _) in conditions(status).items()}


@pytest.fixture
def world(endpoint: AwsEndpoint, clock: ManualClock, sagemaker: Any) -> Iterator[World]:
    with (
        ApiServer() as server,
        Controller(server.kubeconfig(), endpoint.url, clock) as controller,
        Client(config=KubeConfig.from_dict(server.kubeconfig()).get(), trust_env=False) as kube,
    ):
        yield World(server, endpoint, controller, clock, kube, sagemaker)


def test_a_pipeline_is_applied(world: World) -> None:
    world.pipeline(tags=[{"key": "team", "value": "search"}])
    status = world.wait(PIPELINE, "abalone", lambda status: status.get("conditions"))
    found = world.get(PIPELINE, "abalone")
    assert found is not None
    assert found["metadata"]["finalizers"] == ["finalizers.sagemaker.services.k8s.aws/Pipeline"]
    assert found["metadata"]["generation"] == 1
    assert status["pipelineStatus"] == "Active"
    assert conditions(status) == {"ACK.ResourceSynced": ("True", SYNCED), "Ready": ("True", SYNCED)}
    assert all("lastTransitionTime" in condition for condition in status["conditions"])
    assert status["ackResourceMetadata"] == {
        "arn": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone",
        "ownerAccountID": "123456789012",
        "partition": "aws",
        "region": "us-east-1",
    }
    assert {"creationTime", "lastModifiedTime"} <= set(status)
    managers = {(entry["manager"], entry.get("subresource")) for entry in found["metadata"]["managedFields"]}
    assert ("ack-sagemaker", "status") in managers
    tags = world.sagemaker.list_tags(ResourceArn=status["ackResourceMetadata"]["arn"])["Tags"]
    assert {tag["Key"] for tag in tags} == {"team", "services.k8s.aws/controller-version", "services.k8s.aws/namespace"}


def test_an_execution_runs_and_succeeds(world: World) -> None:
    arn = world.launched(pipelineExecutionDisplayName="run-1")
    found = world.get(PIPELINE_EXECUTION, "run")
    assert found is not None
    assert found["metadata"]["finalizers"] == ["finalizers.sagemaker.services.k8s.aws/PipelineExecution"]
    message = "PipelineExecution is in Executing status."
    assert conditions(found["status"]) == {"ACK.ResourceSynced": ("False", message), "Ready": ("False", message)}
    assert (
        world.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionDisplayName"] == "run-1"
    )
    described = world.endpoint.requests["DescribePipelineExecution"]
    world.advance(29)
    world.settle()
    assert world.endpoint.requests["DescribePipelineExecution"] == described
    world.advance(1)
    world.calls("DescribePipelineExecution", described + 1)
    world.settle()
    # Described, and nothing has changed: not even its version.
    assert world.get(PIPELINE_EXECUTION, "run") == found
    world.advance(31)
    status = world.wait(PIPELINE_EXECUTION, "run", lambda status: status["pipelineExecutionStatus"] == "Succeeded")
    assert conditions(status) == {"ACK.ResourceSynced": ("True", SYNCED), "Ready": ("True", SYNCED)}
    # From now on once in 60 seconds.
    described = world.endpoint.requests["DescribePipelineExecution"]
    world.advance(59)
    world.settle()
    assert world.endpoint.requests["DescribePipelineExecution"] == described
    for again in (1, 2):
        world.advance(1 if again == 1 else 60)
        world.calls("DescribePipelineExecution", described + again)
        world.settle()


def test_a_failed_execution_looks_synced(world: World) -> None:
    world.endpoint.script.add("Train=Failed")
    world.launched()
    world.advance(61)
    status = world.wait(PIPELINE_EXECUTION, "run", lambda status: status["pipelineExecutionStatus"] == "Failed")
    assert status["failureReason"] == "Step failure: One or multiple steps failed."
    assert statuses(status) == {"ACK.ResourceSynced": "True", "Ready": "True"}


def test_a_failed_execution_that_differs_from_its_spec_is_recoverable_too(world: World) -> None:
    world.endpoint.script.add("Train=Failed")
    world.launched()
    world.advance(61)
    world.wait(PIPELINE_EXECUTION, "run", lambda status: status["pipelineExecutionStatus"] == "Failed")
    world.apply(PIPELINE_EXECUTION, "run", pipelineName="abalone", pipelineExecutionDescription="changed")
    status = world.wait(PIPELINE_EXECUTION, "run", lambda status: "ACK.Recoverable" in statuses(status))
    assert status["pipelineExecutionStatus"] == "Failed"
    assert statuses(status) == {"ACK.Recoverable": "True", "ACK.ResourceSynced": "True", "Ready": "False"}
    assert [("lastTransitionTime" in condition) for condition in status["conditions"]] == [False, True, True]


def test_an_execution_of_a_pipeline_that_is_not_there_is_terminal(world: World) -> None:
    world.apply(PIPELINE_EXECUTION, "run", pipelineName="abalone")
    status = world.wait(PIPELINE_EXECUTION, "run", lambda status: status.get("conditions"))
    message = "ResourceNotFound: Pipeline 'arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone' does not exist."
    assert conditions(status)["ACK.Terminal"] == ("True", message)
    assert statuses(status) == {"ACK.Terminal": "True", "ACK.ResourceSynced": "False", "Ready": "False"}
    assert "pipelineExecutionStatus" not in status
    assert "lastTransitionTime" not in status["conditions"][0]
    # Never tried again, not even when the pipeline comes.
    started = world.endpoint.requests["StartPipelineExecution"]
    world.pipeline()
    world.wait(PIPELINE, "abalone", lambda status: status.get("pipelineStatus") == "Active")
    world.advance(3600)
    world.wait(PIPELINE, "abalone", lambda status: status.get("pipelineStatus") == "Active")
    assert world.endpoint.requests["StartPipelineExecution"] == started
    world.delete(PIPELINE_EXECUTION, "run")
    world.gone(PIPELINE_EXECUTION, "run")


def test_a_refusal_is_recoverable_and_tried_again_with_back_off(world: World) -> None:
    world.endpoint.script.add("CreatePipeline=ValidationException:no such role")
    world.pipeline()
    # At once, and then after 0, 1, 2, 4 and 8 seconds.
    world.calls("CreatePipeline", 2)
    status = world.wait(PIPELINE, "abalone", lambda status: status.get("conditions"))
    assert conditions(status)["ACK.Recoverable"] == ("True", "ValidationException: no such role")
    assert statuses(status) == {"ACK.Recoverable": "True", "ACK.ResourceSynced": "Unknown", "Ready": "False"}
    assert "pipelineStatus" not in status
    until(
        lambda: not (world.get(PIPELINE, "abalone") or {})["metadata"].get("finalizers"),
        "the finalizer is removed again",
    )
    for tries, seconds in ((3, 1), (4, 2), (5, 4), (6, 8)):
        world.calls("CreatePipeline", tries - 1)
        _advance_to_try(world, seconds, tries)
    world.endpoint.script.clear()
    _advance_to_try(world, 16, 7)
    status = world.wait(PIPELINE, "abalone", lambda status: status.get("pipelineStatus") == "Active")
    assert statuses(status) == {"ACK.ResourceSynced": "True", "Ready": "True"}


def _advance_to_try(world: World, seconds: float, tries: int) -> None:
    """Move the clock just short of the next try, then to it."""
    _idle(world)
    world.advance(seconds - 0.1)
    _idle(world)
    assert world.endpoint.requests["CreatePipeline"] == tries - 1
    world.advance(0.1)
    world.calls("CreatePipeline", tries)


def _idle(world: World) -> None:
    """Wait until the controller has nothing to do now. Of changes that are on their way it does not know yet."""
    until(lambda: world.controller.idle, "the controller is idle")


def test_without_aws_nothing_is_said(world: World, clock: ManualClock) -> None:
    world.controller.stop()
    world.endpoint.script.add("GetCallerIdentity=ExpiredToken")
    with Controller(world.server.kubeconfig(), world.endpoint.url, clock) as controller:
        until(lambda: world.endpoint.requests["GetCallerIdentity"] >= 2, "it asks for the account")
        assert not controller.idle
        found = world.pipeline()
        assert "status" not in found
        assert world.get(PIPELINE, "abalone") == json.loads(json.dumps(found))
    with Controller(world.server.kubeconfig(), "http://127.0.0.1:9", clock):
        assert (world.get(PIPELINE, "abalone") or {}).get("status") is None


def test_another_namespace_is_not_watched(world: World, clock: ManualClock) -> None:
    world.controller.stop()
    world.kube.create(Namespace(metadata=ObjectMeta(name="other")))
    with Controller(world.server.kubeconfig(), world.endpoint.url, clock, namespace="other"):
        world.pipeline()
        metadata = {"name": "abalone", "namespace": "other"}
        spec = {"pipelineName": "abalone", "pipelineDefinition": CHAIN, "roleARN": ROLE}
        other = CLASSES["Pipeline"]
        world.kube.create(other(apiVersion=API_VERSION, kind="Pipeline", metadata=metadata, spec=spec))
        until(lambda: world.kube.get(other, "abalone", namespace="other").get("status"), "the other is reconciled")
        assert "status" not in (world.get(PIPELINE, "abalone") or {})


def test_a_running_execution_is_deleted(world: World) -> None:
    arn = world.launched()
    world.delete(PIPELINE_EXECUTION, "run")
    status = world.wait(PIPELINE_EXECUTION, "run", lambda status: status["pipelineExecutionStatus"] == "Stopping")
    assert conditions(status)["ACK.Recoverable"] == ("True", "PipelineExecution is Stopping.")
    assert (world.get(PIPELINE_EXECUTION, "run") or {})["metadata"]["deletionTimestamp"]
    _idle(world)
    world.advance(29)
    _idle(world)
    assert world.get(PIPELINE_EXECUTION, "run") is not None
    world.advance(1)
    world.gone(PIPELINE_EXECUTION, "run")
    assert world.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"] == "Stopped"
    assert world.endpoint.requests["StopPipelineExecution"] == 1


def test_a_finished_execution_is_deleted(world: World) -> None:
    arn = world.launched()
    world.advance(61)
    world.wait(PIPELINE_EXECUTION, "run", lambda status: status["pipelineExecutionStatus"] == "Succeeded")
    world.delete(PIPELINE_EXECUTION, "run")
    world.gone(PIPELINE_EXECUTION, "run")
    assert (
        world.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"] == "Succeeded"
    )
    assert "StopPipelineExecution" not in world.endpoint.requests


def test_a_definition_is_changed(world: World) -> None:
    world.pipeline()
    before = world.wait(PIPELINE, "abalone", lambda status: status.get("conditions"))
    world.advance(5)
    changed = definition(train("Train"))
    assert world.pipeline(text=changed)["metadata"]["generation"] == 2
    status = world.wait(PIPELINE, "abalone", lambda status: status["conditions"] != before["conditions"])
    assert statuses(status) == {"ACK.ResourceSynced": "True", "Ready": "True"}
    assert world.sagemaker.describe_pipeline(PipelineName="abalone")["PipelineDefinition"] == changed
    assert world.endpoint.requests["UpdatePipeline"] == 1


def test_a_busy_controller_leaves_the_old_synced_condition(world: World) -> None:
    world.pipeline()
    world.wait(PIPELINE, "abalone", lambda status: status.get("conditions"))
    world.advance(5)
    world.controller.pause()
    after = world.pipeline(text=definition(train("Train")))
    assert after["metadata"]["generation"] == 2
    assert statuses(after["status"]) == {"ACK.ResourceSynced": "True", "Ready": "True"}
    assert world.sagemaker.describe_pipeline(PipelineName="abalone")["PipelineDefinition"] == CHAIN
    world.controller.resume()
    status = world.wait(PIPELINE, "abalone", lambda status: status["conditions"] != after["status"]["conditions"])
    assert status["conditions"][0]["lastTransitionTime"] > after["status"]["conditions"][0]["lastTransitionTime"]


def test_reacting_renews_the_transition_time_even_when_nothing_else_changes(world: World) -> None:
    world.pipeline()
    before = world.wait(PIPELINE, "abalone", lambda status: status.get("conditions"))
    world.advance(5)
    world.pipeline(text=json.dumps(json.loads(CHAIN), indent=1))
    status = world.wait(PIPELINE, "abalone", lambda status: status["conditions"] != before["conditions"])
    # The same JSON in other words is no update.
    assert "UpdatePipeline" not in world.endpoint.requests
    assert {**status, "conditions": None} == {**before, "conditions": None}
    assert status["conditions"][0]["lastTransitionTime"] > before["conditions"][0]["lastTransitionTime"]


def test_a_second_update_within_a_second_is_no_status_write(world: World) -> None:
    world.pipeline()
    world.wait(PIPELINE, "abalone", lambda status: status.get("conditions"))
    _idle(world)
    asked = world.endpoint.requests["DescribePipeline"]
    after = world.pipeline(text=json.dumps(json.loads(CHAIN), indent=1))
    world.calls("DescribePipeline", asked + 1)
    _idle(world)
    assert (world.get(PIPELINE, "abalone") or {})["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]


def test_annotations_alone_are_no_reason_to_reconcile(world: World) -> None:
    world.launched()
    _idle(world)
    before = world.endpoint.requests
    for kind, name in ((PIPELINE, "abalone"), (PIPELINE_EXECUTION, "run")):
        patch = {"metadata": {"annotations": {"seen": "yes"}, "labels": {"seen": "yes"}}}
        world.kube.patch(CLASSES[kind.kind], name, patch, namespace="default", patch_type=PatchType.MERGE)
    world.settle()
    after = world.endpoint.requests
    assert after["DescribePipelineExecution"] == before["DescribePipelineExecution"]


def test_a_pipeline_name_is_changed(world: World) -> None:
    world.pipeline()
    world.wait(PIPELINE, "abalone", lambda status: status.get("conditions"))
    world.apply(PIPELINE, "abalone", pipelineName="second", pipelineDefinition=CHAIN, roleARN=ROLE)
    world.calls("CreatePipeline", 2)
    status = world.wait(PIPELINE, "abalone", lambda status: status["ackResourceMetadata"]["arn"].endswith("/second"))
    assert statuses(status)["ACK.ResourceSynced"] == "True"
    names = {pipeline["PipelineName"] for pipeline in world.sagemaker.list_pipelines()["PipelineSummaries"]}
    assert names == {"abalone", "second"}


def test_parameters_of_a_running_execution_are_changed(world: World) -> None:
    world.launched()
    _idle(world)
    described = world.endpoint.requests["DescribePipelineExecution"]
    world.apply(PIPELINE_EXECUTION, "run", pipelineName="abalone", pipelineParameters=[{"name": "Ratio", "value": "1"}])
    world.calls("DescribePipelineExecution", described + 1)
    _idle(world)
    assert "UpdatePipelineExecution" not in world.endpoint.requests
    assert world.endpoint.requests["StartPipelineExecution"] == 1


def test_other_fields_of_a_running_execution_are_changed(world: World) -> None:
    arn = world.launched()
    world.apply(PIPELINE_EXECUTION, "run", pipelineName="abalone", pipelineExecutionDescription="changed")
    world.calls("UpdatePipelineExecution", 1)
    described = world.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert described["PipelineExecutionDescription"] == "changed"
    world.endpoint.script.add("UpdatePipelineExecution=ThrottlingException:Rate exceeded")
    world.apply(PIPELINE_EXECUTION, "run", pipelineName="abalone", pipelineExecutionDescription="again")
    status = world.wait(PIPELINE_EXECUTION, "run", lambda status: "ACK.Recoverable" in statuses(status))
    assert status["pipelineExecutionStatus"] == "Executing"
    assert conditions(status)["ACK.Recoverable"] == ("True", "ThrottlingException: Rate exceeded")
    assert statuses(status)["ACK.ResourceSynced"] == "False"
    assert world.endpoint.requests["StartPipelineExecution"] == 1


@pytest.mark.parametrize("policy", ["retain", "delete"])
def test_a_pipeline_is_deleted(world: World, policy: str) -> None:
    world.apply(
        PIPELINE, "abalone", {"deletion-policy": policy}, pipelineName="abalone", pipelineDefinition=CHAIN, roleARN=ROLE
    )
    world.wait(PIPELINE, "abalone", lambda status: status.get("conditions"))
    world.delete(PIPELINE, "abalone")
    world.gone(PIPELINE, "abalone")
    left = [pipeline["PipelineName"] for pipeline in world.sagemaker.list_pipelines()["PipelineSummaries"]]
    assert left == (["abalone"] if policy == "retain" else [])


OTHERS = definition(train("Theirs"))


def test_a_name_that_sagemaker_already_has_is_terminal(world: World) -> None:
    world.sagemaker.create_pipeline(PipelineName="abalone", PipelineDefinition=OTHERS, RoleArn=ROLE)
    world.pipeline()
    status = world.wait(PIPELINE, "abalone", lambda status: status.get("conditions"))
    [terminal] = [condition for condition in status["conditions"] if condition["type"] == "ACK.Terminal"]
    assert (terminal["status"], terminal["message"]) == ("True", "Resource already exists")
    assert terminal["reason"].startswith("This resource already exists but is not managed by ACK.")
    assert statuses(status)["ACK.ResourceSynced"] == "False"
    assert not (world.get(PIPELINE, "abalone") or {})["metadata"].get("finalizers")
    patch = {"metadata": {"annotations": {SERVICES + "adoption-policy": "adopt"}}}
    world.kube.patch(CLASSES["Pipeline"], "abalone", patch, namespace="default", patch_type=PatchType.MERGE)
    world.settle()
    assert statuses((world.get(PIPELINE, "abalone") or {})["status"])["ACK.Terminal"] == "True"


@pytest.mark.parametrize(("policy", "kept"), [("adopt-or-create", CHAIN), ("adopt", OTHERS)])
def test_a_pipeline_is_adopted(world: World, policy: str, kept: str) -> None:
    world.sagemaker.create_pipeline(PipelineName="abalone", PipelineDefinition=OTHERS, RoleArn=ROLE)
    annotations = {"adoption-policy": policy, "adoption-fields": '{"pipelineName": "abalone"}'}
    world.apply(PIPELINE, "abalone", annotations, pipelineName="abalone", pipelineDefinition=CHAIN, roleARN=ROLE)
    status = world.wait(PIPELINE, "abalone", lambda status: status.get("conditions"))
    assert statuses(status) == {"ACK.ResourceSynced": "True", "Ready": "True"}
    found = world.get(PIPELINE, "abalone") or {}
    assert found["metadata"]["annotations"][SERVICES + "adopted"] == "true"
    assert found["metadata"]["generation"] == (2 if policy == "adopt" else 1)
    assert found["spec"]["pipelineDefinition"] == kept
    assert world.sagemaker.describe_pipeline(PipelineName="abalone")["PipelineDefinition"] == kept


def test_adopt_or_create_creates_what_is_not_there(world: World) -> None:
    annotations = {"adoption-policy": "adopt-or-create", "adoption-fields": '{"pipelineName": "abalone"}'}
    world.apply(PIPELINE, "abalone", annotations, pipelineName="abalone", pipelineDefinition=CHAIN, roleARN=ROLE)
    world.wait(PIPELINE, "abalone", lambda status: status.get("pipelineStatus") == "Active")
    assert SERVICES + "adopted" not in (world.get(PIPELINE, "abalone") or {})["metadata"]["annotations"]


def test_the_region_annotation(world: World) -> None:
    world.apply(
        PIPELINE, "abalone", {"region": "eu-west-1"}, pipelineName="abalone", pipelineDefinition=CHAIN, roleARN=ROLE
    )
    status = world.wait(PIPELINE, "abalone", lambda status: status.get("conditions"))
    assert status["ackResourceMetadata"]["region"] == "eu-west-1"
    assert status["ackResourceMetadata"]["arn"].startswith("arn:aws:sagemaker:eu-west-1:")


def test_a_restarted_controller_starts_nothing_again(world: World, clock: ManualClock) -> None:
    arn = world.launched()
    world.controller.stop()
    described = world.endpoint.requests["DescribePipelineExecution"]
    with Controller(world.server.kubeconfig(), world.endpoint.url, clock) as again:
        until(lambda: world.endpoint.requests["DescribePipelineExecution"] > described, "the execution is described")
        until(lambda: again.idle, "the controller is idle")
        clock.advance(61)
        status = world.wait(PIPELINE_EXECUTION, "run", lambda status: status["pipelineExecutionStatus"] == "Succeeded")
    assert status["ackResourceMetadata"]["arn"] == arn
    assert world.endpoint.requests["StartPipelineExecution"] == 1

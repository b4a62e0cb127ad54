"""approve, deploy and rollback on real API servers. But for the stage no controller runs here: the test writes the
statuses that the controller 1.9.1 was seen to write.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from airflow_ack_sagemaker.cli.lifecycle import ANNOTATION_PREVIOUS_CONFIG
from harness.waiting import HUNG, wait_until
from tests.cli.stage import Stage
from tests.cli.world import Cli, Said
from tests.contract.servers import API, Namespace, Server
from tests.sandbox.specs import SPECS

TRIED = "sagemaker.services.k8s.aws/last-endpoint-config-for-update"
SYNCED = {"type": "ACK.ResourceSynced", "status": "True"}
TERMINAL = {
    "type": "ACK.Terminal",
    "status": "True",
    "message": "api error EndpointUpdateError: unable to update endpoint. check FailureReason. latest "
    "EndpointConfigName is old",
}


class Place:
    """One resource whose status the test writes, as the controller does."""

    def __init__(self, server: Server, namespace: Namespace, kind: str, plural: str, name: str, spec: Any) -> None:
        self.server = server
        self.name = name
        self.path = f"{API}/namespaces/{namespace.name}/{plural}"
        body = {"apiVersion": "sagemaker.services.k8s.aws/v1alpha1", "kind": kind, "metadata": {"name": name}}
        server.done("POST", self.path, {**body, "spec": spec})

    def get(self) -> Any:
        return self.server.done("GET", f"{self.path}/{self.name}")

    def patch(self, body: Any, subresource: str = "") -> None:
        media = "application/merge-patch+json"
        self.server.done("PATCH", f"{self.path}/{self.name}{subresource}", body, media=media, fieldManager="controller")

    def status(self, **status: Any) -> None:
        conditions = status.pop("conditions", [SYNCED])
        arn = "arn:aws:sagemaker:us-east-1:123456789012:thing/x"
        ack = {"arn": arn, "ownerAccountID": "123456789012", "region": "us-east-1"}
        self.patch({"status": {**status, "conditions": conditions, "ackResourceMetadata": ack}}, "/status")

    def answer(self, when: Callable[[Any], bool], **status: Any) -> threading.Thread:
        """Write a status as soon as the spec is so, at a time from which an answer can be told."""

        def run() -> None:
            wait_until(lambda: when(self.get()["spec"]), HUNG, "the change of the spec", every=0.05)
            self.status(**status)

        thread = threading.Thread(target=run)
        thread.start()
        return thread


@pytest.fixture
def here(
    server: Server, namespace: Namespace, tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> Callable[..., Said]:
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(server.kubeconfig))
    alone = Cli(capsys, monkeypatch)
    return lambda *arguments: alone(*arguments, "--namespace", namespace.name, "--kubeconfig", str(path))


@pytest.fixture
def package(server: Server, namespace: Namespace) -> Place:
    spec = {"modelPackageGroupName": "abalone", "modelApprovalStatus": "PendingManualApproval"}
    return Place(server, namespace, "ModelPackage", "modelpackages", "abalone-1", spec)


@pytest.fixture
def endpoint(server: Server, namespace: Namespace) -> Place:
    place = Place(
        server, namespace, "Endpoint", "endpoints", "abalone", {"endpointName": "abalone", "endpointConfigName": "old"}
    )
    place.status(endpointStatus="InService")
    return place


def test_approve(here: Callable[..., Said], package: Place) -> None:
    early = here("approve", "abalone-1")
    assert (early.status, "only a Completed one" in early.err) == (2, True)
    package.status(modelPackageStatus="Completed")
    before = package.get()
    for dry in ("client", "server"):
        assert "would be changed: Approved" in here("approve", "abalone-1", "--dry-run", dry).out
    assert package.get()["spec"] == before["spec"]
    controller = package.answer(
        lambda spec: spec["modelApprovalStatus"] == "Approved",
        modelPackageStatus="Completed",
        conditions=[dict(SYNCED, message="seen")],
    )
    said = here("approve", "abalone-1", "--comment", "RMSE 1.9")
    controller.join()
    assert (said.status, said.out) == (0, "modelpackage/abalone-1: Approved: done\n")
    assert package.get()["spec"] == {
        "modelPackageGroupName": "abalone",
        "modelApprovalStatus": "Approved",
        "approvalDescription": "RMSE 1.9",
    }
    assert here("approve", "abalone-1", "--reject", "--no-wait").status == 0
    assert package.get()["spec"]["modelApprovalStatus"] == "Rejected"
    assert here("approve", "abalone-1", "--reject", "--pending").status == 2
    assert here("approve", "nothing").status == 1


@pytest.mark.parametrize("comment", [(), ("--comment", "RMSE 1.9")])
def test_an_approval_that_was_refused_is_asked_again(
    here: Callable[..., Said], package: Place, comment: tuple[str, ...]
) -> None:
    """The resource says so already, and the controller looks at a change only."""
    refusal = dict(TERMINAL, message="being modified")
    package.status(modelPackageStatus="Completed")
    assert here("approve", "abalone-1", *comment, "--no-wait").status == 0
    package.status(modelPackageStatus="Completed", conditions=[refusal])

    def again(*conditions: dict[str, str]) -> Said:
        before = package.get()["spec"]
        controller = package.answer(
            lambda spec: bool(spec != before), modelPackageStatus="Completed", conditions=conditions
        )
        said = here("approve", "abalone-1", *comment)
        controller.join()
        assert package.get()["spec"]["modelApprovalStatus"] == "Approved"
        return said

    for number in range(3):
        said = again(dict(refusal, message=f"still being modified: {number}"))
        assert said.status == 3
        assert f"still being modified: {number}" in said.out + said.err
    said = again(SYNCED)
    assert (said.status, said.out) == (0, "modelpackage/abalone-1: Approved: done\n")
    settled = package.get()
    assert here("approve", "abalone-1").status == 0
    assert package.get()["metadata"]["generation"] == settled["metadata"]["generation"]


def test_a_job_that_runs_is_not_deleted_by_the_way(
    here: Callable[..., Said], server: Server, namespace: Namespace
) -> None:
    """`stop` takes executions only."""
    place = Place(server, namespace, "TrainingJob", "trainingjobs", "job", SPECS["TrainingJob"])
    place.status(trainingJobStatus="InProgress")
    said = here("delete", "trainingjob/job")
    assert said.status == 2
    assert (
        f"To stop it: kubectl delete trainingjob.sagemaker.services.k8s.aws/job --namespace {namespace.name}"
        in said.err
    )


def test_deploy_and_roll_back(here: Callable[..., Said], endpoint: Place) -> None:
    controller = endpoint.answer(
        lambda spec: spec["endpointConfigName"] == "new",
        endpointStatus="InService",
        conditions=[dict(SYNCED, message="1")],
    )
    said = here("deploy", "abalone", "--endpoint-config", "new")
    controller.join()
    assert (said.status, said.out) == (0, "endpoint/abalone: serve new: done\n")
    assert "no EndpointConfig resource" in said.err
    assert endpoint.get()["metadata"]["annotations"][ANNOTATION_PREVIOUS_CONFIG] == "old"
    controller = endpoint.answer(
        lambda spec: spec["endpointConfigName"] == "old",
        endpointStatus="InService",
        conditions=[dict(SYNCED, message="2")],
    )
    back = here("rollback", "abalone")
    controller.join()
    assert (back.status, "Back to old." in back.err) == (0, True)
    assert endpoint.get()["spec"]["endpointConfigName"] == "old"


def test_in_service_is_no_success_when_the_update_was_refused(here: Callable[..., Said], endpoint: Place) -> None:
    failed = {"endpointStatus": "InService", "failureReason": "The image cannot be pulled"}
    controller = endpoint.answer(
        lambda spec: spec["endpointConfigName"] == "bad",
        **failed,
        conditions=[dict(SYNCED, status="False"), TERMINAL],
    )
    said = here("deploy", "abalone", "--endpoint-config", "bad")
    controller.join()
    assert said.status == 3
    assert "ack-sagemaker rollback abalone" in said.err
    endpoint.patch({"metadata": {"annotations": {TRIED: "bad"}}})
    again = here("deploy", "abalone", "--endpoint-config", "bad")
    assert (again.status, "EndpointConfig of another name" in again.err) == (2, True)
    doctor = here("doctor", "--no-aws")
    assert doctor.status == 3
    assert "The image cannot be pulled" in doctor.out
    # Back to the old one: what has failed stands there for ever, and is no verdict on this change.
    controller = endpoint.answer(lambda spec: spec["endpointConfigName"] == "old", **failed)
    back = here("rollback", "abalone")
    controller.join()
    assert back.status == 0
    endpoint.status(endpointStatus="Failed")
    hopeless = here("deploy", "abalone", "--endpoint-config", "other")
    assert (hopeless.status, "delete it and create it again" in hopeless.err) == (2, True)


def test_what_has_never_served_is_nothing_to_go_back_to(here: Callable[..., Said], endpoint: Place) -> None:
    """After an update that failed the resource asks for what does not serve."""
    endpoint.patch({"spec": {"endpointConfigName": "bad"}})
    message = "api error EndpointUpdateError: unable to update endpoint. latest EndpointConfigName is old"
    endpoint.status(
        endpointStatus="InService", conditions=[dict(SYNCED, status="False"), dict(TERMINAL, message=message)]
    )
    assert here("deploy", "abalone", "--endpoint-config", "next", "--no-wait").status == 0
    assert endpoint.get()["metadata"]["annotations"][ANNOTATION_PREVIOUS_CONFIG] == "old"


def test_what_aws_refuses_for_now_does_not_serve(here: Callable[..., Said], endpoint: Place) -> None:
    """The controller tries it again by itself; what a person asks for instead is no reason to go back to it."""
    assert here("deploy", "abalone", "--endpoint-config", "denied", "--no-wait").status == 0
    refused = {"type": "ACK.Recoverable", "status": "True", "message": "api error AccessDeniedException: no"}
    endpoint.status(endpointStatus="InService", conditions=[SYNCED, refused])
    assert here("deploy", "abalone", "--endpoint-config", "next", "--no-wait").status == 0
    assert endpoint.get()["metadata"]["annotations"][ANNOTATION_PREVIOUS_CONFIG] == "old"


def test_what_the_controller_has_not_taken_up_does_not_serve(here: Callable[..., Said], endpoint: Place) -> None:
    for config in ("first", "second"):
        assert here("deploy", "abalone", "--endpoint-config", config, "--no-wait").status == 0
        assert endpoint.get()["metadata"]["annotations"][ANNOTATION_PREVIOUS_CONFIG] == "old"
    endpoint.status(endpointStatus="InService", conditions=[dict(SYNCED, message="seen")])
    assert here("deploy", "abalone", "--endpoint-config", "third", "--no-wait").status == 0
    assert endpoint.get()["metadata"]["annotations"][ANNOTATION_PREVIOUS_CONFIG] == "second"


def test_what_serves_after_a_rollback_without_a_word(cli: Cli, stage: Stage) -> None:
    """Of which the resource says nothing: what served before serves on."""
    cli.done("rollback", "endpoint", "--to", "one")
    stage.world.sandbox.script.add("endpoint/endpoint=silent")
    try:
        said = cli("deploy", "endpoint", "--endpoint-config", "two")
    finally:
        stage.world.sandbox.script.clear()
    assert (said.status, "without a reason" in said.out) == (3, True)
    assert "Serves now: configuration one." in said.out
    # The controller sends the update again, which succeeds now.
    with stage.world.sagemaker() as sagemaker:

        def serves() -> bool:
            answer = sagemaker.describe_endpoint(EndpointName="endpoint")
            return bool((answer["EndpointStatus"], answer["EndpointConfigName"]) == ("InService", "two"))

        wait_until(serves, HUNG, "the update that is sent again")
    cli.done("rollback", "endpoint", "--to", "one")


def test_an_update_that_never_ends_is_no_success(here: Callable[..., Said], endpoint: Place) -> None:
    controller = endpoint.answer(
        lambda spec: spec["endpointConfigName"] == "slow",
        endpointStatus="Updating",
        conditions=[dict(SYNCED, status="False"), {"type": "ACK.Recoverable", "status": "True", "message": "Updating"}],
    )
    said = here("deploy", "abalone", "--endpoint-config", "slow", "--timeout", "5")
    controller.join()
    assert said.status == 5


def test_a_rollback_needs_to_know_where_to(here: Callable[..., Said], endpoint: Place) -> None:
    unknown = here("rollback", "abalone")
    assert (unknown.status, "name it with --to" in unknown.err) == (2, True)
    assert here("rollback", "abalone", "--to", "older", "--no-wait").status == 0
    assert endpoint.get()["spec"]["endpointConfigName"] == "older"

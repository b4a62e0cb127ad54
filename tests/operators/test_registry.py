"""The tasks around the model registry, on a controller that behaves as the recorded one."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator

from airflow_ack_sagemaker.compat import AirflowSkipException
from airflow_ack_sagemaker.core.lifecycle.registry import adoption_manifest, is_adopted
from airflow_ack_sagemaker.core.run.deadlines import Deadlines
from airflow_ack_sagemaker.exceptions import AckClusterError, AckInputError
from airflow_ack_sagemaker.hooks.ack import AckHook
from airflow_ack_sagemaker.operators.endpoint import AckEndpointOperator
from airflow_ack_sagemaker.operators.registry import (
    ApproveModelOperator,
    NewestApprovedModelOperator,
    RegisterModelOperator,
)
from airflow_ack_sagemaker.operators.run import run_of
from airflow_ack_sagemaker.runs.approval import WasRejected, decide_on
from airflow_ack_sagemaker.runs.registry import adopt, newest_approved_in
from airflow_ack_sagemaker.runs.registry import register as register_version
from harness.waiting import HUNG, wait_until
from tests.operators.stage import ROLE, Stage

PACKAGE = {
    "inferenceSpecification": {
        "containers": [
            {"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1", "modelDataURL": "s3://b/m.tar.gz"}
        ],
        "supportedContentTypes": ["text/csv"],
        "supportedResponseMIMETypes": ["text/csv"],
    }
}
YES = {"chosen_options": ["Approve"], "responded_by_user": {"id": "7", "name": "ana"}}


@pytest.fixture
def group(stage: Stage) -> str:
    name = stage.name("group")
    stage.sandbox.aws_client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
    return name


def register(stage: Stage, group: str, run_id: str, **changes: Any) -> dict[str, Any]:
    context = stage.context(f"{group} {run_id}", task="register", number=changes.pop("number", 1))
    arguments = {"task_id": "register", "model_package_group": group, "model_package": PACKAGE, **changes}
    return RegisterModelOperator(**arguments).execute(context)


def approve(stage: Stage, version: Any, **changes: Any) -> dict[str, Any]:
    return ApproveModelOperator(task_id="approve", version=version, **changes).execute(stage.context("run"))


def approvals(stage: Stage, group: str) -> dict[int, str]:
    answer = stage.sandbox.aws_client("sagemaker").list_model_packages(ModelPackageGroupName=group)
    return {item["ModelPackageVersion"]: item["ModelApprovalStatus"] for item in answer["ModelPackageSummaryList"]}


def test_a_run_registers_one_version_whatever_dies_and_it_waits_for_approval(stage: Stage, group: str) -> None:
    first = register(stage, group, "run-1", metrics={"mse": 4.5})
    assert (first["group"], first["version"], first["approval"]) == (group, 1, "PendingManualApproval")
    assert register(stage, group, "run-1", number=2) == first
    assert register(stage, group, "run-2")["version"] == 2
    assert approvals(stage, group) == {1: "PendingManualApproval", 2: "PendingManualApproval"}

    def looks() -> list[str]:
        names = (item["metadata"]["name"] for item in stage.kubernetes("GET", "modelpackages")["items"])
        return [name for name in names if name.endswith("-look")]

    # It goes when the controller has seen that it was deleted.
    wait_until(lambda: not looks(), HUNG, lambda: f"what only looked to be gone: {looks()}")


class _Told(logging.Handler):
    """Does something at the very moment when the log says what it is about to do."""

    def __init__(self, then: Mapping[str, Callable[[], object]]) -> None:
        super().__init__()
        self.then, self.said = dict(then), set[str]()

    def emit(self, record: logging.LogRecord) -> None:
        for words, act in self.then.items():
            if words in record.getMessage():
                self.said.add(words)
                act()


@contextmanager
def told(then: Mapping[str, Callable[[], object]]) -> Iterator[tuple[logging.Logger, set[str]]]:
    log, handler = logging.Logger(__name__), _Told(then)
    log.addHandler(handler)
    yield log, handler.said


@dataclass
class Looking:
    """The resource that only looks at a version."""

    stage: Stage
    arn: str

    @property
    def manifest(self) -> dict[str, Any]:
        return adoption_manifest(self.arn, self.stage.sandbox.namespace, read_only=True)

    @property
    def path(self) -> str:
        return f"modelpackages/{self.manifest['metadata']['name']}"

    def live(self) -> dict[str, Any]:
        return self.stage.kubernetes("GET", self.path)

    def wait_until_gone(self) -> None:
        wait_until(lambda: self.live() == {}, HUNG, "what looked is gone")

    def finalizers(self, *changes: dict[str, Any]) -> None:
        headers = {"Content-Type": "application/json-patch+json"}
        self.stage.kubernetes("PATCH", self.path, content=json.dumps(changes), headers=headers)


def test_what_is_being_deleted_is_waited_for_and_adopted_anew(stage: Stage, group: str) -> None:
    looking, hold = Looking(stage, register(stage, group, "run-1")["arn"]), "tests/hold"
    looking.wait_until_gone()
    stage.kubernetes("POST", "modelpackages", json=looking.manifest)
    wait_until(lambda: looking.live().get("status", {}).get("ackResourceMetadata", {}).get("arn"), HUNG, "the ARN")
    looking.finalizers({"op": "add", "path": "/metadata/finalizers/-", "value": hold})
    stage.kubernetes("DELETE", looking.path)
    wait_until(
        lambda: looking.live()["metadata"]["finalizers"] == [hold], HUNG, "the controller's part of the deletion"
    )
    former = looking.live()["metadata"]["uid"]

    def release() -> None:
        looking.finalizers({"op": "remove", "path": "/metadata/finalizers"})

    with told({"is being deleted": release}) as (log, said), AckHook().get_conn() as client:
        version = adopt(client, looking.arn, client.namespace, read_only=True, deadlines=Deadlines(), log=log)
    assert said
    assert version.arn == looking.arn
    assert looking.live()["metadata"]["uid"] != former


def test_what_looks_is_deleted_after_the_controller_has_adopted_it(stage: Stage, group: str) -> None:
    context = stage.context(f"{group} run-1", task="register")
    looking, hold = Looking(stage, register(stage, group, "run-1")["arn"]), "tests/hold"
    looking.wait_until_gone()
    former = set[str]()

    def adopted_and_deleted() -> None:
        if former:
            return
        manifest = looking.manifest
        stage.kubernetes(
            "POST", "modelpackages", json={**manifest, "metadata": {**manifest["metadata"], "finalizers": [hold]}}
        )
        wait_until(lambda: is_adopted(looking.live()), HUNG, "the adoption")
        former.add(looking.live()["metadata"]["uid"])
        stage.kubernetes("DELETE", looking.path)

    def release() -> None:
        assert {looking.live()["metadata"]["uid"]} == former
        looking.finalizers({"op": "remove", "path": "/metadata/finalizers"})

    acts: dict[str, Callable[[], object]] = {
        "Adopting": adopted_and_deleted,
        "once more": bool,
        "is being deleted": release,
    }
    with told(acts) as (log, said), AckHook().get_conn() as client:
        run = run_of(context, client.namespace)
        version = register_version(
            client, group, PACKAGE, run, metrics=None, region=None, deadlines=Deadlines(), log=log
        )
    assert said == set(acts)
    assert (version.arn, version.approval) == (looking.arn, "PendingManualApproval")
    looking.wait_until_gone()


def test_another_try_deletes_what_looks(stage: Stage, group: str) -> None:
    context = stage.context(f"{group} run-1", task="register")
    looking = Looking(stage, register(stage, group, "run-1")["arn"])
    over = threading.Event()

    def delete_what_looks() -> None:
        while not over.is_set():
            stage.kubernetes("DELETE", looking.path)

    # One alone: of several that the machine holds up, each would delete once more after the end.
    with ThreadPoolExecutor(max_workers=1) as pool, AckHook().get_conn() as client, ExitStack() as end:
        end.callback(over.set)  # whatever comes, or the pool waits for ever
        run = run_of(context, client.namespace)
        then = {"Adopting": lambda: over.is_set() or pool.submit(delete_what_looks), "once more": over.set}
        with told(then) as (log, said):
            while "once more" not in said:
                version = register_version(
                    client, group, PACKAGE, run, metrics=None, region=None, deadlines=Deadlines(), log=log
                )
    assert (version.arn, version.approval) == (looking.arn, "PendingManualApproval")
    looking.wait_until_gone()


def test_approval_by_rule_and_by_a_person(stage: Stage, group: str) -> None:
    one, two = register(stage, group, "run-1"), register(stage, group, "run-2")
    assert approve(stage, one)["approval"] == "Approved"
    assert approve(stage, one)["approval"] == "Approved"
    assert approve(stage, two, answer=YES)["approval"] == "Approved"
    said = stage.sandbox.aws_client("sagemaker").describe_model_package(ModelPackageName=two["arn"])
    assert "approved by ana" in said["ApprovalDescription"]
    assert approvals(stage, group) == {1: "Approved", 2: "Approved"}


@pytest.mark.parametrize(
    "answer", [{"chosen_options": ["Reject"]}, {"chosen_options": []}, {}, "Approve", {"chosen_options": ["approve"]}]
)
def test_anything_but_approve_rejects_and_skips(stage: Stage, group: str, answer: Any) -> None:
    version = register(stage, group, "run-1")
    with pytest.raises(AirflowSkipException):
        approve(stage, version, answer=answer)
    assert approvals(stage, group) == {1: "Rejected"}


def test_a_question_without_an_answer_is_a_no(stage: Stage, group: str) -> None:
    """As where its task was marked as a success by hand: then there is no XCom."""
    version, context = register(stage, group, "run-1"), stage.context("run")
    with DAG("approves"):
        asks = BaseOperator(task_id="ask")
        task = ApproveModelOperator(task_id="approve", version=version, answer=asks.output)
    context["ti"].xcom_pull = lambda default, **_: default
    task.render_template_fields(context)
    assert task.answer is None
    with pytest.raises(AirflowSkipException, match="nobody has answered"):
        task.execute(context)
    assert approvals(stage, group) == {1: "Rejected"}


def reject(stage: Stage, version: Any, who: str = "kim, in Airflow: biased") -> None:
    """As the page does."""
    change = {"spec": {"modelApprovalStatus": "Rejected", "approvalDescription": who}}
    headers = {"Content-Type": "application/merge-patch+json"}
    stage.kubernetes("PATCH", f"modelpackages/{version['resource']}", content=json.dumps(change), headers=headers)


def test_a_rule_does_not_approve_what_a_person_has_rejected(stage: Stage, group: str) -> None:
    version = register(stage, group, "run-1")
    reject(stage, version)
    for number in (1, 2):  # a retry finds the same
        context = stage.context("run", number=number)
        with pytest.raises(AirflowSkipException, match=r"rejected \(kim, in Airflow: biased\).*Nothing is deployed"):
            ApproveModelOperator(task_id="approve", version=version).execute(context)
        assert context["ti"].xcoms == {"decision": "rejected"}
    wait_until(lambda: approvals(stage, group) == {1: "Rejected"}, HUNG, lambda: f"rejected: {approvals(stage, group)}")
    assert approve(stage, version, answer=YES)["approval"] == "Approved"
    assert approve(stage, version)["approval"] == "Approved"
    assert approvals(stage, group) == {1: "Approved"}


@pytest.mark.parametrize("before", [True, False])
def test_a_rejection_while_a_rule_approves_counts(stage: Stage, group: str, before: bool) -> None:
    """Between the rule's look and its write, or between its write and the controller's answer."""
    version, pauses = register(stage, group, "run-1"), list[float]()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if not before:
            time.sleep(seconds)
        elif len(pauses) == 1:
            reject(stage, version)

    def written() -> None:
        assert not before
        reject(stage, version)

    with (
        told({"Approved (by rule)": written}) as (log, said),
        AckHook().get_conn() as client,
        pytest.raises(WasRejected, match="kim"),
    ):
        decide_on(
            client,
            version["resource"],
            client.namespace,
            approved=True,
            description="by rule",
            by_rule=True,
            deadlines=Deadlines(),
            log=log,
            sleep=sleep,
        )
    assert pauses
    assert bool(said) is not before
    wait_until(lambda: approvals(stage, group) == {1: "Rejected"}, HUNG, lambda: f"rejected: {approvals(stage, group)}")


def test_a_version_that_sagemaker_has_is_adopted_and_never_deleted(stage: Stage, group: str) -> None:
    container = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1", "ModelDataUrl": "s3://b/m.tar.gz"}
    inference = {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    arn = stage.sandbox.aws_client("sagemaker").create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=inference, ModelApprovalStatus="Approved"
    )["ModelPackageArn"]
    task = RegisterModelOperator(task_id="register")
    with AckHook().get_conn() as client:
        for _ in range(2):
            version = adopt(client, arn, client.namespace, metrics={"mse": 1}, deadlines=Deadlines(), log=task.log)
            assert (version.name, version.approval, version.metrics) == (f"{group}/1", "Approved", {"mse": 1})
        newest = newest_approved_in(client, group, client.namespace)
        assert newest is not None
        assert newest.arn == arn
    path = f"modelpackages/{version.resource}"
    stage.kubernetes("DELETE", path)
    # Until then the controller had no time to delete the version.
    wait_until(lambda: stage.kubernetes("GET", path) == {}, HUNG, "the resource to be gone")
    assert approvals(stage, group) == {1: "Approved"}


def test_the_newest_approved_version_and_an_approval_that_is_taken_back(stage: Stage, group: str) -> None:
    def newest() -> int:
        context = stage.context("run")
        found = NewestApprovedModelOperator(task_id="newest", model_package_group=group).execute(context)
        assert context["ti"].xcoms["model_package_arn"] == found["arn"]
        return int(found["version"])

    with pytest.raises(AirflowSkipException):
        newest()
    for number, run_id in ((1, "run-1"), (2, "run-2")):
        approve(stage, register(stage, group, run_id))
        assert newest() == number
    register(stage, group, "run-3")
    assert newest() == 2
    with pytest.raises(AirflowSkipException):
        approve(stage, register(stage, group, "run-2"), answer={"chosen_options": ["Reject"]})
    assert newest() == 1


def test_a_version_that_was_rejected_after_its_approval_is_not_rolled_out(stage: Stage, group: str) -> None:
    version = approve(stage, register(stage, group, "run-1"))
    with pytest.raises(AirflowSkipException):
        approve(stage, version, answer={"chosen_options": ["Reject"]})
    deploy = AckEndpointOperator(
        task_id="deploy",
        endpoint_name=group,
        model_package_arn=version["arn"],
        execution_role_arn=ROLE,
        instance_type="ml.m5.large",
        deferrable=False,
    )
    with pytest.raises(AckInputError, match="was rejected"):
        deploy.execute(stage.context(f"{group} run-1"))
    assert stage.kubernetes("GET", f"endpoints/{group}") == {}
    approve(stage, version, answer=YES)
    assert deploy.execute(stage.context(f"{group} run-1", number=2))["model"] == version["arn"]


def test_bad_input_makes_nothing(stage: Stage, group: str) -> None:
    with pytest.raises(AckInputError):
        register(stage, group, "run-1", model_package={**PACKAGE, "modelApprovalStatus": "Approved"})
    with pytest.raises(AckInputError):
        register(stage, group, "run-1", model_package=None, execution="a text")
    with pytest.raises(AckInputError):
        approve(stage, "a text")
    # SageMaker would have it a moment later.
    asked = [item["spec"].get("modelPackageGroupName") for item in stage.kubernetes("GET", "modelpackages")["items"]]
    assert group not in asked
    assert approvals(stage, group) == {}


def test_a_group_that_is_not_there_is_named(stage: Stage) -> None:
    with pytest.raises(AckClusterError, match="nowhere"):
        register(stage, "nowhere", "run-1", recoverable_timeout=2)

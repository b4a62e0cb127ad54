"""Versions of the model registry: exactly "Approved", never two for one run."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.session import Session

from airflow_ack_sagemaker.core.lifecycle.registry import (
    adoption_manifest,
    approval_patch,
    asked_again,
    client_token,
    is_adopted,
    newest_approved,
    parts_of,
    registered_by,
    version_manifest,
    version_of,
    versions_of,
)
from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import SpecError
from tests.core.lifecycle.recorded import objects
from tests.core.resources import resource

GROUP = "arn:aws:sagemaker:us-east-1:123456789012:model-package/abalone"
RUN = RunIdentity("dag", "run", "register")


def package(number: int, approval: str | None, status: str = "Completed", **metadata: Any) -> dict[str, Any]:
    arn = {"arn": f"{GROUP}/{number}", "region": "us-east-1"}
    return resource(
        "ModelPackage",
        status={"ackResourceMetadata": arn, "modelPackageStatus": status},
        spec={"modelApprovalStatus": approval} if approval else {},
        **{"name": f"v{number}", **metadata},
    )


def newest(*packages: dict[str, Any]) -> int | None:
    found = newest_approved(packages, "abalone")
    return None if found is None else found.number


def test_the_newest_approved_one_is_served() -> None:
    assert newest(package(9, "Approved"), package(10, "Approved"), package(11, "PendingManualApproval")) == 10
    assert newest() is None


@pytest.mark.parametrize("word", ["approved", "APPROVED", "Approved ", "PendingManualApproval", "Rejected", "", None])
def test_nothing_but_approved_is_approved(word: str | None) -> None:
    assert newest(package(1, "Approved"), package(2, word)) == 1


def test_an_approval_taken_back_leads_to_the_one_before() -> None:
    assert newest(package(1, "Approved"), package(2, "Approved"), package(3, "Rejected")) == 2
    assert newest(package(1, "Approved"), package(2, "Rejected"), package(3, "Rejected")) == 1


def test_failed_deleted_and_others_do_not_count() -> None:
    deleted = package(4, "Approved", deletionTimestamp="2026-11-01T04:00:00Z")
    assert newest(package(1, "Approved"), package(3, "Approved", "Failed"), deleted) == 1
    assert newest_approved([package(1, "Approved")], "other") is None
    assert version_of(resource("ModelPackage")) is None


def test_two_resources_of_one_version_must_both_say_so() -> None:
    look = package(2, "Rejected", name="abalone-v2-look")
    for order in ([package(2, "Approved"), look], [look, package(2, "Approved")]):
        assert newest(package(1, "Approved"), *order) == 1
    assert [version.number for version in versions_of([package(1, None), package(2, None), look], "abalone")] == [2, 1]


def test_the_recorded_version() -> None:
    approved = objects("version approved", "rp")[-1]
    found = version_of(approved)
    assert found is not None
    assert (found.name, found.approval, found.is_approved) == ("rg/1", "Approved", True)
    assert is_adopted(objects("version adopted by ARN", "rp-ad")[-1])
    assert is_adopted(objects("version adopted by ARN, read-only", "rp-ro")[-1])
    assert not is_adopted(approved)


def test_a_new_version_is_made_once_and_waits_for_its_approval() -> None:
    made = version_manifest("abalone", {"task": "REGRESSION"}, "ml", RUN, attempt=1, tried=Try(), metrics={"mse": 1})
    again = version_manifest("abalone", {"task": "REGRESSION"}, "ml", RUN, attempt=1, tried=Try())
    assert made["metadata"]["name"] == again["metadata"]["name"]
    assert made["spec"] == again["spec"]
    assert made["spec"]["modelApprovalStatus"] == "PendingManualApproval"
    assert made["metadata"]["annotations"]["services.k8s.aws/deletion-policy"] == "retain"
    token = Session().get_service_model("sagemaker").shape_for("ClientToken").metadata
    assert re.fullmatch(token["pattern"], made["spec"]["clientToken"])
    assert len(made["spec"]["clientToken"]) <= token["max"]
    assert client_token(RUN, 1, Try()) != client_token(RUN, 2, Try())
    # A retry, and the same run made again.
    assert client_token(RUN, 1, Try()) == client_token(RUN, 1, Try(number=2))
    assert client_token(RUN, 1, Try()) != client_token(RUN, 1, Try(run_start="2026-11-02T00:00:00+00:00"))


@pytest.mark.parametrize("name", ["modelPackageGroupName", "modelPackageName", "modelApprovalStatus", "clientToken"])
def test_what_makes_a_version_is_not_given(name: str) -> None:
    with pytest.raises(SpecError, match=name):
        version_manifest("abalone", {name: "x"}, "ml", RUN, attempt=1, tried=Try())


def test_adoption_deletes_nothing() -> None:
    made = adoption_manifest(f"{GROUP}/3", "ml")
    notes = made["metadata"]["annotations"]
    assert made["metadata"]["name"] == "abalone-v3"
    assert made["spec"] == {}
    assert notes["services.k8s.aws/deletion-policy"] == "retain"
    assert json.loads(notes["services.k8s.aws/adoption-fields"]) == {"arn": f"{GROUP}/3"}
    assert "services.k8s.aws/read-only" not in notes
    look = adoption_manifest(f"{GROUP}/3", "ml", read_only=True)
    assert look["metadata"]["annotations"]["services.k8s.aws/read-only"] == "true"
    assert look["metadata"]["name"] != made["metadata"]["name"]


@pytest.mark.parametrize("arn", [GROUP, f"{GROUP}/x", "abalone/3", None])
def test_a_version_has_a_number(arn: Any) -> None:
    with pytest.raises(SpecError):
        parts_of(arn)


def test_what_a_pipeline_has_registered() -> None:
    made = {"StepStatus": "Succeeded", "Metadata": {"RegisterModel": {"Arn": f"{GROUP}/3"}}}
    assert registered_by([{"StepStatus": "Succeeded", "Metadata": {}}, made]) == [f"{GROUP}/3"]
    assert registered_by([{**made, "StepStatus": "Failed"}, {"StepStatus": "Succeeded"}]) == []


def test_an_approval_says_who_and_why() -> None:
    assert approval_patch(approved=True, description="by rule")["spec"]["modelApprovalStatus"] == "Approved"
    rejected = approval_patch(approved=False, description="x" * 2000)["spec"]
    assert rejected["modelApprovalStatus"] == "Rejected"
    assert len(rejected["approvalDescription"]) == 1024
    again = approval_patch(approved=False, description="x" * 2000, unlike="x" * 1024)["spec"]
    assert len(again["approvalDescription"]) == 1024
    assert again["approvalDescription"] != rejected["approvalDescription"]


@pytest.mark.parametrize("said", ["", "by rule", "x" * 1024, " (asked again)", "x" * 1010 + " (asked again)"])
def test_what_is_asked_again_and_again_is_another_text_each_time(said: str) -> None:
    for _ in range(3):
        other = asked_again(said)
        assert other != said
        assert 0 < len(other) <= 1024
        said = other

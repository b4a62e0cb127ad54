"""Versions of the model registry in one line each: whose, how good, and which may be served."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_ack_sagemaker.core.lifecycle.registry import ANNOTATION_EXECUTION
from airflow_ack_sagemaker.core.lifecycle.serving import ANNOTATION_METRICS
from airflow_ack_sagemaker.core.pages.listing import readable
from airflow_ack_sagemaker.core.pages.models import (
    MAX_METRICS,
    Group,
    Query,
    VersionRow,
    page_of,
    prune_version,
    version_row,
)
from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.status import State
from tests.core.lifecycle.recorded import objects
from tests.core.resources import SYNCED, resource

GROUP = "arn:aws:sagemaker:us-east-1:123456789012:model-package"
EXECUTION = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone/execution/abc"


def package(
    number: int | None,
    approval: str | None = "PendingManualApproval",
    *,
    group: str = "abalone",
    dag_id: str | None = "retraining",
    status: str = "Completed",
    notes: dict[str, str] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    ack = {"ackResourceMetadata": {"arn": f"{GROUP}/{group}/{number}", "region": "us-east-1"}} if number else {}
    whose = RunIdentity(dag_id, f"run-{number}", "register").annotations() if dag_id else {}
    return resource(
        "ModelPackage",
        *([SYNCED] if number else []),
        status={**ack, "modelPackageStatus": status} if number else None,
        spec={"modelPackageGroupName": group, "modelApprovalStatus": approval, "inferenceSpecification": {}, **spec},
        name=f"{group}-v{number}-{dag_id}",
        annotations={**whose, **(notes or {}), "big": "x"},
        creationTimestamp=f"2026-11-01T03:{number or 0:02}:00Z",
    )


def row(number: int | None, approval: str | None = "PendingManualApproval", **more: Any) -> VersionRow:
    return version_row(json.loads(json.dumps(prune_version(package(number, approval, **more)))), "prod")


def test_a_row_says_whose_it_is_and_how_good() -> None:
    notes = {ANNOTATION_METRICS: '{"b": 2, "a.mse": 1.5, "t": true}', ANNOTATION_EXECUTION: EXECUTION}
    found = row(3, notes=notes)
    assert (found.group, found.number, found.state, found.status) == ("abalone", 3, State.SUCCEEDED, "Completed")
    assert (found.dag_id, found.run_id, found.task_id) == ("retraining", "run-3", "register")
    assert found.metrics == (("a.mse", 1.5), ("b", 2.0))
    assert found.execution == EXECUTION
    assert found.shown()["metrics"] == [{"name": "a.mse", "value": 1.5}, {"name": "b", "value": 2.0}]


def test_what_is_not_shown_is_not_kept() -> None:
    pruned = prune_version(package(3))
    assert "inferenceSpecification" not in pruned["spec"]
    assert "big" not in pruned["metadata"]["annotations"]


def test_what_sagemaker_does_not_have_yet_has_no_number() -> None:
    found = row(None)
    assert (found.group, found.number, found.state) == ("abalone", None, State.UNSEEN)
    assert not found.may_be_served


def test_sagemakers_own_note_of_the_execution_counts_too() -> None:
    assert row(1, metadataProperties={"generatedBy": EXECUTION}).execution == EXECUTION
    for other in ("arn:aws:iam::123456789012:role/x", "javascript:alert(1)", 5, ""):
        assert row(1, metadataProperties={"generatedBy": other}).execution is None
        assert row(1, metadataProperties=other).execution is None


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": Infinity}', f'{{"a": {10**400}}}', '{"a": "1"}', "[]", "{", ""])
def test_what_is_no_number_of_json_is_left_out(text: str) -> None:
    assert row(1, notes={ANNOTATION_METRICS: text}).metrics == ()


def test_metrics_are_bounded() -> None:
    many = json.dumps({f"m{number}{'x' * 2_000}": number for number in range(1_000)})
    found = row(1, notes={ANNOTATION_METRICS: many}).metrics
    assert len(found) == MAX_METRICS
    assert all(len(name) <= 500 for name, _ in found)


def test_the_recorded_version_is_shown_as_approved() -> None:
    approved = objects("version approved", "rp")[-1]
    found = version_row(prune_version(approved), "prod")
    # The controller leaves the status of what it has registered itself as it was at first.
    assert (found.approval, found.status, found.number) == ("Approved", "Pending", 1)
    assert found.may_be_served


def test_only_versions_of_readable_dags() -> None:
    rows = [row(1), row(2, dag_id="other"), row(3, dag_id=None)]
    assert readable(rows, {"retraining"}) == rows[:1]
    assert readable(rows, {"retraining", "other"}) == rows[:2]


def test_a_page_is_the_newest_first_and_counts_what_fits() -> None:
    rows = [
        row(number, "Approved" if number % 2 else "Rejected", group="a" if number < 5 else "b")
        for number in range(1, 9)
    ]
    page = page_of(rows, Query(limit=3))
    assert [one.number for one in page.items] == [8, 7, 6]
    assert (page.total, page.counts) == (8, {"Approved": 4, "Rejected": 4})
    assert page.groups == [Group("a", 4, 3), Group("b", 4, 7)]
    second = page_of(rows, Query(group="a", approval="Rejected", offset=1))
    assert ([one.number for one in second.items], second.total) == ([2], 2)
    assert second.counts == {"Approved": 2, "Rejected": 2}
    assert [one.number for one in page_of(rows, Query(search="B run-7")).items] == [7]


def test_a_version_is_approved_only_if_all_its_resources_say_so() -> None:
    rows = [row(1, "Approved"), row(2, "Approved"), row(2, "Rejected", dag_id="other")]
    assert page_of(rows, Query()).groups == [Group("abalone", 3, 1)]
    assert page_of([row(1, "Approved", status="Failed")], Query()).groups == [Group("abalone", 1, None)]

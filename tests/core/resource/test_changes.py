"""What may be changed, and what is said before anything is written."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.changes import after_creation, changed_fields, only_tags, why_refused
from airflow_ack_sagemaker.core.resource.kinds import KINDS, Kind, kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State

ARN = "arn:aws:sagemaker:us-east-1:123456789012:thing/one"


def outcome(kind: Kind, state: State = State.SUCCEEDED, arn: str | None = ARN) -> Outcome:
    return Outcome(kind.kind, "one", "ml", state, arn=arn)


def test_changed_members_are_named() -> None:
    live = {"spec": {"a": 1, "b": {"c": [1]}, "tags": []}}
    assert changed_fields(live, {"spec": {"a": 1, "b": {"c": [1]}, "tags": []}}) == []
    assert changed_fields(live, {"spec": {"a": 2, "b": {"c": [2]}, "d": 1, "tags": []}}) == ["a", "b", "d"]
    assert only_tags(changed_fields(live, {"spec": {"a": 1, "b": {"c": [1]}, "tags": [{"key": "k"}]}}))


@pytest.mark.parametrize("kind", KINDS.values(), ids=str)
def test_what_the_controller_cannot_change_is_refused(kind: Kind) -> None:
    said = why_refused(kind, outcome(kind), ["somethingElse"])
    assert said is not None
    assert "new name" in said
    assert "somethingElse" in said
    assert why_refused(kind, outcome(kind), [*kind.updated, *kind.only_at_creation, "tags"]) is None


@pytest.mark.parametrize("kind", ["Model", "EndpointConfig", "TrainingJob"])
def test_a_kind_without_an_update_is_never_edited(kind: str) -> None:
    assert "is never edited: give it a new name" in (why_refused(kind_of(kind), outcome(kind_of(kind)), ["x"]) or "")


def test_what_is_not_made_yet_or_was_refused_may_be_corrected() -> None:
    model = kind_of("Model")
    assert why_refused(model, outcome(model, State.REFUSED), ["x"]) is None
    assert why_refused(model, outcome(model, State.RETRYING, arn=None), ["x"]) is None


def test_an_endpoint_that_has_failed_can_only_be_deleted() -> None:
    endpoint = kind_of("Endpoint")
    assert "AckDeleteResourceOperator" in (
        why_refused(endpoint, outcome(endpoint, State.FAILED), ["endpointConfigName"]) or ""
    )


def test_a_token_belongs_to_the_creation() -> None:
    manifest: dict[str, Any] = {"kind": "ModelPackage", "spec": {"clientToken": "t", "modelPackageGroupName": "g"}}
    assert after_creation(kind_of("ModelPackage"), manifest)["spec"] == {"modelPackageGroupName": "g"}
    assert manifest["spec"]["clientToken"] == "t"

"""What the table of kinds says, beside the CRDs and the SageMaker API model. Statuses: `test_status`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.session import Session

from airflow_ack_sagemaker.core.resource.kinds import KINDS, Kind
from airflow_ack_sagemaker.core.resource.references import REFERENCES, rank
from airflow_ack_sagemaker.sandbox.crds import load_crds

MODEL = Session().get_service_model("sagemaker")
OPERATIONS = set(MODEL.operation_names)
SCHEMAS: dict[str, dict[str, Any]] = {
    crd["spec"]["names"]["kind"]: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    for crd in load_crds()
}
EVERY = pytest.mark.parametrize("kind", KINDS.values(), ids=str)


def fields(kind: Kind, part: str) -> Mapping[str, Any]:
    """The members of a kind's ``spec`` or ``status``."""
    found: Mapping[str, Any] = SCHEMAS[kind.kind][part]["properties"]
    return found


def members(operation: str) -> set[str]:
    """The members of an operation's request in small letters: the CRDs write capitals otherwise."""
    return {name.lower() for name in MODEL.operation_model(operation).input_shape.members}


@EVERY
def test_members_are_those_of_the_crd(kind: Kind) -> None:
    spec, status = fields(kind, "spec"), fields(kind, "status")
    assert kind.name_field is None or kind.name_field in spec
    assert kind.status_field is None or kind.status_field in status
    assert kind.updated | kind.only_at_creation <= spec.keys()
    assert set(kind.results) <= status.keys()


@EVERY
def test_only_what_the_api_can_update_may_be_changed(kind: Kind) -> None:
    update = f"Update{kind.kind}"
    if kind.updated:
        assert {name.lower() for name in kind.updated} <= members(update)
    if update not in OPERATIONS:
        assert not kind.updated


@EVERY
def test_what_is_sent_at_creation_alone_is_never_described(kind: Kind) -> None:
    described = MODEL.operation_model(f"Describe{kind.kind}").output_shape.members
    told = {name.lower() for name in described}
    assert not told & {name.lower() for name in kind.only_at_creation}
    tokens = {name for name in fields(kind, "spec") if name.lower().endswith("token")}
    assert kind.only_at_creation == tokens


@EVERY
def test_a_kind_that_must_be_given_no_name_is_known_by_its_arn(kind: Kind) -> None:
    required = set(SCHEMAS[kind.kind]["spec"].get("required", ()))
    named = kind.name_field in required
    assert kind.by_arn != named


@EVERY
def test_a_job_has_ends_and_a_kept_thing_has_none(kind: Kind) -> None:
    stops = f"Stop{kind.kind}" in OPERATIONS
    assert kind.is_job == bool(stops and kind.stopped and kind.kind not in ("MonitoringSchedule", "NotebookInstance"))


def schema_at(schema: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The schema at a path with dots and ``[]``."""
    for name in path.split("."):
        schema = schema["properties"][name.removesuffix("[]")]
        if name.endswith("[]"):
            schema = schema["items"]
    return schema


def test_references_are_texts_of_the_crds() -> None:
    assert REFERENCES.keys() <= KINDS.keys()
    for kind, references in REFERENCES.items():
        for reference in references:
            assert reference.kind in KINDS
            assert schema_at(SCHEMAS[kind]["spec"], reference.path)["type"] == "string"
            assert rank(kind) > rank(reference.kind)


def names_in(schema: Mapping[str, Any], path: str = "") -> list[str]:
    """The paths of all texts whose name is that of a kind's name in SageMaker."""
    known = {kind.name_field for kind in KINDS.values() if kind.name_field}
    found = []
    for name, inner in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        if name in known and inner.get("type") == "string":
            found.append(here)
        found += names_in(inner, here)
        if inner.get("type") == "array":
            found += names_in(inner["items"], f"{here}[]")
    return found


# What bears such a name and refers to nothing that a resource stands for: the thing itself, or SageMaker's own.
NO_REFERENCES = {
    "Endpoint": {"endpointName"},
    "ModelPackage": {
        "modelPackageName",
        # Packages of other accounts and of the Marketplace, and the models of a recommender's report.
        "additionalInferenceSpecifications[].containers[].nearestModelName",
    },
    # Tuning jobs that have ended, from which another begins.
    "HyperParameterTuningJob": {"warmStartConfig.parentHyperParameterTuningJobs[].hyperParameterTuningJobName"},
}


@EVERY
def test_no_name_of_another_kind_is_forgotten(kind: Kind) -> None:
    referred = {reference.path for reference in REFERENCES.get(kind.kind, ())}
    own = {kind.name_field, *NO_REFERENCES.get(kind.kind, set())}
    assert set(names_in(SCHEMAS[kind.kind]["spec"])) - own - referred == set()

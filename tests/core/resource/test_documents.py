"""Manifests by hand: what is taken, in which order, and what is refused before anything is written."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.documents import documents_of
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, KINDS
from airflow_ack_sagemaker.core.resource.manifest import SpecError
from airflow_ack_sagemaker.core.resource.references import kinds_that_refer_to, named, rank, refers


def manifest(kind: str, name: str | None = "one", **more: Any) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": {}, **more}


def test_documents_come_in_the_order_of_what_they_need() -> None:
    kinds = ["InferenceComponent", "Endpoint", "MonitoringSchedule", "EndpointConfig", "Model", "ModelPackageGroup"]
    kinds += ["DataQualityJobDefinition", "ModelPackage"]
    found = [each.kind.kind for each in documents_of([manifest(kind) for kind in kinds])]
    for before, after in (
        ("ModelPackageGroup", "ModelPackage"),
        ("ModelPackage", "Model"),
        ("Model", "EndpointConfig"),
        ("EndpointConfig", "Endpoint"),
        ("Endpoint", "InferenceComponent"),
        ("Endpoint", "DataQualityJobDefinition"),
        ("DataQualityJobDefinition", "MonitoringSchedule"),
    ):
        assert found.index(before) < found.index(after)


def test_those_of_a_kind_stay_in_their_order_and_empty_documents_are_passed_over() -> None:
    found = documents_of([manifest("Model", "b"), None, manifest("Model", "a")])
    assert [each.name for each in found] == ["b", "a"]


def test_parts_are_kept() -> None:
    metadata = {"name": "one", "namespace": "ml", "labels": {"a": "b"}, "annotations": {"c": "d"}}
    [found] = documents_of(manifest("Model", metadata=metadata, spec={"modelName": "m"}))
    assert (found.name, found.namespace, found.labels, found.annotations) == ("one", "ml", {"a": "b"}, {"c": "d"})
    assert found.spec == {"modelName": "m"}


def test_a_job_needs_no_name() -> None:
    [found] = documents_of({"kind": "TrainingJob", "spec": {}})
    assert found.name is None


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (7, "must be a mapping or a list"),
        ([], "has no resource"),
        ([None], "has no resource"),
        ([manifest("Model"), "x"], "document 2 of the manifest: a resource is a mapping"),
        (manifest("Pod"), "'Pod' is not a kind"),
        (manifest("Model", None), "a Model needs a name"),
        (manifest("Model", "Not A Name"), "not a Kubernetes name"),
        (manifest("Model", apiVersion="v1"), "apiVersion must be"),
        (manifest("Model", status={}), "status cannot be applied"),
        (manifest("Model", metadata={"name": "one", "finalizers": []}), "finalizers cannot be applied"),
        (manifest("Model", metadata=[]), "needs a name"),
        (manifest("Model", metadata="x"), "metadata must be a mapping"),
        (manifest("Model", spec=[1]), "must be a mapping"),
        (manifest("Model", spec={"at": datetime.date(2026, 1, 1)}), "no JSON"),
        (manifest("Model", spec={"n": float("nan")}), "no JSON"),
        ([manifest("Model"), manifest("Model")], "twice"),
        (manifest(["Model"]), "kind"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_resource_is_refused(written: Any, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        documents_of(written)


def test_who_refers_to_whom() -> None:
    model = {"kind": "Model", "spec": {"modelName": "m"}, "status": {"ackResourceMetadata": {"arn": "arn:m"}}}
    config = {"kind": "EndpointConfig", "spec": {"productionVariants": [{"modelName": "x"}, {"modelName": "m"}]}}
    assert [kind.kind for kind in kinds_that_refer_to(KINDS["Model"])] == [
        "InferenceComponent",
        "EndpointConfig",
        "TransformJob",
    ]
    assert named(model) == {"m", "arn:m"}
    assert refers(config, KINDS["Model"], named(model))
    assert not refers(config, KINDS["Model"], frozenset({"other"}))
    assert not refers({"kind": "EndpointConfig", "spec": {"productionVariants": "x"}}, KINDS["Model"], named(model))


def test_a_schedule_refers_to_the_definition_of_its_type_alone() -> None:
    config = {"monitoringType": "ModelQuality", "monitoringJobDefinitionName": "d"}
    schedule = {"kind": "MonitoringSchedule", "spec": {"monitoringScheduleConfig": config}}
    assert refers(schedule, KINDS["ModelQualityJobDefinition"], frozenset({"d"}))
    assert not refers(schedule, KINDS["DataQualityJobDefinition"], frozenset({"d"}))


def test_a_domain_is_named_by_its_id() -> None:
    domain = {"kind": "Domain", "spec": {"domainName": "n"}, "status": {"domainID": "d-1"}}
    assert named(domain) == {"d-1"}
    assert rank("App") > rank("UserProfile") > rank("Domain")

"""The one reader of raw objects, on objects as they should be and as somebody may have written them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.identity import identity_of
from airflow_ack_sagemaker.core.resource.kinds import KINDS
from airflow_ack_sagemaker.core.resource.status import classify

CREATED = datetime(2026, 11, 1, 4, tzinfo=timezone.utc)
WHOLE: dict[str, Any] = {
    "kind": "PipelineExecution",
    "metadata": {
        "name": "abalone-1",
        "namespace": "ml",
        "uid": "u-1",
        "resourceVersion": "17",
        "labels": {"team": "a"},
        "annotations": {"note": "n"},
        "finalizers": ["finalizers.sagemaker.services.k8s.aws/PipelineExecution"],
        "creationTimestamp": "2026-11-01T04:00:00Z",
        "deletionTimestamp": "2026-11-01T05:00:00Z",
        "managedFields": [
            {"manager": "controller", "subresource": "status", "time": "2026-11-01T04:00:07Z"},
            {"manager": "controller", "subresource": "status", "time": "2026-11-01T04:00:05Z"},
            {"manager": "airflow", "time": "2026-11-01T04:30:00Z"},
        ],
    },
    "spec": {
        "pipelineName": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone",
        "pipelineParameters": [{"name": "Rounds", "value": "6"}, {"name": "Empty"}],
    },
    "status": {
        "ackResourceMetadata": {"arn": "arn:aws:sagemaker:1", "region": "us-east-1"},
        "lastMonitoringExecutionSummary": {"monitoringExecutionStatus": "CompletedWithViolations"},
        "failureReason": "boom",
        "modelPackageStatusDetails": {
            "validationStatuses": [{"failureReason": "no such image"}, {"name": "x"}],
            "imageScanStatuses": [{"failureReason": "too large"}],
        },
        "conditions": [{"type": "ACK.Terminal", "status": "True", "message": "no", "reason": "Denied"}],
    },
}
READERS: dict[str, tuple[Callable[[fields.Resource], object], object, object]] = {
    # What reads, what it gives for the whole object, and what where nothing of it can be believed.
    "kind_name": (fields.kind_name, "PipelineExecution", ""),
    "metadata": (fields.metadata, WHOLE["metadata"], {}),
    "spec": (fields.spec, WHOLE["spec"], {}),
    "status": (fields.status, WHOLE["status"], {}),
    "name": (fields.name, "abalone-1", ""),
    "namespace": (fields.namespace, "ml", ""),
    "uid": (fields.uid, "u-1", None),
    "version": (fields.version, "17", None),
    "labels_of": (fields.labels_of, {"team": "a"}, {}),
    "label": (lambda one: fields.label(one, "team"), "a", ""),
    "annotations_of": (fields.annotations_of, {"note": "n"}, {}),
    "annotation": (lambda one: fields.annotation(one, "note"), "n", None),
    "finalizers": (fields.finalizers, ("finalizers.sagemaker.services.k8s.aws/PipelineExecution",), ()),
    "created": (fields.created, CREATED, None),
    "deleted": (fields.deleted, CREATED.replace(hour=5), None),
    "managed_fields": (fields.managed_fields, WHOLE["metadata"]["managedFields"], []),
    "status_written": (fields.status_written, CREATED.replace(second=7), None),
    "conditions": (fields.conditions, WHOLE["status"]["conditions"], []),
    "status_text": (lambda one: fields.status_text(one, "failureReason"), "boom", None),
    "validation_failure": (fields.validation_failure, "no such image; too large", None),
    "last_monitoring_execution": (
        fields.last_monitoring_execution,
        {"monitoringExecutionStatus": "CompletedWithViolations"},
        {},
    ),
    "arn": (fields.arn, "arn:aws:sagemaker:1", None),
    "region": (fields.region, "us-east-1", None),
    "pipeline_name": (fields.pipeline_name, "abalone", ""),
    "parameters": (fields.parameters, {"Rounds": "6", "Empty": ""}, {}),
}
HOSTILE: dict[str, Any] = {
    "null": None,
    "text": "x",
    "empty text": "",
    "number": 7,
    "zero": 0,
    "float": 1.5,
    "true": True,
    "list": [],
    "list of lists": [["x"]],
    "list of scalars": [None, 7, "x", True],
    "mapping": {},
    "nested": {"x": {"y": [{"z": None}]}},
}


def replaced(value: Any, hostile: Any, depth: int) -> Any:
    """The value with everything at this depth replaced."""
    if depth == 0:
        return hostile
    if isinstance(value, dict):
        return {key: replaced(item, hostile, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, hostile, depth - 1) for item in value]
    return value


def test_every_public_reader_is_tested_here() -> None:
    of_values = {"text", "said_by"}
    public = {
        name
        for name, value in vars(fields).items()
        if callable(value) and getattr(value, "__module__", "") == fields.__name__ and not name.startswith("_")
    }
    assert public - of_values == READERS.keys()


@pytest.mark.parametrize("reader", READERS)
def test_an_object_as_it_should_be(reader: str) -> None:
    read, expected, _ = READERS[reader]
    assert read(WHOLE) == expected


@pytest.mark.parametrize("reader", READERS)
def test_what_is_not_there(reader: str) -> None:
    read, _, nothing = READERS[reader]
    assert read({}) == nothing
    assert read({"kind": None, "metadata": None, "spec": None, "status": None}) == nothing


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("reader", READERS)
def test_any_shape_is_read_without_an_error_and_keeps_the_type(reader: str, hostile: str) -> None:
    read, expected, nothing = READERS[reader]
    allowed = (type(expected), type(nothing))
    for depth in range(1, 6):
        found = read(replaced(WHOLE, HOSTILE[hostile], depth))
        assert isinstance(found, allowed), f"depth {depth}: {found!r}"
    if hostile not in ("text", "mapping", "nested"):
        assert read(replaced(WHOLE, HOSTILE[hostile], 1)) == nothing


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_reads_through_it_bears_the_same(kind: str, hostile: str) -> None:
    for depth in range(2, 6):
        resource = {**replaced(WHOLE, HOSTILE[hostile], depth), "kind": kind}
        outcome = classify(resource)
        assert isinstance(outcome.name, str)
        assert outcome.uid is None or isinstance(outcome.uid, str)
        assert type(outcome).from_dict(outcome.to_dict()) == outcome
        assert identity_of(resource) is None


def test_a_mapping_need_not_be_a_dict() -> None:
    frozen = MappingProxyType({"metadata": MappingProxyType({"labels": MappingProxyType({"team": "a"})})})
    assert fields.label(frozen, "team") == "a"


@pytest.mark.parametrize(("given", "name"), [("abalone", "abalone"), ("a/b", "b"), ("", ""), (None, ""), (3, "")])
def test_a_pipeline_is_one_whether_by_name_or_by_arn(given: object, name: str) -> None:
    assert fields.pipeline_name({"spec": {"pipelineName": given}}) == name


def test_message_and_reason_of_a_condition() -> None:
    assert fields.said_by({"message": "no", "reason": "Denied"}) == "no: Denied"
    assert fields.said_by({"message": "no", "reason": "no"}) == "no"
    assert fields.said_by({"message": ["no"], "reason": "Denied"}) == "Denied"
    assert fields.said_by({"message": ""}) is None


def test_a_time_that_is_none_counts_as_not_there() -> None:
    for text in ("yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"):
        assert fields.created({"metadata": {"creationTimestamp": text}}) is None
        written = [{"subresource": "status", "time": text}]
        assert fields.status_written({"metadata": {"managedFields": written}}) is None

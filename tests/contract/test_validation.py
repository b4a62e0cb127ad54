"""What the server refuses, drops or warns of in an object."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.servers import API, GROUP, MERGE, Namespace, pipeline

UNKNOWN: dict[str, Any] = {"pipelineName": "a", "roleARN": "r", "foo": {"a": 1}, "tags": [{"key": "k", "zz": 1}]}


def causes(status: dict[str, Any]) -> set[tuple[str, str, str]]:
    """The causes of an Invalid answer: reason, field, message."""
    assert (status["code"], status["reason"]) == (422, "Invalid")
    return {(cause["reason"], cause["field"], cause["message"]) for cause in status["details"]["causes"]}


def test_wrong_types_and_missing_fields(namespace: Namespace) -> None:
    spec = {"pipelineName": 5, "tags": {}, "parallelismConfiguration": {"maxParallelExecutionSteps": "a"}}
    status = namespace.server.refused("POST", namespace.pipelines, pipeline("a", spec))
    deep = "spec.parallelismConfiguration.maxParallelExecutionSteps"
    kind = "FieldValueTypeInvalid"
    assert causes(status) == {
        (
            kind,
            "spec.pipelineName",
            'Invalid value: "integer": spec.pipelineName in body must be of type string: "integer"',
        ),
        (kind, "spec.tags", 'Invalid value: "object": spec.tags in body must be of type array: "object"'),
        (kind, deep, f'Invalid value: "string": {deep} in body must be of type integer: "string"'),
        ("FieldValueRequired", "spec.roleARN", "Required value"),
    }
    assert status["details"]["name"] == "a"
    assert status["details"]["kind"] == "Pipeline"
    assert status["message"].startswith(f'Pipeline.{GROUP} "a" is invalid: [')


def test_integers_have_no_fraction(namespace: Namespace) -> None:
    spec = {"pipelineName": "a", "roleARN": "r", "parallelismConfiguration": {"maxParallelExecutionSteps": 1.5}}
    status = namespace.server.refused("POST", namespace.pipelines, pipeline("a", spec))
    assert namespace.server.manner.said('must be of type int64: "float64"') in status["message"]


def test_null_is_no_value(namespace: Namespace) -> None:
    spec = {"pipelineName": None, "roleARN": "r"}
    status = namespace.server.refused("POST", namespace.pipelines, pipeline("a", spec))
    assert causes(status) == {("FieldValueRequired", "spec.pipelineName", "Required value")}
    more: dict[str, Any] = {"pipelineName": "a", "roleARN": "r", "pipelineDescription": None, "tags": [{"key": None}]}
    assert namespace.create("a", more)["spec"] == {"pipelineName": "a", "roleARN": "r", "tags": [{}]}


def test_spec_may_be_missing(namespace: Namespace) -> None:
    body = pipeline("a")
    del body["spec"]
    assert "managedFields" not in namespace.server.done("POST", namespace.pipelines, body)["metadata"]


def test_unknown_fields_strict(namespace: Namespace) -> None:
    body = pipeline("a", UNKNOWN, zork=1) | {"xx": 1}
    status = namespace.server.refused("POST", namespace.pipelines, body, fieldValidation="Strict")
    assert (status["code"], status["reason"]) == (400, "BadRequest")
    assert status["message"] == (
        'Pipeline in version "v1alpha1" cannot be handled as a Pipeline: strict decoding error: unknown field '
        '"metadata.zork", unknown field "spec.foo", unknown field "spec.tags[0].zz", unknown field "xx"'
    )


@pytest.mark.parametrize("validation", ["Warn", "", "Ignore"])
def test_unknown_fields_are_dropped(namespace: Namespace, validation: str) -> None:
    query = {"fieldValidation": validation} if validation else {}
    answer = namespace.server.request("POST", namespace.pipelines, pipeline("a", UNKNOWN), **query)
    assert answer.json()["spec"] == {"pipelineName": "a", "roleARN": "r", "tags": [{"key": "k"}]}
    expected = ['299 - "unknown field \\"spec.foo\\""', '299 - "unknown field \\"spec.tags[0].zz\\""']
    assert answer.headers.get_list("warning") == ([] if validation == "Ignore" else expected)


def test_unknown_fields_of_any_letters_are_warned_of(namespace: Namespace) -> None:
    """In UTF-8; one with a control character is not, and many long ones are cut."""
    body = pipeline("a")
    body["spec"] |= {"zörk": 1, "\u6e2c": 1, "a\nb": 1, 'q"\\': 1}
    warned = namespace.server.request("POST", namespace.pipelines, body).headers.get_list("warning")
    assert warned == [f'299 - "unknown field \\"spec.{name}\\""' for name in ('q\\"\\\\', "zörk", "\u6e2c")]
    body = pipeline("b")
    body["spec"] |= {f"{number:02}{'x' * 300}": 1 for number in range(40)}
    warned = namespace.server.request("POST", namespace.pipelines, body).headers.get_list("warning")
    assert [len(one) - len('299 - ""') - 1 for one in warned] == [256] * 16, "one quote has a backslash before it"


def test_unknown_fields_of_a_patch(namespace: Namespace) -> None:
    namespace.create("a")
    body = {"spec": {"zork": 1}}
    status = namespace.server.refused("PATCH", namespace.path("a"), body, media=MERGE, fieldValidation="Strict")
    assert status["code"] == 422
    assert status["message"].endswith('strict decoding error: unknown field "spec.zork"')
    answer = namespace.server.request("PATCH", namespace.path("a"), body, media=MERGE)
    assert answer.headers.get_list("warning") == ['299 - "unknown field \\"spec.zork\\""']


def test_unknown_validation(namespace: Namespace) -> None:
    status = namespace.server.refused("POST", namespace.pipelines, pipeline("a"), fieldValidation="Some")
    assert status["message"] == (
        'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Some": supported values: '
        '"", "Ignore", "Strict", "Warn"'
    )


@pytest.mark.parametrize("name", ["Upper", "under_score", "-dash", "a..b", "x" * 254, "ü"])
def test_names(namespace: Namespace, name: str) -> None:
    status = namespace.server.refused("POST", namespace.pipelines, pipeline(name))
    assert {cause[:2] for cause in causes(status)} == {("FieldValueInvalid", "metadata.name")}


def test_name_is_required(namespace: Namespace) -> None:
    body = pipeline("a")
    del body["metadata"]["name"]
    status = namespace.server.refused("POST", namespace.pipelines, body)
    assert causes(status) == {
        ("FieldValueRequired", "metadata.name", "Required value: name or generateName is required")
    }


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"labels": {"a b": "c"}}, "metadata.labels"),
        ({"labels": {"a": "b c"}}, "metadata.labels"),
        ({"labels": {"a": "x" * 64}}, "metadata.labels"),
        ({"labels": {"a/b/c": "d"}}, "metadata.labels"),
        ({"annotations": {"a/b/c": "d"}}, "metadata.annotations"),
        ({"finalizers": ["a b/c"]}, "metadata.finalizers"),
        ({"ownerReferences": [{"apiVersion": "v1", "kind": "x", "name": "n"}]}, "metadata.ownerReferences[0].uid"),
    ],
)
def test_metadata(namespace: Namespace, metadata: dict[str, Any], field: str) -> None:
    status = namespace.server.refused("POST", namespace.pipelines, pipeline("a", **metadata))
    assert namespace.server.manner.said(field) in {cause[1] for cause in causes(status)}


def test_metadata_of_another_shape(namespace: Namespace) -> None:
    status = namespace.server.refused("POST", namespace.pipelines, pipeline("a", labels={"a": 5}))
    assert (status["code"], status["message"]) == (
        400,
        'Pipeline in version "v1alpha1" cannot be handled as a Pipeline: json: cannot unmarshal number into Go struct '
        "field ObjectMeta.labels of type string",
    )


def test_kind_and_version(namespace: Namespace) -> None:
    server = namespace.server
    status = server.refused("POST", namespace.pipelines, pipeline("a") | {"kind": "Model"})
    assert causes(status) == {("FieldValueInvalid", "kind", 'Invalid value: "Model": must be Pipeline')}
    status = server.refused("POST", namespace.pipelines, pipeline("a") | {"apiVersion": f"{GROUP}/v2"})
    assert (status["code"], status["message"]) == (
        400,
        f"the API version in the data ({GROUP}/v2) does not match the expected API version ({GROUP}/v1alpha1)",
    )


def test_resource_version_of_a_new_object(namespace: Namespace) -> None:
    status = namespace.server.refused("POST", namespace.pipelines, pipeline("a", resourceVersion="5"))
    assert (status["code"], status["message"]) == (500, "resourceVersion should not be set on objects to be created")


def test_field_manager_is_short(namespace: Namespace) -> None:
    status = namespace.server.refused("POST", namespace.pipelines, pipeline("a"), fieldManager="x" * 129)
    assert causes(status) == {("FieldValueTooLong", "fieldManager", "Too long: may not be more than 128 bytes")}


def test_immutable_field(namespace: Namespace) -> None:
    spaces = f"{API}/namespaces/{namespace.name}/spaces"
    body = {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "Space",
        "metadata": {"name": "s"},
        "spec": {"domainID": "d", "spaceName": "s", "ownershipSettings": {"ownerUserProfileName": "one"}},
    }
    namespace.server.done("POST", spaces, body)
    change = {"spec": {"ownershipSettings": {"ownerUserProfileName": "two"}}}
    status = namespace.server.refused("PATCH", f"{spaces}/s", change, media=MERGE)
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert "spec.ownershipSettings: Invalid value" in status["message"]
    assert "Value is immutable once set" in status["message"]

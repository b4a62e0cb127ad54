"""JSON merge patches, JSON patches and the status subresource."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.servers import GROUP, JSON_PATCH, MERGE, Namespace


def test_merge_patch(namespace: Namespace) -> None:
    namespace.create("a", labels={"x": "1", "y": "2"})
    changed = namespace.patch("a", {"metadata": {"labels": {"x": None, "z": "3"}}, "spec": {"tags": [{"key": "k"}]}})
    assert changed["metadata"]["labels"] == {"y": "2", "z": "3"}
    assert changed["spec"]["tags"] == [{"key": "k"}]
    assert changed["metadata"]["generation"] == 2


@pytest.mark.parametrize("patch", [{}, {"metadata": {"labels": {"x": None}}}, {"spec": {"pipelineName": "a"}}])
def test_patch_that_changes_nothing_is_no_write(namespace: Namespace, patch: dict[str, Any]) -> None:
    before = namespace.create("a")
    assert namespace.patch("a", patch) == before


def test_generation_counts_the_spec_only(namespace: Namespace) -> None:
    namespace.create("a")
    assert namespace.patch("a", {"metadata": {"annotations": {"x": "y"}}})["metadata"]["generation"] == 1
    patched = namespace.patch("a", {"status": {"pipelineStatus": "Active"}}, subresource="status")
    assert patched["metadata"]["generation"] == 1
    assert namespace.patch("a", {"spec": {"pipelineDescription": "d"}})["metadata"]["generation"] == 2


def test_optimistic_lock(namespace: Namespace) -> None:
    version = namespace.create("a")["metadata"]["resourceVersion"]
    body: dict[str, Any] = {"metadata": {"resourceVersion": version}, "spec": {"pipelineDescription": "one"}}
    namespace.patch("a", body)
    body["spec"]["pipelineDescription"] = "two"
    status = namespace.server.refused("PATCH", namespace.path("a"), body, media=MERGE)
    assert (status["code"], status["reason"]) == (409, "Conflict")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (
            "[1]",
            400,
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        ("{", 400, "invalid JSON patch"),
        ('{"metadata": {"name": "b"}}', 400, "the name of the object (b) does not match the name on the URL (a)"),
        (
            '{"metadata": {"uid": "b"}}',
            422,
            f'Pipeline.{GROUP} "a" is invalid: metadata.uid: Invalid value: "b": field is immutable',
        ),
        (
            '{"metadata": null}',
            400,
            "the name of the object (a based on URL) was undeterminable: name must be provided",
        ),
        (
            '{"spec": {"pipelineName": null}}',
            422,
            f'Pipeline.{GROUP} "a" is invalid: spec.pipelineName: Required value',
        ),
        (
            '{"apiVersion": "v1"}',
            422,
            f'Pipeline "a" is invalid: apiVersion: Invalid value: "v1": must be {GROUP}/v1alpha1',
        ),
    ],
)
def test_refused_merge_patch(namespace: Namespace, body: str, code: int, message: str) -> None:
    before = namespace.create("a")
    status = namespace.server.refused("PATCH", namespace.path("a"), body, media=MERGE)
    assert (status["code"], status["message"]) == (code, namespace.server.manner.said(message))
    assert namespace.get("a") == before


def test_json_patch(namespace: Namespace) -> None:
    namespace.create("a")
    operations = [
        {"op": "test", "path": "/spec/pipelineName", "value": "a"},
        {"op": "test", "path": "/spec/nothing", "value": None},
        {"op": "add", "path": "/metadata/labels", "value": {"one": "1"}},
        {"op": "add", "path": "/metadata/labels/example.com~1x", "value": "2"},
        {"op": "move", "from": "/metadata/labels/one", "path": "/metadata/labels/two"},
        {"op": "copy", "from": "/metadata/labels/two", "path": "/metadata/labels/three"},
        {"op": "add", "path": "/spec/tags", "value": [{"key": "b"}]},
        {"op": "add", "path": "/spec/tags/0", "value": {"key": "a"}},
        {"op": "add", "path": "/spec/tags/-", "value": {"key": "c"}},
        {"op": "remove", "path": "/spec/tags/1"},
        {"op": "replace", "path": "/spec/tags/1/key", "value": "d"},
    ]
    changed = namespace.patch("a", operations, media=JSON_PATCH)
    assert changed["metadata"]["labels"] == {"example.com/x": "2", "two": "1", "three": "1"}
    assert changed["spec"]["tags"] == [{"key": "a"}, {"key": "d"}]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/spec/pipelineName", "value": "b"},
        {"op": "test", "path": "/spec/nothing", "value": 1},
        {"op": "test", "path": "/status/nothing", "value": None},
        {"op": "remove", "path": "/spec/nothing"},
        {"op": "add", "path": "/spec/nothing/x", "value": 1},
        {"op": "remove", "path": "/spec/tags/9"},
        {"op": "other", "path": "/spec/pipelineName", "value": "b"},
    ],
)
def test_json_patch_that_does_not_fit(namespace: Namespace, operation: dict[str, Any]) -> None:
    before = namespace.create("a")
    body = [{"op": "add", "path": "/spec/pipelineDescription", "value": "x"}, operation]
    status = namespace.server.refused("PATCH", namespace.path("a"), body, media=JSON_PATCH)
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["message"] == "the server rejected our request due to an error in our request"
    assert namespace.get("a") == before


@pytest.mark.parametrize("media", ["application/strategic-merge-patch+json", "application/other"])
def test_other_patches(namespace: Namespace, media: str) -> None:
    namespace.create("a")
    status = namespace.server.refused("PATCH", namespace.path("a"), {}, media=media)
    assert (status["code"], status["reason"]) == (415, "UnsupportedMediaType")
    assert status["message"] == (
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    )


def test_status_is_a_resource_of_its_own(namespace: Namespace) -> None:
    namespace.create("a")
    assert "status" not in namespace.patch("a", {"status": {"pipelineStatus": "x"}})
    body = {
        "metadata": {"labels": {"a": "b"}, "finalizers": ["example.com/x"]},
        "spec": {"roleARN": "other"},
        "status": {"pipelineStatus": "Active"},
    }
    changed = namespace.patch("a", body, subresource="status")
    assert changed["status"] == {"pipelineStatus": "Active"}
    [noted] = [one["fieldsV1"] for one in changed["metadata"]["managedFields"] if one.get("subresource") == "status"]
    assert noted == {"f:status": {".": {}, "f:pipelineStatus": {}}, **namespace.server.manner.noted_in_status}
    assert changed["spec"] == namespace.create("b")["spec"] | {"pipelineName": "a"}
    assert not {"labels", "finalizers"} & set(changed["metadata"])
    assert namespace.server.done("GET", namespace.path("a", "status")) == changed
    assert namespace.patch("a", {"spec": {"pipelineDescription": "d"}})["status"] == {"pipelineStatus": "Active"}


def test_status_by_put(namespace: Namespace) -> None:
    obj = namespace.create("a")
    obj["status"] = {"pipelineStatus": "Active"}
    obj["spec"]["roleARN"] = "other"
    changed = namespace.server.done("PUT", namespace.path("a", "status"), obj)
    assert (changed["status"], changed["spec"]["roleARN"]) == (obj["status"], namespace.get("a")["spec"]["roleARN"])
    assert changed["spec"]["roleARN"] != "other"
    assert namespace.server.refused("PUT", namespace.path("a", "status"), obj)["reason"] == "Conflict"
    changed["spec"]["pipelineDescription"] = "d"
    del changed["status"]
    assert namespace.server.done("PUT", namespace.path("a"), changed)["status"] == obj["status"]


def test_same_status_is_no_write(namespace: Namespace) -> None:
    namespace.create("a")
    body = {"status": {"pipelineStatus": "Active"}}
    first = namespace.patch("a", body, subresource="status")
    assert namespace.patch("a", body, subresource="status") == first


def test_invalid_status(namespace: Namespace) -> None:
    before = namespace.create("a")
    body = {"status": {"pipelineStatus": 5, "creationTime": "yesterday", "conditions": [{"type": "x"}]}}
    status = namespace.server.refused("PATCH", namespace.path("a", "status"), body, media=MERGE)
    messages = {cause["field"]: cause["message"] for cause in status["details"]["causes"]}
    assert messages == {
        "status.pipelineStatus": 'Invalid value: "integer": pipelineStatus in body must be of type string: "integer"',
        "status.creationTime": (
            'Invalid value: "yesterday": creationTime in body must be of type date-time: "yesterday"'
        ),
        "status.conditions[0].status": "Required value",
    }
    assert namespace.get("a") == before


def test_status_of_a_missing_object(namespace: Namespace) -> None:
    status = namespace.server.refused("PATCH", namespace.path("a", "status"), {"status": {}}, media=MERGE)
    assert status["code"] == 404

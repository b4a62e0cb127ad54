"""Server-side apply and managed fields."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.servers import APPLY, GROUP, JSON_PATCH, Namespace, Object, pipeline, until

SPEC = {"pipelineName": "a", "roleARN": "r"}
ITEM = {"apiVersion": f"{GROUP}/v1alpha1", "fieldsType": "FieldsV1"}


def fields(obj: Object) -> dict[tuple[str, ...], Any]:
    """The managed fields of an object: (manager, operation, subresource) -> FieldsV1."""
    found: dict[tuple[str, ...], Any] = {}
    for entry in obj["metadata"].get("managedFields", []):
        assert (entry["apiVersion"], entry["fieldsType"]) == (f"{GROUP}/v1alpha1", "FieldsV1")
        found[entry["manager"], entry["operation"], entry.get("subresource", "")] = entry["fieldsV1"]
    return found


def test_apply_creates(namespace: Namespace) -> None:
    answer = namespace.server.request("PATCH", namespace.path("a"), pipeline("a"), media=APPLY, fieldManager="one")
    assert answer.status_code == 201
    obj = answer.json()
    assert fields(obj) == {("one", "Apply", ""): {"f:spec": {"f:pipelineName": {}, "f:roleARN": {}}}}
    assert obj["metadata"]["generation"] == 1


def test_create_and_patch_are_updates_by_the_client(namespace: Namespace) -> None:
    namespace.create("a", labels={"l": "m"})
    obj = namespace.patch("a", {"spec": {"pipelineDescription": "d"}}, fieldManager="two")
    spec: Object = {".": {}, "f:pipelineName": {}, "f:roleARN": {}}
    assert fields(obj) == {
        ("contract", "Update", ""): {"f:metadata": {"f:labels": {".": {}, "f:l": {}}}, "f:spec": spec},
        ("two", "Update", ""): {"f:spec": {"f:pipelineDescription": {}}},
    }


def test_equal_apply_is_no_write(namespace: Namespace) -> None:
    first = namespace.apply("a", SPEC, "one")
    assert namespace.apply("a", SPEC, "one") == first


def test_conflicts(namespace: Namespace) -> None:
    namespace.apply("a", SPEC | {"tags": [{"key": "a", "value": "b"}]}, "one", {"labels": {"l": "1"}})
    before = namespace.get("a")
    body = SPEC | {"roleARN": "other", "tags": [{"key": "a", "value": "c"}]}
    status = namespace.apply_refused("a", body, "two", {"labels": {"l": "2"}})
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert status["message"] == (
        'Apply failed with 3 conflicts: conflicts with "one":\n- .metadata.labels.l\n- .spec.roleARN\n- .spec.tags'
    )
    assert status["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": field}
        for field in (".metadata.labels.l", ".spec.roleARN", ".spec.tags")
    ]
    assert namespace.get("a") == before


def test_one_conflict_with_an_update(namespace: Namespace) -> None:
    namespace.create("a")
    status = namespace.apply_refused("a", {"pipelineName": "other"}, "two")
    assert status["message"] == (
        f'Apply failed with 1 conflict: conflict with "contract" using {GROUP}/v1alpha1: .spec.pipelineName'
    )


def test_force_takes_over(namespace: Namespace) -> None:
    namespace.apply("a", SPEC, "one")
    obj = namespace.apply("a", {"roleARN": "other"}, "two", force="true")
    assert obj["spec"] == {"pipelineName": "a", "roleARN": "other"}
    assert fields(obj) == {
        ("one", "Apply", ""): {"f:spec": {"f:pipelineName": {}}},
        ("two", "Apply", ""): {"f:spec": {"f:roleARN": {}}},
    }


def test_equal_values_are_shared(namespace: Namespace) -> None:
    namespace.apply("a", SPEC, "one")
    obj = namespace.apply("a", {"roleARN": "r"}, "two")
    assert fields(obj)["two", "Apply", ""] == {"f:spec": {"f:roleARN": {}}}
    assert fields(obj)["one", "Apply", ""] == {"f:spec": {"f:pipelineName": {}, "f:roleARN": {}}}
    kept = namespace.apply("a", {"pipelineName": "a"}, "one")
    assert kept["spec"]["roleARN"] == "r"


def test_fields_that_are_no_longer_applied(namespace: Namespace) -> None:
    extra = {"pipelineDescription": "d", "parallelismConfiguration": {"maxParallelExecutionSteps": 3}}
    metadata = {"labels": {"l": "1", "m": "2"}, "finalizers": ["example.com/x"], "annotations": {"n": "o"}}
    namespace.apply("a", SPEC | extra, "one", metadata)
    namespace.patch("a", {"metadata": {"labels": {"other": "x"}}}, fieldManager="two")
    obj = namespace.apply("a", SPEC, "one", {"labels": {"m": "2"}})
    assert obj["spec"] == SPEC
    assert obj["metadata"]["labels"] == {"m": "2", "other": "x"}
    assert not {"finalizers", "annotations"} & set(obj["metadata"])


def test_lists_of_metadata_are_merged(namespace: Namespace) -> None:
    owner = {"apiVersion": "v1", "kind": "Secret", "name": "s", "uid": "u1"}
    namespace.apply("a", SPEC, "one", {"finalizers": ["example.com/x"], "ownerReferences": [owner]})
    obj = namespace.apply("a", {}, "two", {"finalizers": ["example.com/y"], "ownerReferences": [owner | {"uid": "u2"}]})
    assert obj["metadata"]["finalizers"] == ["example.com/x", "example.com/y"]
    assert [reference["uid"] for reference in obj["metadata"]["ownerReferences"]] == ["u1", "u2"]
    assert fields(obj)["two", "Apply", ""]["f:metadata"] == {
        "f:finalizers": {'v:"example.com/y"': {}},
        "f:ownerReferences": {'k:{"uid":"u2"}': {}},
    }
    namespace.patch("a", {"metadata": {"finalizers": None}})


def test_times(namespace: Namespace) -> None:
    def times(obj: Object) -> dict[str, str]:
        return {entry["manager"]: entry.get("time", "") for entry in obj["metadata"]["managedFields"]}

    first = times(namespace.apply("a", SPEC, "one"))["one"]

    def next_second() -> bool:
        # The server's clock has whole seconds: an object made for the purpose tells when the next has begun.
        created: str = namespace.server.done("POST", namespace.pipelines, pipeline("t"), dryRun="All")["metadata"][
            "creationTimestamp"
        ]
        return created > first

    until(next_second, "the next second")
    obj = namespace.patch("a", {"spec": {"pipelineDescription": "d"}}, fieldManager="two")
    assert times(obj)["one"] == first
    assert times(obj)["two"] > first
    assert times(namespace.apply("a", SPEC, "one"))["one"] == first
    assert times(namespace.apply("a", SPEC | {"roleARN": "s"}, "one"))["one"] > first


def test_apply_of_the_status(namespace: Namespace) -> None:
    namespace.apply("a", SPEC, "one")
    status = {"pipelineStatus": "Active", "conditions": [{"type": "x", "status": "True"}]}
    body = pipeline("a", SPEC) | {"status": status}
    assert "status" not in namespace.server.done("PATCH", namespace.path("a"), body, media=APPLY, fieldManager="two")
    path = namespace.path("a", "status")
    obj = namespace.server.done("PATCH", path, body, media=APPLY, fieldManager="controller")
    assert obj["status"]["pipelineStatus"] == "Active"
    assert fields(obj)["controller", "Apply", "status"] == {"f:status": {"f:conditions": {}, "f:pipelineStatus": {}}}
    body["status"]["pipelineStatus"] = "Deleting"
    refused = namespace.server.refused("PATCH", path, body, media=APPLY, fieldManager="other")
    assert 'conflict with "controller" with subresource "status": .status.pipelineStatus' in refused["message"]
    missing = namespace.path("b", "status")
    assert namespace.server.refused("PATCH", missing, pipeline("b"), media=APPLY, fieldManager="x")["code"] == 404


def test_unknown_field(namespace: Namespace) -> None:
    status = namespace.apply_refused("a", SPEC | {"zork": 1}, "one")
    place = f"failed to create typed patch object (/a; {GROUP}/v1alpha1, Kind=Pipeline)"
    assert (status["code"], status["message"]) == (500, f"{place}: .spec.zork: field not declared in schema")


def test_wrong_types(namespace: Namespace) -> None:
    status = namespace.apply_refused("a", SPEC | {"tags": 5, "parallelismConfiguration": 7}, "one")
    assert status["code"] == 500
    assert ".spec.tags: expected list, got &{5}" in status["message"]
    assert ".spec.parallelismConfiguration: expected map, got &{7}" in status["message"]


def test_lock(namespace: Namespace) -> None:
    old = namespace.apply("a", SPEC, "one")["metadata"]["resourceVersion"]
    new = namespace.apply("a", SPEC | {"roleARN": "s"}, "one")["metadata"]["resourceVersion"]
    status = namespace.apply_refused("a", SPEC, "one", {"resourceVersion": old})
    assert (status["code"], status["reason"]) == (409, "Conflict")
    namespace.apply("a", SPEC, "one", {"resourceVersion": new})


@pytest.mark.parametrize(
    ("body", "query", "code", "said"),
    [
        (pipeline("a"), {}, 422, "fieldManager: Required value: is required for apply patch"),
        (pipeline("a", managedFields=[]), {"fieldManager": "x"}, 400, "metadata.managedFields must be nil"),
        (pipeline("b"), {"fieldManager": "x"}, 400, "does not match the name on the URL"),
        ({"kind": "Pipeline", "metadata": {"name": "a"}}, {"fieldManager": "x"}, 400, "invalid object type"),
        ("[]", {"fieldManager": "x"}, 400, "cannot unmarshal array"),
        (": : {", {"fieldManager": "x"}, 400, "error encoding patch: yaml:"),
    ],
)
def test_refused(namespace: Namespace, body: Any, query: dict[str, str], code: int, said: str) -> None:
    status = namespace.server.refused("PATCH", namespace.path("a"), body, media=APPLY, **query)
    assert status["code"] == code
    assert namespace.server.manner.said(said) in status["message"]


def test_force_is_for_apply_only(namespace: Namespace) -> None:
    namespace.create("a")
    media = "application/merge-patch+json"
    status = namespace.server.refused("PATCH", namespace.path("a"), {}, media=media, force="true")
    assert "force: Forbidden: may not be specified for non-apply patch" in status["message"]


def test_dry_run(namespace: Namespace) -> None:
    before = namespace.apply("a", SPEC, "one")
    dry = namespace.apply("a", {"pipelineDescription": "d"}, "two", dryRun="All")
    assert dry["spec"]["pipelineDescription"] == "d"
    assert dry["metadata"]["generation"] == 2
    assert namespace.get("a") == before


def test_yaml(namespace: Namespace) -> None:
    text = (
        f"apiVersion: {GROUP}/v1alpha1\nkind: Pipeline\nmetadata:\n  name: a\n"
        "spec:\n  pipelineName: a\n  roleARN: r\n  pipelineDescription: 2020-01-01\n"
    )
    obj = namespace.server.done("PATCH", namespace.path("a"), text, media=APPLY, fieldManager="one")
    assert obj["spec"]["pipelineDescription"] == "2020-01-01"


def test_untracked_object(namespace: Namespace) -> None:
    namespace.create("a")
    assert "managedFields" not in namespace.patch("a", {"metadata": {"managedFields": [{}]}})["metadata"]
    assert "managedFields" not in namespace.patch("a", {"spec": {"pipelineDescription": "d"}})["metadata"]
    obj = namespace.apply("a", {"roleARN": "s"}, "one", force="true")
    spec: Object = {".": {}, "f:pipelineDescription": {}, "f:pipelineName": {}}
    assert fields(obj) == {
        ("before-first-apply", "Update", ""): {"f:spec": spec},
        ("one", "Apply", ""): {"f:spec": {"f:roleARN": {}}},
    }


def test_managed_fields_can_be_written(namespace: Namespace) -> None:
    namespace.create("a")
    entry = ITEM | {"manager": "mine", "operation": "Update", "time": "2020-01-01T00:00:00Z"}
    entry["fieldsV1"] = {"f:spec": {"f:roleARN": {}}}  # type: ignore[assignment]
    patch = [{"op": "replace", "path": "/metadata/managedFields", "value": [entry]}]
    assert namespace.patch("a", patch, media=JSON_PATCH)["metadata"]["managedFields"] == [entry]


@pytest.mark.parametrize(
    ("there", "applied", "merged"),
    [
        ("ab", "ba", "ba"),
        ("abc", "ca", "bca"),
        ("abcd", "xby", "axbcdy"),
        ("abcd", "dxa", "bcdxa"),
        ("abc", "", "abc"),
        ("ab", "cd", "abcd"),
    ],
)
def test_the_order_of_merged_lists(namespace: Namespace, there: str, applied: str, merged: str) -> None:
    def named(letters: str) -> list[str]:
        return [f"example.com/{letter}" for letter in letters]

    def owners(letters: str) -> list[Object]:
        return [{"apiVersion": "v1", "kind": "K", "name": letter, "uid": letter} for letter in letters]

    spec: Object = {"pipelineName": "a", "roleARN": "r"}
    for manager, letters in (("one", there), ("two", applied)):
        metadata = {"finalizers": named(letters), "ownerReferences": owners(letters)}
        found = namespace.apply("a", spec, manager, metadata)["metadata"]
    assert found["finalizers"] == named(merged)
    assert [owner["uid"] for owner in found["ownerReferences"]] == list(merged)


def test_null_for_what_is_empty(namespace: Namespace) -> None:
    spec: Object = {"pipelineName": "a", "roleARN": "r"}
    namespace.apply("a", {**spec, "parallelismConfiguration": {}}, "one")
    refused = namespace.apply_refused("a", {**spec, "parallelismConfiguration": None}, "two", force="true")
    assert (refused["code"], refused["details"]["causes"][0]["field"]) == (422, "spec.parallelismConfiguration")


def test_an_apply_that_leaves_no_metadata_keeps_the_name(namespace: Namespace) -> None:
    spec: Object = {"pipelineName": "a", "roleARN": "r"}
    namespace.apply("a", spec, "one", {"labels": {"a": "b"}})
    kept = namespace.apply("a", spec, "one")
    assert (kept["metadata"]["name"], "labels" in kept["metadata"]) == ("a", False)

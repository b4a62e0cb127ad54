"""The built-in kinds that a user of the ACK kinds needs, as both servers have them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.contract.calls import CRDS, DEEP, STRATEGIC, core, crd, lease, review
from tests.contract.servers import APPLY, Namespace, Object, pipeline

PROTOBUF = "application/vnd.kubernetes.protobuf"
X, Y, Z = "example.com/x", "example.com/y", "example.com/z"


def path(namespace: Namespace, plural: str, name: str = "", root: str = "/api/v1") -> str:
    """The path of a kind of the namespace, or of one object."""
    return f"{root}/namespaces/{namespace.name}/{plural}" + (f"/{name}" if name else "")


def config_map(namespace: Namespace, /, name: str = "a", metadata: Object | None = None, **data: str) -> Object:
    """A new ConfigMap; gives it."""
    body = core("ConfigMap", name, data=data)
    body["metadata"] |= metadata or {}
    return namespace.server.done("POST", path(namespace, "configmaps"), body)


def strategic(namespace: Namespace, patch: Object, name: str = "a") -> Object:
    """The ConfigMap after a strategic merge patch."""
    return namespace.server.done("PATCH", path(namespace, "configmaps", name), patch, media=STRATEGIC)


@pytest.mark.parametrize("body", [{}, {"kind": "ConfigMap"}, {"apiVersion": "v1"}], ids=["neither", "kind", "version"])
def test_the_path_says_what_a_body_is(namespace: Namespace, body: Object) -> None:
    sent = {**body, "metadata": {"name": "a"}, "data": {"x": "y"}}
    made = namespace.server.done("POST", path(namespace, "configmaps"), sent)
    assert (made["kind"], made["apiVersion"], made["data"]) == ("ConfigMap", "v1", {"x": "y"})


@pytest.mark.parametrize("method", ["POST", "PATCH"], ids=["create", "apply"])
def test_a_key_without_a_value_has_the_empty_one(namespace: Namespace, method: str) -> None:
    def made(plural: str, body: Object) -> Any:
        applied: Object = {"media": APPLY, "fieldManager": "m"} if method == "PATCH" else {}
        place = path(namespace, plural, "a" if applied else "")
        return namespace.server.done(method, place, body, **applied)["data"]

    assert made("configmaps", core("ConfigMap", "a", data={"x": None, "y": "1"})) == {"x": "", "y": "1"}
    secret = core("Secret", "a", data={"x": None}, stringData={"y": None})
    assert made("secrets", secret) == {"x": "", "y": ""}


def test_half_a_character_is_replaced(namespace: Namespace) -> None:
    body = b'{"metadata":{"name":"a"},"data":{"x":"\\ud800\\ud83d\\ude00","y":"\xff"}}'
    made = namespace.server.done("POST", path(namespace, "configmaps"), body)
    assert made["data"] == {"x": "\ufffd\U0001f600", "y": "\ufffd"}


@pytest.mark.parametrize(
    ("patch", "data"),
    [
        ({"a": None, "c": "3"}, {"b": "2", "c": "3"}),
        ({"c": "3", "$patch": "replace"}, {"c": "3"}),
        ({"$retainKeys": ["a"], "a": "9"}, {"a": "9"}),
        ({"$patch": "delete"}, None),
    ],
    ids=["members", "replace", "retain", "delete"],
)
def test_strategic_patch_of_a_map(namespace: Namespace, patch: Object, data: Object | None) -> None:
    config_map(namespace, a="1", b="2")
    assert strategic(namespace, {"data": patch}).get("data") == data


@pytest.mark.parametrize(
    ("patch", "finalizers"),
    [
        ({"finalizers": [Z]}, [Z, X, Y]),
        ({"finalizers": [Y]}, [X, Y]),
        ({"$deleteFromPrimitiveList/finalizers": [X]}, [Y]),
        ({"$setElementOrder/finalizers": [Y, X]}, [Y, X]),
        ({"$setElementOrder/finalizers": [X, Z, Y], "finalizers": [Z]}, [X, Z, Y]),
        ({"finalizers": None}, None),
    ],
    ids=["added", "there", "deleted", "ordered", "added in order", "none"],
)
def test_strategic_patch_of_a_list(namespace: Namespace, patch: Object, finalizers: list[str] | None) -> None:
    config_map(namespace, metadata={"finalizers": [X, Y]})
    assert strategic(namespace, {"metadata": patch})["metadata"].get("finalizers") == finalizers


def test_strategic_patch_of_owners(namespace: Namespace) -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "1"}
    config_map(namespace, metadata={"ownerReferences": [owner, {**owner, "uid": "2"}]})
    changed = [{"uid": "1", "name": "p"}, {"uid": "2", "$patch": "delete"}, {**owner, "uid": "3"}]
    owners = strategic(namespace, {"metadata": {"ownerReferences": changed}})["metadata"]["ownerReferences"]
    assert [(each["uid"], each["name"]) for each in owners] == [("1", "p"), ("3", "o")]


@pytest.mark.parametrize("media", ["application/json", "application/apply-patch+cbor", "text/plain"])
def test_an_unknown_patch_is_refused(namespace: Namespace, media: str) -> None:
    made = config_map(namespace, a="1")
    where = path(namespace, "configmaps", "a")
    status = namespace.server.refused("PATCH", where, {"data": {"a": "2"}}, media=media)
    assert (status["code"], status["reason"]) == (415, "UnsupportedMediaType")
    assert namespace.server.done("GET", where) == made


def test_a_secret_takes_plain_text(namespace: Namespace) -> None:
    secrets, server = path(namespace, "secrets"), namespace.server
    body = core("Secret", "a", stringData={"x": "new"}, data={"x": "b2xk", "y": "AA=="})
    made = server.done("POST", secrets, body)
    assert (made["data"], made["type"], "stringData" in made) == ({"x": "bmV3", "y": "AA=="}, "Opaque", False)
    patched = server.done("PATCH", f"{secrets}/a", {"stringData": {"y": "text"}}, media=STRATEGIC)
    assert base64.b64decode(patched["data"]["y"]) == b"text"
    applied = core("Secret", "b", stringData={"x": "new"})
    made = server.done("PATCH", f"{secrets}/b", applied, media=APPLY, fieldManager="m")
    assert (made["data"], "stringData" in made) == ({"x": "bmV3"}, False)


def test_what_is_immutable_stays(namespace: Namespace) -> None:
    config_map(namespace, a="1")
    assert strategic(namespace, {"immutable": True})["immutable"] is True
    for change in ({"data": {"a": "2"}}, {"immutable": False}):
        status = namespace.server.refused("PATCH", path(namespace, "configmaps", "a"), change, media=STRATEGIC)
        assert (status["code"], status["reason"]) == (422, "Invalid")


def test_items_of_a_list_do_not_repeat_their_kind(namespace: Namespace) -> None:
    config_map(namespace, a="1")
    listed = namespace.server.done("GET", path(namespace, "configmaps"), fieldSelector="metadata.name=a")
    assert listed["kind"] == "ConfigMapList"
    assert [(item["metadata"]["name"], "kind" in item) for item in listed["items"]] == [("a", False)]


def test_a_lease_is_held_by_one(namespace: Namespace) -> None:
    leases = path(namespace, "leases", root="/apis/coordination.k8s.io/v1")
    server = namespace.server
    held = server.done("POST", leases, lease("a", holderIdentity="first", leaseDurationSeconds=15))
    first = server.done("PUT", f"{leases}/a", {**held, "spec": {**held["spec"], "leaseTransitions": 1}})
    status = server.refused("PUT", f"{leases}/a", {**held, "spec": {"holderIdentity": "second"}})
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert server.done("GET", f"{leases}/a")["spec"] == first["spec"]


def test_a_deletion_in_protobuf(namespace: Namespace) -> None:
    """As typed Go clients send it: the envelope, then DeleteOptions with a precondition on the uid."""
    made = config_map(namespace, a="1")
    where = path(namespace, "configmaps", "a")

    def options(uid: str) -> bytes:
        precondition = b"\x0a" + bytes([len(uid)]) + uid.encode()
        message = b"\x12" + bytes([len(precondition)]) + precondition
        kind = b"\x0a\x02v1\x12\x0dDeleteOptions"
        return b"k8s\x00\x0a" + bytes([len(kind)]) + kind + b"\x12" + bytes([len(message)]) + message

    status = namespace.server.refused("DELETE", where, options("other"), media=PROTOBUF)
    assert (status["code"], status["reason"]) == (409, "Conflict")
    done = namespace.server.done("DELETE", where, options(made["metadata"]["uid"]), media=PROTOBUF)
    assert done["status"] == "Success"


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_some_namespaces_cannot_be_deleted(namespace: Namespace, name: str) -> None:
    where = f"/api/v1/namespaces/{name}"
    status = namespace.server.refused("DELETE", where)
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert namespace.server.done("GET", where)["status"]["phase"] == "Active"


def test_a_definition_without_a_schema_is_not_stored(namespace: Namespace) -> None:
    group = f"{namespace.name}.example.com"
    body: Any = crd("gadgets", group=group, versions=[{"name": "v1", "served": True, "storage": True}])
    body["metadata"]["name"] = f"gadgets.{group}"
    status = namespace.server.refused("POST", CRDS, body)
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert namespace.server.request("GET", f"{CRDS}/gadgets.{group}").status_code == 404


def test_a_whole_number_may_be_written_with_a_fraction(namespace: Namespace) -> None:
    spec = {"pipelineName": "a", "roleARN": "r", "parallelismConfiguration": {"maxParallelExecutionSteps": 4}}
    text = '{"spec": {"parallelismConfiguration": {"maxParallelExecutionSteps": %s}}}'
    namespace.server.done("POST", namespace.pipelines, pipeline("a", spec))
    patched = namespace.patch("a", text % "5.0")
    assert repr(patched["spec"]["parallelismConfiguration"]["maxParallelExecutionSteps"]) == "5"
    merge = "application/merge-patch+json"
    status = namespace.server.refused("PATCH", namespace.path("a"), text % "5.5", media=merge)
    assert (status["code"], status["reason"]) == (422, "Invalid")


@pytest.mark.parametrize("plural", ["configmaps", "pipelines"])
def test_deep_json_is_refused(namespace: Namespace, plural: str) -> None:
    where = namespace.pipelines if plural == "pipelines" else path(namespace, plural)
    status = namespace.server.refused("POST", where, DEEP)
    assert (status["code"], status["reason"]) == (400, "BadRequest")


def test_the_one_user_may_do_everything(namespace: Namespace) -> None:
    server, reviews = namespace.server, "/apis/authorization.k8s.io/v1"
    may = {"verb": "delete", "group": "sagemaker.services.k8s.aws", "resource": "pipelines"}
    own = review("SelfSubjectAccessReview", resourceAttributes=may)
    assert server.done("POST", f"{reviews}/selfsubjectaccessreviews", own)["status"]["allowed"] is True
    rules = review("SelfSubjectRulesReview", namespace=namespace.name)
    granted = server.done("POST", f"{reviews}/selfsubjectrulesreviews", rules)["status"]["resourceRules"]
    assert {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]} in granted
    who = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    told = server.done("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", who)["status"]["userInfo"]
    assert "system:masters" in told["groups"]
    for groups, allowed in (([], False), (["system:masters"], True)):
        other = review("LocalSubjectAccessReview", user="x", groups=groups, resourceAttributes=may)
        other["spec"]["resourceAttributes"]["namespace"] = namespace.name
        where = path(namespace, "localsubjectaccessreviews", root=reviews)
        assert server.done("POST", where, other)["status"]["allowed"] is allowed

"""The same conversation with both servers: the answers must be the same, but for what is bound to differ.

The cases beside this one say what the contract is; here whole answers are compared, so that nothing is left out by
oversight.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.contract.older import NEWEST, Manner
from tests.contract.servers import (
    API,
    APPLY,
    GROUP,
    JSON,
    JSON_PATCH,
    MERGE,
    TABLE,
    Namespace,
    Server,
    fresh_namespace,
    pipeline,
)

Request = tuple[str, str, Any, str]

SPEC = {"pipelineName": "a", "roleARN": "r"}
HEAD = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "Pipeline"}


def merge(body: Any, path: str = "/a") -> Request:
    """A merge patch."""
    return "PATCH", path, body, MERGE


def operations(*body: Any) -> Request:
    """A JSON patch."""
    return "PATCH", "/a", list(body), JSON_PATCH


def apply(manager: str, spec: Any, query: str = "", **metadata: Any) -> Request:
    """A server-side apply."""
    return "PATCH", f"/a?fieldManager={manager}{query}", pipeline("a", spec, **metadata), APPLY


def create(body: Any, query: str = "") -> Request:
    """A creation."""
    return "POST", query, body, JSON


def delete(body: Any = None, path: str = "/a") -> Request:
    """A deletion."""
    return "DELETE", path, body, JSON


def get(path: str, accept: str = "") -> Request:
    """A read; the last element is what the client accepts."""
    return "GET", path, None, accept


OWNER = {"apiVersion": "v1", "kind": "Secret", "name": "x", "uid": "u1"}
CONDITIONS = [{"type": "a", "status": "b"}]
CONVERSATIONS: dict[str, list[Request]] = {
    "creation": [
        create(pipeline("a", SPEC, labels={"l": "m"}, annotations={"Upper.x/y": "é"}, finalizers=["x.y/z"])),
        create(pipeline("a")),
        create(pipeline("b", {"pipelineName": "b"})),
        create(pipeline("b", SPEC | {"tags": [None]})),
        create(pipeline("b", SPEC | {"tags": [{"key": None}], "pipelineDescription": None})),
        create(pipeline("c", SPEC, labels=None, annotations={})),
        create({**HEAD, "metadata": {"name": "d"}}),
        create({**HEAD, "kind": "Other", "metadata": {"name": "d"}}),
        create({**HEAD, "metadata": {}}),
        create(pipeline("e", SPEC, annotations=[])),
        create(pipeline("e", SPEC, labels={"/x": "", "x/": "", "A.b/x": "1", "x" * 64: "y"})),
        create(pipeline("e", SPEC, finalizers=["A b/c", "plain"])),
        create(pipeline("f", SPEC), "?dryRun=All"),
        get("/f"),
        get(""),
    ],
    "merge patches": [
        create(pipeline("a", SPEC)),
        merge({"spec": {"pipelineDescription": "x", "zork": 1}, "status": {"pipelineStatus": "A"}}),
        merge({"spec": {"tags": [None]}}),
        merge({"spec": {"roleARN": 5}}),
        merge({"spec": {"parallelismConfiguration": {}}}),
        merge({"spec": {"parallelismConfiguration": None}}),
        merge({"kind": "X"}),
        merge({"metadata": {"namespace": "u"}}),
        merge({"metadata": {"creationTimestamp": "2020-01-01T00:00:00Z", "generation": 99}}),
        merge({"metadata": {"labels": {"a": "b"}}}),
        merge({"spec": None}),
        merge({}),
        merge({"metadata": {"labels": {"a": None}}}),
        merge(5),
        merge({}, "/none"),
    ],
    "JSON patches": [
        create(pipeline("a", SPEC)),
        operations({"op": "replace", "path": "/spec/nothing", "value": 1}),
        operations({"op": "add", "path": "spec", "value": 1}),
        operations({"path": "/spec/roleARN", "value": 1}),
        operations({"op": "replace", "path": "/status", "value": {"pipelineStatus": "x"}}),
        operations({"op": "add", "path": "/spec/tags", "value": []}, {"op": "remove", "path": "/spec/tags"}),
        operations(),
        ("PATCH", "/a", {}, JSON_PATCH),
        get("/a"),
    ],
    "status": [
        create(pipeline("a", SPEC)),
        merge({"status": {"conditions": CONDITIONS, "ackResourceMetadata": {"region": "x"}}}, "/a/status"),
        merge({"status": {"conditions": CONDITIONS, "zork": 1}}, "/a/status"),
        merge({"status": {"pipelineStatus": "Active"}}, "/a/status"),
        merge({"status": {"conditions": []}}, "/a/status"),
        merge({"status": None}, "/a/status"),
        get("/a/status"),
        delete(path="/a/status"),
        create(pipeline("a"), "/a/status"),
    ],
    "server-side apply": [
        apply("one", SPEC | {"tags": [{"key": "a", "value": "b"}]}, labels={"l": "1"}),
        apply("two", {"pipelineName": "a", "roleARN": "s"}),
        apply("two", {"roleARN": "s", "tags": []}, "&force=true", labels={"l": "2"}),
        apply("one", {"pipelineName": "a", "roleARN": "s"}),
        apply("three", None),
        apply("three", 5),
        apply("three", {"tags": [5, {"key": 5}], "parallelismConfiguration": {"maxParallelExecutionSteps": "x"}}),
        apply("three", {"pipelineDescription": "x"}, "&dryRun=Some"),
        apply(
            "three",
            {"pipelineDescription": "x", "parallelismConfiguration": {"maxParallelExecutionSteps": 3}},
            annotations={"a": "b"},
            finalizers=["a.b/c", "a.b/d"],
            ownerReferences=[OWNER],
        ),
        apply("four", {"parallelismConfiguration": {}}, finalizers=["a.b/d", "a.b/e"]),
        apply("four", {}, finalizers=["a.b/e"]),
        apply("three", {"parallelismConfiguration": {}}),
        apply("three", {}),
        merge({"metadata": {"finalizers": ["a.b/d", "a.b/e"], "annotations": {"a": "c"}}, "spec": {"roleARN": "t"}}),
        apply("two", {"roleARN": "u"}),
        ("PATCH", "/a/status?fieldManager=c", {**HEAD, "metadata": {"name": "a"}, "status": {"zz": 1}}, APPLY),
        merge({"metadata": {"managedFields": [{}]}}),
        apply("five", {"pipelineDescription": "after"}),
    ],
    "deletion": [
        create(pipeline("a", SPEC, finalizers=["x.y/z"])),
        delete({"propagationPolicy": "Other"}),
        delete({"preconditions": {"uid": "x"}}),
        delete("{"),
        delete(path="/a?dryRun=All"),
        delete({"gracePeriodSeconds": 7}),
        delete(),
        create(pipeline("a", SPEC)),
        apply("one", {"pipelineDescription": "x"}),
        merge({"metadata": {"deletionTimestamp": None}}),
        merge({"metadata": {"finalizers": ["n.e/w"]}}),
        merge({"metadata": {"finalizers": None}}),
        delete(),
    ],
    "reads": [
        create(pipeline("a", SPEC, labels={"l": "m"})),
        create(pipeline("b", SPEC)),
        get("?labelSelector=l"),
        get("?labelSelector=l=m*"),
        get("?labelSelector=a/b/c=1"),
        get("?labelSelector=l>x"),
        get("?fieldSelector=="),
        get("?limit=-1"),
        get("?includeObject=Object", TABLE),
        get("?includeObject=Other", TABLE),
        get("/a", TABLE),
        get("/a?watch=1&timeoutSeconds=1"),
        get("?watch=1&timeoutSeconds=1"),
        get("?watch=1&timeoutSeconds=1", TABLE),
        get("?watch=1&timeoutSeconds=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"),
        get("", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"),
        get("", "text/html"),
        delete(path="?labelSelector=l"),
        delete(path=""),
    ],
}
_UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_VERSION = re.compile(r"(in record|current:) \(?\d+\)?")


def leveled(value: Any, namespace: str) -> Any:
    """An answer without what is bound to differ: names of the namespace, identities, times and versions."""
    if isinstance(value, str):
        text = _TIME.sub("TIME", _UID.sub("UID", value.replace(namespace, "NAMESPACE")))
        return _VERSION.sub(r"\1 VERSION", text)
    if isinstance(value, list):
        return [leveled(item, namespace) for item in value]
    if not isinstance(value, dict):
        return value
    result = {key: leveled(member, namespace) for key, member in value.items()}
    for key in ("resourceVersion", "continue"):
        if isinstance(result.get(key), str):
            result[key] = bool(result[key])
    if isinstance(result.get("managedFields"), list):
        # Their order is that of their times, which are of one second on one server and of two on the other.
        result["managedFields"].sort(key=lambda entry: json.dumps(entry, sort_keys=True))
    if "columnDefinitions" in result:
        for column in result["columnDefinitions"] or ():
            del column["description"]
    if "causes" in result:
        # The order of causes is that of a Go map, and some are told twice.
        result["causes"] = sorted({json.dumps(cause, sort_keys=True) for cause in result["causes"]})
    if "errors:\n" in str(result.get("message")):
        # So is that of a typed patch's errors.
        head, *errors = result["message"].split("\n")
        result["message"] = [head, *sorted(errors)]
    elif result.get("code") == 422 and "message" in result:
        result["message"] = sorted(re.split(r", | is invalid: ", re.sub(r"[][]", "", result["message"])))
    return result


def answer(namespace: Namespace, request: Request, manner: Manner = NEWEST) -> Any:
    """What the server answers, leveled: code, content type, warnings and the JSON of each line.

    :param manner: how the server answers with which it is compared.
    """
    method, path, body, media = request
    options = {"accept": media} if method == "GET" else {"media": media}
    got = namespace.server.request(method, namespace.pipelines + path, body, **options)
    try:
        lines = [leveled(json.loads(got.text), namespace.name)]
    except ValueError:
        # A watch: one event on each line.
        lines = [leveled(json.loads(line), namespace.name) for line in got.text.splitlines()]
    code = got.status_code
    if lines and lines[0].get("kind") == "Status":
        [status] = lines
        here = code, status.get("reason", "")
        there = manner.refusal(method, body, *here)
        if there != here:
            code = there[0]
            status |= dict(zip(("code", "reason"), there, strict=True))
        status.setdefault("reason", "")
    return code, got.headers["content-type"], got.headers.get_list("warning"), manner.said(lines)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_conversation(sandbox_server: Server, real_server: Server, name: str) -> None:
    on_sandbox, on_real = fresh_namespace(sandbox_server), fresh_namespace(real_server)
    for request in CONVERSATIONS[name]:
        assert answer(on_sandbox, request, real_server.manner) == answer(on_real, request), request


def test_served_kinds(sandbox_server: Server, real_server: Server) -> None:
    def entries(server: Server) -> list[Any]:
        listed = server.done("GET", API)["resources"]
        for entry in listed:
            # A hash of what the storage is, to tell two versions of one server apart.
            entry.pop("storageVersionHash", None)
        return sorted(listed, key=lambda entry: str(entry["name"]))

    assert entries(sandbox_server) == entries(real_server)

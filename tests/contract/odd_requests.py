"""Requests that are odd, and that kube-apiserver answers for sure: what is malformed, ambiguous, out of range."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.calls import (
    CRDS,
    FORM,
    LEASES,
    MAPS,
    MAY,
    NS,
    PIPELINES,
    REVIEWS,
    SECRETS,
    STRATEGIC,
    Call,
    core,
    crd,
    delete,
    get,
    lease,
    patch,
    post,
    put,
    review,
)
from tests.contract.servers import API, APPLY, JSON_PATCH, pipeline

YAML = "application/yaml"
STRICT = "?fieldValidation=Strict"
SHAPED = "application/json;as={};v={};g=meta.k8s.io"
WATCH = f"{API}/watch/namespaces/{{ns}}"
EVENTS = f"{NS}/events"
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u"}


def limited(steps: Any) -> dict[str, Any]:
    """A Pipeline with a limit of parallel steps."""
    limit = {"maxParallelExecutionSteps": steps}
    return pipeline("limited", {"pipelineName": "p", "roleARN": "r", "parallelismConfiguration": limit})


def event(name: str, **fields: Any) -> dict[str, Any]:
    return core("Event", name, involvedObject={"namespace": "{ns}", "name": "x"}, **fields)


def version(name: str = "v1", *, storage: bool = True, **schema: Any) -> dict[str, Any]:
    """A version of a CustomResourceDefinition."""
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": {"type": "object", **schema}},
    }


def yaml_pipeline(name: str, role: str) -> str:
    head = "apiVersion: sagemaker.services.k8s.aws/v1alpha1\nkind: Pipeline\n"
    return f"{head}metadata: {{name: {name}}}\nspec: {{pipelineName: {name}x, roleARN: {role}}}\n"


TWICE = (
    '{"apiVersion":"sagemaker.services.k8s.aws/v1alpha1","kind":"Pipeline","metadata":{"name":"twice"},'
    '"spec":{"pipelineName":"p","pipelineName":"q","roleARN":"r"}}'
)
MAP_TWICE = '{"metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}'
SPEC_FIELD = {"type": "object", "properties": {"a": {"type": "string"}}}

ODD_TEXTS = (b"\\ud800", b"\\ud83d\\ude00\\udc00", b"\xff", b"\xed\xa0\x80", b"\\\\ud800", b"\\u0000")
"""What may stand between quotes: halves of characters, and bytes that are no UTF-8."""
ODD_TIMEOUTS = ("timeout=x", "timeout=5", "timeout=5x", "timeout=0", "timeout=1h1.5s", "timeout=-.5s", "timeout=1s5")


def raw_pipeline(name: str, role: bytes) -> bytes:
    """A Pipeline in which a text stands as it is given."""
    return json.dumps(pipeline(name, {"pipelineName": name, "roleARN": "ROLE"})).encode().replace(b"ROLE", role)


ODD_OPERATIONS: tuple[Any, ...] = (
    [5],
    [None],
    ["x"],
    [{}],
    "5",
    '"x"',
    [{"op": "copy", "from": "/none", "path": "/spec/pipelineDescription"}],
    [{"op": "copy", "from": "/spec/none/x", "path": "/spec/pipelineDescription"}],
    [{"op": "move", "from": "/spec/none", "path": "/spec/pipelineDescription"}],
    [{"op": "add", "path": "", "value": 5}],
)

ODD: dict[str, list[Call]] = {
    "odd texts": [
        *(post(PIPELINES, raw_pipeline(f"text-{index}", text)) for index, text in enumerate(ODD_TEXTS)),
        *(
            patch(f"{PIPELINES}/applied?fieldManager=m", raw_pipeline("applied", text), APPLY)
            for text in (*ODD_TEXTS, b"\x7f", "\ufffe".encode(), b"\\u0080")
        ),
        patch(f"{PIPELINES}/text-0", b'{"spec":{"roleARN":"\\ud800"}}'),
        patch(f"{PIPELINES}/text-0", b'{"spec":{"roleARN":"\xff"}}'),
        patch(f"{PIPELINES}/text-0", b'[{"op":"add","path":"/spec/roleARN","value":"\\ud800"}]', JSON_PATCH),
        patch(f"{PIPELINES}/text-0", b'{"metadata":{"labels":{"\\ud800":"x"}}}'),
        post(PIPELINES, b"\xef\xbb\xbf" + raw_pipeline("mark", b"r")),
        post(PIPELINES, raw_pipeline("wide", b"r").decode().encode("utf-16")),
        post(MAPS, b'{"metadata":{"name":"a"},"data":{"a":"\\ud800"}}'),
    ],
    "odd applies": [
        patch(f"{MAPS}/a?fieldManager=m", core("ConfigMap", "a", data={"x": None}), APPLY),
        patch(f"{MAPS}/a?fieldManager=m", {"apiVersion": "v1", "kind": "ConfigMap"}, APPLY),
        patch(f"{SECRETS}/a?fieldManager=m", core("Secret", "a", data={"x": None}, stringData={"y": None}), APPLY),
        patch(f"{LEASES}/a?fieldManager=m", {**lease("a"), "spec": None}, APPLY),
        patch(f"{PIPELINES}/a?fieldManager=m", pipeline("a", None, labels={"a": "b"}), APPLY),
        patch(f"{PIPELINES}/a?fieldManager=n", {**pipeline("a", {}), "metadata": {"labels": {"c": "d"}}}, APPLY),
        patch(f"{PIPELINES}/a?fieldManager=n", {**pipeline("a", {}), "metadata": None}, APPLY),
    ],
    "odd options": [
        post(PIPELINES, pipeline("a")),
        *(get(f"{PIPELINES}?{query}") for query in ("limit=", "timeoutSeconds=", "timeout=", *ODD_TIMEOUTS)),
        *(patch(f"{PIPELINES}/a?{query}", {}) for query in ("dryRun=", *ODD_TIMEOUTS)),
        *(delete(f"{PIPELINES}/a?{query}") for query in ("dryRun=", *ODD_TIMEOUTS[:2])),
        delete(f"{PIPELINES}?dryRun="),
        get("/version?timeout=x"),
        get("/api/v1?timeout=x"),
        get(f"{PIPELINES}?watch=1&timeoutSeconds=1&timeout=x"),
        get(f"{PIPELINES}/a"),
    ],
    "odd pipelines": [
        post(PIPELINES + STRICT, TWICE),
        post(PIPELINES, TWICE),
        post(PIPELINES, {**pipeline("a"), "metadata": []}),
        post(PIPELINES, {**pipeline("a"), "metadata": None}),
        post(PIPELINES, pipeline("a", None, creationTimestamp="yesterday")),
        post(PIPELINES, pipeline("a", None, generation="7")),
        post(PIPELINES, pipeline("a", None, ownerReferences=[{**OWNER, "controller": "yes"}])),
        post(PIPELINES, pipeline("a", None, ownerReferences=[{**OWNER, "controller": True}] * 2)),
        post(
            PIPELINES, pipeline("a2", None, ownerReferences=[{**OWNER, "uid": uid, "controller": True} for uid in "uv"])
        ),
        post(PIPELINES, limited(99_999_999_999_999_999_999)),
        post(PIPELINES, limited(1e3)),
        post(PIPELINES, pipeline("b"), ";;"),
        post(PIPELINES, pipeline("b"), "application/json; charset=utf-8"),
        *(
            post(PIPELINES, yaml_pipeline(f"yaml-{index}", role), YAML)
            for index, role in enumerate(("no", "On", '"y"', "y", "1e3", "12:30", "08", "0x1f", "1_0", "2026-01-01"))
        ),
        put(f"{PIPELINES}/b", {**pipeline("b"), "metadata": {}}),
        patch(f"{PIPELINES}/b?fieldManager=m%0a", {}),
        patch(f"{PIPELINES}/b", {"metadata": {"creationTimestamp": "yesterday"}}),
        patch(f"{PIPELINES}/new?fieldManager=m", pipeline("new", None, uid="other"), APPLY),
        patch(f"{PIPELINES}/b" + STRICT, '{"spec":{"pipelineDescription":"a","pipelineDescription":"b"}}'),
        get(f"{PIPELINES}/b?resourceVersion=999999999"),
        get(f"{PIPELINES}/b?resourceVersion=x"),
        get(f"{PIPELINES}/b?resourceVersion=0"),
        get(f"{PIPELINES}/b/x/y"),
        get(f"{PIPELINES}?watch=1&timeoutSeconds=1&continue=x"),
        get(PIPELINES, SHAPED.format("Table", "v9")),
        get(PIPELINES, SHAPED.format("Chair", "v1")),
        get(f"{PIPELINES}/b", SHAPED.format("PartialObjectMetadataList", "v1")),
        *(patch(f"{PIPELINES}/b", {name: value}) for name in ("apiVersion", "kind") for value in (None, "", 5, "v1")),
        *(
            patch(f"{PIPELINES}/b", [{"op": "remove", "path": f"/{name}"}], JSON_PATCH)
            for name in ("apiVersion", "kind")
        ),
        patch(f"{PIPELINES}/b", {"metadata": {"deletionTimestamp": "2020-01-01T00:00:00Z"}}),
        patch(f"{PIPELINES}/b", {"metadata": {"deletionGracePeriodSeconds": 5}}),
        *(Call(method, path) for method in ("TRACE", "OPTIONS") for path in (PIPELINES, f"{PIPELINES}/b", MAPS)),
        *(
            get(f"{path}?timeoutSeconds=1&labelSelector=a=none")
            for path in (f"{WATCH}/pipelines", f"{WATCH}/nope", "/api/v1/watch/namespaces/{ns}/configmaps")
        ),
        get(f"{WATCH}/pipelines/b?timeoutSeconds=1"),
        get(f"{WATCH}/pipelines/none?timeoutSeconds=1"),
        get(f"{WATCH}/pipelines/b?timeoutSeconds=1&fieldSelector=metadata.name=c"),
        get(f"{WATCH}/pipelines/b?timeoutSeconds=1&fieldSelector=metadata.name==b"),
        get(f"{WATCH}/pipelines/b/status?timeoutSeconds=1"),
        post("/api/v1/watch/namespaces/{ns}/configmaps", {}),
        Call("HEAD", "/version"),
        Call("OPTIONS", "/api"),
        get("/apis//"),
        get(f"{API}/pipelines/b"),
    ],
    "odd deletions": [
        post(PIPELINES, pipeline("d")),
        delete(f"{PIPELINES}/d?propagationPolicy=Orphan&orphanDependents=true"),
        delete(f"{PIPELINES}/d", {"propagationPolicy": "Orphan", "orphanDependents": True}),
        delete(f"{PIPELINES}/d", {"gracePeriodSeconds": "x"}),
        delete(f"{PIPELINES}/d?gracePeriodSeconds=x"),
        delete(f"{PIPELINES}/d", {"kind": "Other", "apiVersion": "v1"}),
        delete(f"{PIPELINES}/d", "x", "text/plain"),
        delete(f"{PIPELINES}/d", [], "application/json"),
        delete(f"{PIPELINES}/d", {"preconditions": {"resourceVersion": "1"}}),
        delete(f"{PIPELINES}/d", {"unknown": 1}),
    ],
    "odd config maps": [
        post(MAPS, "null"),
        post(MAPS + STRICT, MAP_TWICE),
        post(MAPS, MAP_TWICE),
        post(MAPS + STRICT, "metadata: {name: yaml}\ndata: {a: b, a: c}\n", YAML),
        post(MAPS, "metadata: {name: yaml}\ndata: {a: y}\n", YAML),
        post(MAPS, core("ConfigMap", "b", data={"..": ""})),
        post(MAPS, core("ConfigMap", "b", data={"..b": ""})),
        post(MAPS, {**core("ConfigMap", "b"), "metadata": {"name": "b", "creationTimestamp": "x"}}),
        post(MAPS, {**core("ConfigMap", "b"), "metadata": {"name": "b", "finalizers": ["x"]}}),
        post(MAPS, {**core("ConfigMap", "b"), "metadata": {"name": "b", "finalizers": ["orphan"]}}),
        patch(f"{MAPS}/twice", {"$patch": "replace", "data": {"z": "1"}}, STRATEGIC),
        patch(f"{MAPS}/twice", {"$patch": "delete"}, STRATEGIC),
        patch(f"{MAPS}/twice", {"data": {"$retainKeys": ["other"], "q": "2"}}, STRATEGIC),
        patch(f"{MAPS}/twice", {"data": {"$retainKeys": ["q"], "q": "2"}}, STRATEGIC),
        patch(f"{MAPS}/twice", {"metadata": {"ownerReferences": [{"name": "s"}]}}, STRATEGIC),
        patch(f"{MAPS}/twice", {"metadata": {"ownerReferences": [{"$patch": "replace"}, OWNER]}}, STRATEGIC),
        patch(f"{MAPS}/twice", [{"op": "replace", "path": "", "value": {}}], JSON_PATCH),
        patch(
            f"{MAPS}/new?fieldManager=m", {**core("ConfigMap", "new"), "metadata": {"name": "new", "uid": "q"}}, APPLY
        ),
        *(patch(f"{MAPS}/twice", {name: value}) for name in ("apiVersion", "kind") for value in (None, "", 5, "v2")),
        patch(f"{MAPS}/twice", {"metadata": {"deletionTimestamp": "2020-01-01T00:00:00Z"}}),
        put(f"{MAPS}/twice", {"metadata": {}}),
        put(f"{MAPS}/twice", {"data": {}}),
        post("/api/v1/configmaps", core("ConfigMap", "q")),
        delete("/api/v1/configmaps"),
    ],
    "odd secrets, events and leases": [
        post(SECRETS, core("Secret", "a", type="kubernetes.io/service-account-token")),
        post(SECRETS, core("Secret", "a", type=5)),
        post(EVENTS, event("a", eventTime="2026-01-01T00:00:00.000000Z")),
        post(EVENTS, event("a", eventTime="2026-01-01T00:00:00Z")),
        post(EVENTS, event("a", firstTimestamp="2026-01-01T00:00:00Z", type="Normal")),
        post(LEASES, lease("a", acquireTime="2026-01-01T00:00:00Z")),
        post(LEASES, lease("a", acquireTime="2026-01-01T00:00:00.123456789Z")),
        post(LEASES, lease("a", leaseDurationSeconds=2**40)),
        post(LEASES, lease("a", preferredHolder="p")),
        get("/apis/coordination.k8s.io/v9/leases"),
    ],
    "odd definitions of kinds": [
        post(CRDS, crd("gadgets", versions=[version(properties={"spec": {"properties": SPEC_FIELD["properties"]}})])),
        post(CRDS, crd("gadgets", versions=[version(properties={"spec": {"type": "array"}})])),
        post(CRDS, crd("gadgets", versions=[version(properties={"spec": {"type": "object", "$ref": "#/x"}})])),
        post(CRDS, crd("gadgets", versions=[version(), version(storage=False)])),
        post(CRDS, crd("gadgets", versions=[version(), version("v2")])),
        post(CRDS, crd("gadgets", preserveUnknownFields=True)),
        post(CRDS, crd("gadgets", versions=[version(properties={"a": {"type": "string", "default": 5}})])),
        post(CRDS, crd("gadgets", versions=[version(properties={"a": {"type": "integer", "default": 1.5}})])),
        post(CRDS, crd("gadgets", versions=[version(properties={"a": {"type": "string", "pattern": "("}})])),
        post(CRDS, crd("gadgets", versions=[version(properties={"spec": SPEC_FIELD})])),
    ],
    "odd JSON patches": [
        post(PIPELINES, pipeline("p")),
        *(patch(f"{PIPELINES}/p", body, JSON_PATCH) for body in ODD_OPERATIONS),
        get(f"{PIPELINES}?limit=99999999999999999999"),
        get(f"{PIPELINES}?watch=1&timeoutSeconds=99999999999999999999"),
    ],
    "odd reviews": [
        post(f"{REVIEWS}/selfsubjectaccessreviews", review("SelfSubjectAccessReview", resourceAttributes=MAY), FORM),
        post("/apis/authentication.k8s.io/v1/tokenreviews", review("TokenReview", "authentication", token="x")),
        post("/apis/authentication.k8s.io/v1/tokenreviews", review("TokenReview", "authentication")),
        get("/apis/authentication.k8s.io/v1/tokenreviews"),
        post("/apis/authorization.k8s.io/v1/nothing", {}),
    ],
}

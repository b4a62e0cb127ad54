"""A hundred and some requests of every kind that a user of the ACK kinds sends, the built-in kinds included.

``{ns}`` stands for the conversation's namespace, ``{group}`` for an API group of its own. The requests of a
conversation are sent in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.contract.servers import API, APPLY, JSON, JSON_PATCH, MERGE, pipeline

STRATEGIC = "application/strategic-merge-patch+json"
CBOR_PATCH = "application/apply-patch+cbor"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Call:
    """One request."""

    method: str
    path: str
    body: Any = None
    media: str = JSON
    accept: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path} {'' if self.method == 'GET' else self.media} {str(self.body or '')[:90]}"


def get(path: str, accept: str = "") -> Call:
    return Call("GET", path, accept=accept)


def post(path: str, body: Any, media: str = JSON) -> Call:
    return Call("POST", path, body, media)


def put(path: str, body: Any) -> Call:
    return Call("PUT", path, body)


def patch(path: str, body: Any, media: str = MERGE) -> Call:
    return Call("PATCH", path, body, media)


def delete(path: str, body: Any = None, media: str = JSON) -> Call:
    return Call("DELETE", path, body, media)


def core(kind: str, name: str, /, **fields: Any) -> dict[str, Any]:
    """An object of the core group."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **fields}


def lease(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": spec}


def review(kind: str, group: str = "authorization", /, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": f"{group}.k8s.io/v1", "kind": kind, "spec": spec}


def crd(plural: str = "widgets", **changes: Any) -> dict[str, Any]:
    """A CustomResourceDefinition of the conversation's own group."""
    kind = plural[:-1].title()
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}},
    }
    spec = {
        "group": "{group}",
        "scope": "Namespaced",
        "names": {"plural": plural, "kind": kind},
        "versions": [version],
        **changes,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{{group}}"},
        "spec": spec,
    }


NS = "/api/v1/namespaces/{ns}"
MAPS, SECRETS = f"{NS}/configmaps", f"{NS}/secrets"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
REVIEWS = "/apis/authorization.k8s.io/v1"
PIPELINES = f"{API}/namespaces/{{ns}}/pipelines"
DEEP = "[" * 20_000 + "]" * 20_000
MAY = {"verb": "create", "group": "sagemaker.services.k8s.aws", "resource": "pipelines", "namespace": "{ns}"}

CONVERSATIONS: dict[str, list[Call]] = {
    "server": [
        get("/version"),
        get("/version/"),
        get("/readyz"),
        get("/readyz/"),
        get("/readyz/ping"),
        get("/readyz/etcd"),
        get("/readyz/nothing"),
        get("/readyz?verbose"),
        get("/livez/ping"),
        get("/healthz"),
        get("/healthz/log"),
        get("/healthz/nothing"),
        get("/nothing"),
        get("/api"),
        get("/api/"),
        get("/api/v1"),
        get("/api/v1/"),
        get("/api/v2"),
        get("/apis"),
        get("/apis/"),
        get("/apis/nothing"),
        get("/apis/coordination.k8s.io/v9"),
        get("/apis/sagemaker.services.k8s.aws/v9"),
        get("/apis/coordination.k8s.io"),
        get("/apis/coordination.k8s.io/v1"),
        get("/apis/authorization.k8s.io/v1"),
        get("/apis/authentication.k8s.io/v1"),
        get("/openapi/v3"),
        get("/openapi/v3/api/v1"),
        get("/openapi/v2"),
        get("/api/v1/nothings"),
        get("/api/v1/namespaces/{ns}/nothings"),
        post("/version", {}),
    ],
    "namespaces": [
        get(NS),
        get("/api/v1/namespaces/none"),
        get(f"{NS}/status"),
        post("/api/v1/namespaces", core("Namespace", "{ns}")),
        post("/api/v1/namespaces", core("Namespace", "Not_a_name")),
        post("/api/v1/namespaces", core("Namespace", "{ns}-b", spec={"finalizers": ["kubernetes"]})),
        post("/api/v1/namespaces", {"metadata": {"name": "{ns}-c"}}),
        post("/api/v1/namespaces", {"metadata": {"generateName": "{ns}-"}}),
        patch(NS, {"metadata": {"labels": {"a": "b"}}}),
        patch(NS, {"metadata": {"labels": {"a": "not a label"}}}),
        patch(NS, {"metadata": {"labels": {"a": None, "c": "d"}}}, STRATEGIC),
        patch(NS, {"spec": {"finalizers": ["example.com/x"]}}),
        delete("/api/v1/namespaces/default"),
        delete("/api/v1/namespaces/kube-system"),
        delete("/api/v1/namespaces/kube-public"),
        delete("/api/v1/namespaces/none"),
        delete("/api/v1/namespaces"),
        delete("/api/v1/namespaces/{ns}-b"),
        post("/api/v1/namespaces/none/configmaps", core("ConfigMap", "a")),
    ],
    "config maps": [
        post(MAPS, core("ConfigMap", "a", data={"a": "1", "b": "2"})),
        post(MAPS, core("ConfigMap", "a")),
        post(MAPS, {"metadata": {"name": "b"}, "data": {"x": "y"}}),
        post(MAPS, {"kind": "ConfigMap", "metadata": {"name": "c"}}),
        post(MAPS, {"apiVersion": "v1", "metadata": {"name": "d"}}),
        post(MAPS, {"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "e"}}),
        post(MAPS, core("Secret", "e")),
        post(MAPS, core("ConfigMap", "e", data={"x": 5})),
        post(MAPS, core("ConfigMap", "e", data=[])),
        post(MAPS, core("ConfigMap", "e", data={"not a key": ""})),
        post(MAPS, core("ConfigMap", "e", binaryData={"x": "no base64"})),
        post(MAPS, core("ConfigMap", "e", binaryData={"x": "AAEC"}, data={"x": ""})),
        post(MAPS, core("ConfigMap", "f", binaryData={"x": "AAEC"}, nothing=1)),
        post(f"{MAPS}?fieldValidation=Strict", core("ConfigMap", "g", nothing=1)),
        post(MAPS, core("ConfigMap", "h", data={"x": "y" * 1_100_000})),
        post(MAPS, "{"),
        post(MAPS, DEEP),
        post(MAPS, {}),
        post(MAPS, core("ConfigMap", "i"), FORM),
        put(f"{MAPS}/a", core("ConfigMap", "a", data={"a": "2"})),
        put(f"{MAPS}/none", core("ConfigMap", "none")),
        patch(f"{MAPS}/a", {"data": {"b": "3"}}),
        patch(f"{MAPS}/a", {"data": {"a": None, "$patch": "merge"}}, STRATEGIC),
        patch(f"{MAPS}/a", {"data": {"c": "4", "$patch": "replace"}}, STRATEGIC),
        patch(f"{MAPS}/a", {"metadata": {"finalizers": ["example.com/x"]}}, STRATEGIC),
        patch(f"{MAPS}/a", {"metadata": {"finalizers": ["example.com/y"]}}, STRATEGIC),
        patch(f"{MAPS}/a", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/x"]}}, STRATEGIC),
        patch(f"{MAPS}/a", {"data": {"$patch": "delete"}}, STRATEGIC),
        patch(f"{MAPS}/a", {"metadata": {"finalizers": None}}, STRATEGIC),
        patch(f"{MAPS}/a", [{"op": "add", "path": "/data", "value": {"z": "1"}}], JSON_PATCH),
        patch(f"{MAPS}/a", [{"op": "test", "path": "/data/z", "value": "2"}], JSON_PATCH),
        patch(f"{MAPS}/a?fieldManager=m", core("ConfigMap", "a", data={"q": "1"}), APPLY),
        patch(f"{MAPS}/new?fieldManager=m", core("ConfigMap", "new", data={"q": "1"}), APPLY),
        patch(f"{MAPS}/a?fieldManager=n", core("ConfigMap", "a", data={"q": "2"}), APPLY),
        patch(f"{MAPS}/a", {"data": {}}, CBOR_PATCH),
        patch(f"{MAPS}/a", {"data": {}}, JSON),
        patch(f"{MAPS}/a", {"immutable": True}),
        patch(f"{MAPS}/a", {"data": {"q": "9"}}),
        patch(f"{MAPS}/a", {"immutable": False}),
        get(f"{MAPS}/a"),
        get(f"{MAPS}?labelSelector=a=b"),
        get(f"{MAPS}?fieldSelector=metadata.name=a"),
        get(f"{MAPS}?fieldSelector=data=a"),
        get("/api/v1/configmaps?limit=1"),
        get(f"{MAPS}/a/status"),
        delete(f"{MAPS}/a", {"preconditions": {"uid": "other"}}),
        delete(f"{MAPS}/a", {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"}),
        delete(f"{MAPS}/b", {"propagationPolicy": "Background"}),
        delete(f"{MAPS}/b"),
        delete(MAPS),
    ],
    "secrets": [
        post(SECRETS, core("Secret", "a", stringData={"x": "y"}, data={"x": "AA==", "z": "AA=="})),
        get(f"{SECRETS}/a"),
        post(SECRETS, core("Secret", "b", data={"x": "no base64!"})),
        post(SECRETS, core("Secret", "b", type="kubernetes.io/tls", data={"x": "AA=="})),
        post(
            SECRETS, core("Secret", "b", type="kubernetes.io/dockerconfigjson", stringData={".dockerconfigjson": "x"})
        ),
        post(SECRETS, core("Secret", "b", type="helm.sh/release.v1", data={"release": "AA=="})),
        patch(f"{SECRETS}/a", {"stringData": {"x": "w"}}, STRATEGIC),
        patch(f"{SECRETS}/a", {"type": "other"}),
        patch(f"{SECRETS}/a", {"data": {"not a key": "AA=="}}),
        patch(f"{SECRETS}/a?fieldManager=m", core("Secret", "a", stringData={"x": "v"}), APPLY),
        get(f"{SECRETS}/a"),
        get(f"{SECRETS}?fieldSelector=type=Opaque"),
        delete(f"{SECRETS}/a"),
    ],
    "leases": [
        post(LEASES, lease("a", holderIdentity="me", leaseDurationSeconds=15)),
        post(LEASES, lease("b", leaseDurationSeconds=0)),
        post(LEASES, lease("b", leaseDurationSeconds=1.5)),
        post(LEASES, lease("b", leaseDurationSeconds=4.0)),
        post(LEASES, lease("c", renewTime="2026-11-26T10:00:00.000000Z")),
        post(LEASES, lease("d", renewTime="yesterday")),
        post(LEASES, lease("d", leaseTransitions=-1)),
        patch(f"{LEASES}/a", {"spec": {"holderIdentity": "you"}}, STRATEGIC),
        put(f"{LEASES}/a", lease("a", holderIdentity="me")),
        get(f"{LEASES}/a"),
        delete(f"{LEASES}/a"),
    ],
    "definitions of kinds": [
        post(CRDS, crd()),
        post(CRDS, crd()),
        post(CRDS, crd("gadgets", versions=[{"name": "v1", "served": True, "storage": True}])),
        get(f"{CRDS}/gadgets.{{group}}"),
        post(CRDS, crd("gadgets", versions=[])),
        post(CRDS, crd("gadgets", scope="Everywhere")),
        post(CRDS, crd("gadgets", names={"plural": "others", "kind": "Gadget"})),
        post(CRDS, crd("gadgets", names={"plural": "gadgets"})),
        post(
            CRDS,
            crd(
                "gadgets",
                versions=[{"name": "v1", "served": True, "storage": False, "schema": {"openAPIV3Schema": {}}}],
            ),
        ),
        post(CRDS, {**crd("gadgets"), "spec": None}),
        patch(f"{CRDS}/widgets.{{group}}", {"metadata": {"labels": {"a": "b"}}}),
        patch(f"{CRDS}/widgets.{{group}}", {"spec": {"scope": "Cluster"}}),
        patch(f"{CRDS}/widgets.{{group}}", {"spec": {"versions": []}}),
        delete(f"{CRDS}/widgets.{{group}}"),
        delete(f"{CRDS}/none.example.com"),
    ],
    "reviews": [
        post(f"{REVIEWS}/selfsubjectaccessreviews", review("SelfSubjectAccessReview", resourceAttributes=MAY)),
        post(
            f"{REVIEWS}/selfsubjectaccessreviews",
            review("SelfSubjectAccessReview", nonResourceAttributes={"path": "/version", "verb": "get"}),
        ),
        post(f"{REVIEWS}/selfsubjectaccessreviews", review("SelfSubjectAccessReview")),
        post(f"{REVIEWS}/selfsubjectaccessreviews", {"spec": {"resourceAttributes": MAY}}),
        get(f"{REVIEWS}/selfsubjectaccessreviews"),
        post(f"{REVIEWS}/selfsubjectrulesreviews", review("SelfSubjectRulesReview", namespace="{ns}")),
        post(f"{REVIEWS}/selfsubjectrulesreviews", review("SelfSubjectRulesReview")),
        post(
            f"{REVIEWS}/namespaces/{{ns}}/localsubjectaccessreviews",
            review("LocalSubjectAccessReview", user="somebody", resourceAttributes=MAY),
        ),
        post(f"{REVIEWS}/namespaces/{{ns}}/localsubjectaccessreviews", review("LocalSubjectAccessReview")),
        post(f"{REVIEWS}/subjectaccessreviews", review("SubjectAccessReview", user="x", resourceAttributes=MAY)),
        post(f"{REVIEWS}/subjectaccessreviews", review("SubjectAccessReview", resourceAttributes=MAY)),
        post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review("SelfSubjectReview", "authentication")),
        get("/apis/authentication.k8s.io/v1/selfsubjectreviews"),
    ],
    "pipelines": [
        post(PIPELINES, pipeline("a")),
        post(PIPELINES, pipeline("a")),
        post(PIPELINES, {"metadata": {"name": "b"}}),
        post(PIPELINES, DEEP),
        post(PIPELINES, pipeline("b"), FORM),
        patch(
            f"{PIPELINES}/a",
            {"spec": {"parallelismConfiguration": {"maxParallelExecutionSteps": 4.0}}},
        ),
        patch(
            f"{PIPELINES}/a",
            {"spec": {"parallelismConfiguration": {"maxParallelExecutionSteps": 4.5}}},
        ),
        patch(f"{PIPELINES}/a", {"metadata": {"labels": {"a": "b"}}}, STRATEGIC),
        patch(f"{PIPELINES}/a", {}, CBOR_PATCH),
        get(f"{PIPELINES}/a/scale"),
        get(f"{PIPELINES}/none"),
        delete(f"{PIPELINES}/a", {"propagationPolicy": "Background"}),
    ],
    "not served": [
        get(f"{NS}/pods"),
        get(f"{NS}/services"),
        get("/apis/apps/v1/namespaces/{ns}/deployments"),
        post(f"{NS}/serviceaccounts", core("ServiceAccount", "a")),
        get("/apis/rbac.authorization.k8s.io/v1/clusterroles"),
    ],
}

"""A request as a value, and the objects and paths that requests are made of.

``{ns}`` stands for the conversation's namespace, ``{group}`` for an API group of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.contract.servers import API, JSON, MERGE

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

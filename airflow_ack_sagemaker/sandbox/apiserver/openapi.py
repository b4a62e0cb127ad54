"""OpenAPI of each group and version as far as kubectl reads it: schemas for ``explain``, parameters for validation."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver.catalog import Catalog
from airflow_ack_sagemaker.sandbox.apiserver.resource import Resource
from airflow_ack_sagemaker.sandbox.apiserver.schema import METADATA

Document = dict[str, Any]

VERSION_2_MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
VERSION_2 = b"\x0a\x032.0"
"""OpenAPI v2 in protobuf, empty but for its version: kubectl asks for it when version 3 does not have a kind."""

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_TEXTS = {
    "apiVersion": "The API group and version of the object.",
    "kind": "The kind of the object.",
    "metadata": "Name, namespace, labels, annotations and what else every object has.",
}


def _schema_name(resource: Resource) -> str:
    """The name of a kind's schema: the group's labels in reverse, the version, the kind."""
    if not resource.custom:
        return f"io.k8s.api.{resource.group.split('.')[0] or 'core'}.{resource.version}.{resource.kind}"
    return ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])


def _kind(resource: Resource) -> Document:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _query(name: str, kind: str = "string") -> Document:
    return {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}


def _reference(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def _operation(
    resource: Resource, action: str, schema: str, *parameters: Document, body: tuple[str, ...] = ()
) -> Document:
    operation: Document = {
        "operationId": f"{action}{resource.version}{resource.kind}",
        "parameters": list(parameters),
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": _reference(schema)}}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _kind(resource),
    }
    if body:
        operation["requestBody"] = {
            "content": {media: {"schema": _reference(schema)} for media in body},
            "required": True,
        }
    return operation


def _paths(resource: Resource) -> Document:
    name = _schema_name(resource)
    root = f"/apis/{resource.group}/{resource.version}" if resource.group else "/api/v1"
    base = f"{root}/namespaces/{{namespace}}/{resource.plural}" if resource.namespaced else f"{root}/{resource.plural}"
    write = (_query("dryRun"), _query("fieldManager"), _query("fieldValidation"))
    patches = ["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"]
    if not resource.custom:
        patches.append("application/strategic-merge-patch+json")
    paths: Document = {
        base: {"post": _operation(resource, "post", name, *write, body=("application/json", "application/yaml"))}
    }
    if "get" not in resource.verbs:
        return paths
    selectors = (_query("labelSelector"), _query("fieldSelector"), _query("limit", "integer"), _query("continue"))
    paths[base]["get"] = _operation(resource, "list", f"{name}List", *selectors, _query("watch", "boolean"))
    paths[f"{base}/{{name}}"] = {
        "get": _operation(resource, "get", name, _query("resourceVersion")),
        "put": _operation(resource, "put", name, *write, body=("application/json", "application/yaml")),
        "patch": _operation(resource, "patch", name, *write, _query("force", "boolean"), body=tuple(patches)),
        "delete": _operation(resource, "delete", name, _query("dryRun"), _query("propagationPolicy")),
    }
    return paths


def _schemas(resource: Resource) -> Document:
    name = _schema_name(resource)
    shown = {key: value for key, value in resource.schema.items() if key != "properties"}
    properties: Document = {
        key: {**value, "description": _TEXTS[key]} if key in _TEXTS else value
        for key, value in resource.schema.get("properties", {}).items()
    }
    properties["metadata"] = {"allOf": [_reference(f"{_META}.ObjectMeta")], "description": _TEXTS["metadata"]}
    listed = {
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": _reference(f"{_META}.ListMeta"),
            "items": {"type": "array", "items": _reference(name)},
        },
        "x-kubernetes-group-version-kind": [{**_kind(resource), "kind": resource.list_name}],
    }
    single = {**shown, "properties": properties, "x-kubernetes-group-version-kind": [_kind(resource)]}
    return {name: single, f"{name}List": listed}


def document(catalog: Catalog, group: str, version: str) -> Document | None:
    """The OpenAPI v3 document of a group and version, or None when it is not served."""
    members = [resource for resource in catalog.all() if (resource.group, resource.version) == (group, version)]
    if not members:
        return None
    paths: Document = {}
    schemas: Document = {
        f"{_META}.ObjectMeta": {"description": _TEXTS["metadata"], **METADATA},
        f"{_META}.ListMeta": {
            "type": "object",
            "properties": {
                "resourceVersion": {"type": "string"},
                "continue": {"type": "string"},
                "remainingItemCount": {"type": "integer", "format": "int64"},
            },
        },
    }
    for resource in members:
        paths.update(_paths(resource))
        schemas.update(_schemas(resource))
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.37.2"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def index(catalog: Catalog) -> Document:
    """``/openapi/v3``: where the document of each group and version is, with a hash that changes when it does."""
    found: Document = {}
    for group, version in [("", "v1"), *((name, v) for name, versions in catalog.groups().items() for v in versions)]:
        path = f"apis/{group}/{version}" if group else f"api/{version}"
        text = json.dumps(document(catalog, group, version), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest().upper()
        found[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": found}

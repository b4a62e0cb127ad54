"""Requests to the API server as plain data. No I/O; `.answers` reads what comes back.

Source: the Kubernetes API conventions (paths, patch types, chunked lists, watch bookmarks).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, GROUP, VERSION, Kind

FIELD_MANAGER = "airflow-ack-sagemaker"
"""Owner of the fields that this package sets, as ``metadata.managedFields`` shows it."""
PAGE_SIZE = 500
"""Objects in one page of a list, as kubectl asks for."""
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What an apply, which the server reads as YAML, refuses or reads as a space. Escaped it is taken as it is."""
OBJECT_BYTES = 16 << 20
"""No object is longer as JSON: kube-apiserver takes requests of 3 MiB, etcd of 1.5 MiB."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``verb`` is what RBAC calls it, ``action`` what a person does.

    ``repeatable`` says that sending it twice does what sending it once does. ``most``: bytes that its answer may have.
    """

    action: str
    verb: str
    method: str
    kind: Kind
    namespace: str
    name: str = ""
    query: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None
    content_type: str = "application/json"
    repeatable: bool = True
    most: int = OBJECT_BYTES

    @property
    def path(self) -> str:
        """Path and query below the server's URL."""
        path = f"/apis/{GROUP}/{VERSION}"
        if self.namespace:
            path += f"/namespaces/{quote(self.namespace, safe='')}"
        path += f"/{self.kind.plural}"
        if self.name and self.method != "POST":
            path += f"/{quote(self.name, safe='')}"
        return f"{path}?{urlencode(self.query)}" if self.query else path

    def __str__(self) -> str:
        target = self.kind.kind if self.name else self.kind.plural
        where = "/".join(part for part in (self.namespace, self.name) if part) or "all namespaces"
        return f"{self.action} {target} {where}" if self.name else f"{self.action} {target} in {where}"


def get(kind: Kind, name: str, namespace: str) -> Request:
    """Read one object."""
    return Request("get", "get", "GET", kind, namespace, _named(name))


def list_page(
    kind: Kind,
    namespace: str,
    *,
    label_selector: str = "",
    field_selector: str = "",
    page: str = "",
    limit: int = PAGE_SIZE,
    most: int | None = None,
) -> Request:
    """Read one page of the objects of a namespace ("": of all namespaces), by default as long as it is."""
    query = [("limit", str(limit)), *_selectors(label_selector, field_selector)]
    if page:
        query.append(("continue", page))
    most = limit * OBJECT_BYTES if most is None else most
    return Request("list", "list", "GET", kind, namespace, query=tuple(query), most=most)


def watch(
    kind: Kind,
    namespace: str,
    *,
    resource_version: str,
    label_selector: str = "",
    field_selector: str = "",
    timeout_seconds: int = 300,
) -> Request:
    """Follow what changes after ``resource_version``, for at most ``timeout_seconds``, with bookmarks."""
    query = [
        ("watch", "true"),
        ("allowWatchBookmarks", "true"),
        ("resourceVersion", resource_version),
        ("timeoutSeconds", str(max(1, timeout_seconds))),
        *_selectors(label_selector, field_selector),
    ]
    return Request("watch", "watch", "GET", kind, namespace, query=tuple(query))


def create(kind: Kind, manifest: Mapping[str, Any], namespace: str) -> Request:
    """Create one object; a field that the kind does not have is an error. Never repeated when it may have been carried
    out.
    """
    return Request(
        "create",
        "create",
        "POST",
        kind,
        namespace,
        _named(str((manifest.get("metadata") or {}).get("name") or "")),
        query=(("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict")),
        content=_json(_typed(kind, manifest)),
        repeatable=False,
    )


def apply(
    kind: Kind, manifest: Mapping[str, Any], namespace: str, *, force: bool = True, dry_run: bool = False
) -> Request:
    """Server-side apply: own exactly the manifest's fields, taking them from other managers with ``force``."""
    query = [("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict"), ("force", str(force).lower())]
    if dry_run:
        query.append(("dryRun", "All"))
    return Request(
        "apply",
        "patch",
        "PATCH",
        kind,
        namespace,
        _named(str((manifest.get("metadata") or {}).get("name") or "")),
        query=tuple(query),
        content=_json(_typed(kind, manifest)),
        content_type="application/apply-patch+yaml",  # JSON is YAML, and the server parses it faster
    )


def patch(
    kind: Kind,
    name: str,
    body: Mapping[str, Any],
    namespace: str,
    *,
    resource_version: str | None = None,
    dry_run: bool = False,
) -> Request:
    """JSON merge patch; with ``resource_version`` only when that is still the object's version."""
    if resource_version is not None:
        body = {**body, "metadata": {**(body.get("metadata") or {}), "resourceVersion": resource_version}}
    return Request(
        "patch",
        "patch",
        "PATCH",
        kind,
        namespace,
        _named(name),
        query=(("fieldManager", FIELD_MANAGER), *((("dryRun", "All"),) if dry_run else ())),
        content=_json(body),
        content_type="application/merge-patch+json",
        # Repeated with a version, its own first success would answer 409.
        repeatable=resource_version is None,
    )


def delete(
    kind: Kind, name: str, namespace: str, *, uid: str | None = None, resource_version: str | None = None
) -> Request:
    """Delete one object; only while it has this ``uid`` and this ``resource_version``, where they are given."""
    options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
    wanted = {"uid": uid, "resourceVersion": resource_version}
    if preconditions := {key: value for key, value in wanted.items() if value is not None}:
        options["preconditions"] = preconditions
    return Request(
        "delete",
        "delete",
        "DELETE",
        kind,
        namespace,
        _named(name),
        content=_json(options),
        # Without a uid, a repeated delete could hit the next object of the same name.
        repeatable=uid is not None and resource_version is None,
    )


def _selectors(label_selector: str, field_selector: str) -> list[tuple[str, str]]:
    chosen = (("labelSelector", label_selector), ("fieldSelector", field_selector))
    return [(name, value) for name, value in chosen if value]


def _named(name: str) -> str:
    if not name:
        raise ValueError("A Kubernetes object needs a name: metadata.name is missing or empty.")
    return name


def _typed(kind: Kind, manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind.kind, **manifest}


def _json(value: Any) -> bytes:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found.group()):04x}", text).encode()

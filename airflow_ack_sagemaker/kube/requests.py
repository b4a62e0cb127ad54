"""Requests to the API server as plain data, and the meaning of its answers. No I/O.

Sources: the Kubernetes API conventions (paths, patch types, chunked lists, watch bookmarks) and the answers of
kube-apiserver 1.37, which are not always what the conventions promise: an unknown field is a 400 on create, but a 500
without a reason on server-side apply; a missing custom resource definition is a 404 in plain text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, GROUP, VERSION, Kind
from airflow_ack_sagemaker.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    KindNotInstalled,
    NotFound,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)

FIELD_MANAGER = "airflow-ack-sagemaker"
"""Owner of the fields that this package sets, as ``metadata.managedFields`` shows it."""
PAGE_SIZE = 500
"""Objects in one page of a list, as kubectl asks for."""
_SHOWN = 2000  # characters of a server's message that are worth a log line; an invalid object can yield megabytes


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``verb`` is what RBAC calls it, ``action`` what a person does.

    ``repeatable`` says that sending it twice does what sending it once does.
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


@dataclass(frozen=True, slots=True)
class ResourceList:
    """Objects of one kind, the version that a watch goes on from, and the token of the next page ("" after the
    last).
    """

    items: list[dict[str, Any]]
    resource_version: str
    next_page: str = ""


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a watch: ``type`` is ADDED, MODIFIED, DELETED or BOOKMARK (whose object has nothing but a
    version).
    """

    type: str
    object: dict[str, Any]


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
) -> Request:
    """Read one page of the objects of a namespace ("": of all namespaces)."""
    query = [("limit", str(limit)), *_selectors(label_selector, field_selector)]
    if page:
        query.append(("continue", page))
    return Request("list", "list", "GET", kind, namespace, query=tuple(query))


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
    kind: Kind, name: str, body: Mapping[str, Any], namespace: str, *, resource_version: str | None = None
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
        query=(("fieldManager", FIELD_MANAGER),),
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


def parse(request: Request, server: str, status: int, headers: Mapping[str, str], content: bytes) -> dict[str, Any]:
    """The object in an answer.

    :raises ApiError: the server answered with an error; the subclass says which.
    :raises Unreachable: the answer is not from a Kubernetes API server.
    """
    if status >= 300:
        raise api_error(request, server, status, headers, content)
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Unreachable(
            f"Cannot {request}: {server} answered {status} with something that is not a Kubernetes object. "
            "Does the URL belong to an API server, or to a proxy or login page before it?",
            sent=True,
        )
    return value


def parse_list(value: Mapping[str, Any]) -> ResourceList:
    """One page of a list."""
    metadata = value.get("metadata") or {}
    return ResourceList(
        list(value.get("items") or []), str(metadata.get("resourceVersion") or ""), str(metadata.get("continue") or "")
    )


def parse_event(request: Request, server: str, line: bytes) -> WatchEvent:
    """One line of a watch.

    :raises Unreachable: the line is incomplete, because the connection broke in the middle of it.
    :raises ApiError: the server ended the watch with an error, :class:`Gone` for instance.
    """
    try:
        value = json.loads(line)
        event = WatchEvent(value["type"], value["object"])
    except (ValueError, KeyError, TypeError):
        raise Unreachable(f"Cannot {request}: {server} broke off in the middle of an event.", sent=True) from None
    if event.type == "ERROR":
        raise api_error(request, server, int(event.object.get("code") or 500), {}, json.dumps(event.object).encode())
    return event


def api_error(request: Request, server: str, status: int, headers: Mapping[str, str], content: bytes) -> ApiError:
    """The error in an answer, with a message for people."""
    body = _status_object(content)
    said = str(body.get("message") or "") if body else content.decode("utf-8", "replace").strip()
    said = said[:_SHOWN].rstrip()
    reason = str(body.get("reason") or "")
    details = body.get("details") if isinstance(body.get("details"), dict) else {}
    kind, advice = _meaning(request, status, reason, said, details or {})
    text = f"Cannot {request} on {server}: {said or 'no explanation'} (HTTP {status}{f' {reason}' if reason else ''})."
    if kind is KindNotInstalled:
        text = (
            f"Cannot {request}: the ACK SageMaker controller is not installed in this cluster ({server} does not know "
            f"{request.kind.plural} of {API_VERSION}). Install the controller with its custom resource definitions, "
            "or choose another Kubernetes connection."
        )
    return kind(
        f"{text} {advice}" if advice else text,
        status=status,
        reason=reason,
        message=said,
        details=details,
        retry_after=retry_after(headers, details or {}),
    )


def retry_after(headers: Mapping[str, str], details: Mapping[str, Any] | None = None) -> float | None:
    """Seconds that the server asks to wait: ``Retry-After`` as number or date, else ``details.retryAfterSeconds``."""
    value = headers.get("retry-after") or (details or {}).get("retryAfterSeconds")
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except (TypeError, ValueError):
        moment = http_date(str(value))
        return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment else None


def http_date(value: str | None) -> datetime | None:
    """The moment in an HTTP date, None where there is none."""
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _meaning(
    request: Request, status: int, reason: str, said: str, details: Mapping[str, Any]
) -> tuple[type[ApiError], str]:
    """Which error it is, and what to do."""
    match status:
        case 400 | 413 | 415 | 422:
            return (Gone, "") if reason == "Expired" else (Invalid, "")
        case 401:
            return Unauthorized, (
                "The credential is missing, wrong or expired: renew the token, certificate or exec login of the "
                "Airflow connection."
            )
        case 403:
            return Forbidden, _grant(request, said)
        case 404 if not details.get("name"):
            # A missing object is named; an unknown path is "404 page not found" or "could not find the requested ...".
            return KindNotInstalled, ""
        case 404 if details.get("kind") == "namespaces":
            return (
                NotFound,
                f"Create the namespace {details['name']!r}, or name another one in the task or the connection.",
            )
        case 409:
            return (AlreadyExists, "") if reason == "AlreadyExists" else (Conflict, "")
        case 410:
            return Gone, ""
        case 429:
            return TooManyRequests, ""
        case 500 if "field not declared in schema" in said or "failed to create typed patch object" in said:
            return Invalid, ""  # server-side apply's answer to an unknown field: repeating it is useless
        case _ if status >= 500:
            if "request is too large" in said or "message larger than max" in said:
                return Invalid, "An object is limited to about 1.4 MiB."
            return ServerError, ""
        case 404:
            return NotFound, ""
        case 300 | 301 | 302 | 303 | 307 | 308:
            return ApiError, "It redirects, which an API server does not: use the server's final URL."
    return ApiError, ""


def _grant(request: Request, said: str) -> str:
    found = re.search(r"cannot (\w+) resource", said)
    verb = found[1] if found else request.verb
    where = f"in namespace {request.namespace!r}" if request.namespace else "in all namespaces (a ClusterRole)"
    return (
        f'RBAC must allow verb "{verb}" on resource "{request.kind.plural}" of API group "{GROUP}" {where}: '
        "add it to a Role bound to this user (deploy/kubernetes/rbac.yaml of airflow-ack-sagemaker is one)."
    )


def _status_object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) and value.get("kind") == "Status" else {}


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
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()

"""What the API server's answers mean: objects, lists, watch events, and errors with advice. No I/O.

Source: the answers of kube-apiserver 1.37, which are not always what the API conventions promise: an unknown field is a
400 on create, but a 500 without a reason on server-side apply; a missing custom resource definition is a 404 in plain
text; a 403 is not always RBAC's.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, GROUP
from airflow_ack_sagemaker.kube.errors import (
    AdmissionDenied,
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    KindNotInstalled,
    NamespaceTerminating,
    NotFound,
    QuotaExceeded,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from airflow_ack_sagemaker.kube.requests import Request

LONGEST_RETRY_AFTER = 60.0
"""Seconds: a server that asks for more is asked again after these. kube-apiserver itself asks for 1 to 32."""
_NO_JSON = (ValueError, RecursionError)
"""What Python raises for what is no JSON, or nested deeper than it reads."""
_SHOWN = 2000
"""Characters of a server's message that are worth a log line; an invalid object can yield megabytes."""


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


def parse(request: Request, server: str, status: int, headers: Mapping[str, str], content: bytes) -> dict[str, Any]:
    """The object in an answer.

    :raises ApiError: the server answered with an error; the subclass says which.
    :raises Unreachable: the answer is not from a Kubernetes API server.
    """
    if status >= 300:
        raise api_error(request, server, status, headers, content)
    try:
        value = json.loads(content)
    except _NO_JSON:
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

    :raises Unreachable: the line is incomplete, because the connection broke in the middle of it, or no event.
    :raises ApiError: the server ended the watch with an error, :class:`Gone` for instance.
    """
    try:
        value = json.loads(line)
        event = WatchEvent(str(value["type"]), value["object"])
    except (*_NO_JSON, KeyError, TypeError):
        event = WatchEvent("", {})
    if not event.type or not isinstance(event.object, dict):
        raise Unreachable(f"Cannot {request}: {server} broke off in the middle of an event.", sent=True)
    if event.type == "ERROR":
        code = event.object.get("code")
        status = code if isinstance(code, int) and code else 500
        raise api_error(request, server, status, {}, json.dumps(event.object).encode())
    return event


def api_error(request: Request, server: str, status: int, headers: Mapping[str, str], content: bytes) -> ApiError:
    """The error in an answer, with a message for people."""
    body = _status_object(content)
    said = str(body.get("message") or "") if body else content.decode("utf-8", "replace").strip()
    said = said[:_SHOWN].rstrip()
    reason = str(body.get("reason") or "")
    given = body.get("details")
    details: Mapping[str, Any] = given if isinstance(given, dict) else {}
    kind, advice = _meaning(request, status, reason, said, details)
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
        retry_after=retry_after(headers, details),
        foreign=not body,
    )


def retry_after(headers: Mapping[str, str], details: Mapping[str, Any] | None = None) -> float | None:
    """Seconds that the server asks to wait, at most `LONGEST_RETRY_AFTER`: ``Retry-After`` as number or date, else
    ``details.retryAfterSeconds``. None where it asks for nothing that can be understood, or for a time in the past.
    """
    value = headers.get("retry-after") or (details or {}).get("retryAfterSeconds")
    if not value:
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        moment = http_date(value) if isinstance(value, str) else None
        seconds = (moment - datetime.now(UTC)).total_seconds() if moment else math.nan
    # A comparison with NaN is false, too.
    return min(seconds, LONGEST_RETRY_AFTER) if seconds > 0 else None


def http_date(value: str | None) -> datetime | None:
    """The moment in an HTTP date, None where there is none."""
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _meaning(
    request: Request, status: int, reason: str, said: str, details: Mapping[str, Any]
) -> tuple[type[ApiError], str]:
    """Which error it is, and what to do."""
    if (denial := _denied_by_admission(request, status, said, details)) is not None:
        return denial
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


_WEBHOOK = re.compile(r'admission webhook "([^"]*)" denied the request')
_POLICY = re.compile(r"ValidatingAdmissionPolicy '([^']*)' with binding '[^']*' denied request")
_QUOTA = re.compile(r"(?:exceeded|failed) quota: ([^,:\s]+)")


def _denied_by_admission(
    request: Request, status: int, said: str, details: Mapping[str, Any]
) -> tuple[type[ApiError], str] | None:
    """Who may do this, and is refused all the same: no Role helps there. None: that is not what the answer says.

    The texts are those of kube-apiserver's admission plugins (NamespaceLifecycle, ResourceQuota, webhooks, policies),
    which is all that tells them from RBAC's 403.
    """
    if status not in (400, 403, 422):
        return None
    causes = details.get("causes")
    reasons = {cause.get("reason") for cause in causes if isinstance(cause, dict)} if isinstance(causes, list) else ()
    if "NamespaceTerminating" in reasons or "because it is being terminated" in said:
        return NamespaceTerminating, (
            f"The namespace {request.namespace!r} is being deleted, and nothing can be created in it: wait until it is "
            "gone and create it anew, or name another one in the task or the connection."
        )
    if status == 403 and (quota := _QUOTA.search(said)):
        return QuotaExceeded, (
            f"Raise the ResourceQuota {quota[1]!r} of namespace {request.namespace!r}, or delete resources there that "
            "are not needed any more (AckCollectExecutionsOperator, execution_history_limit)."
        )
    if denier := _WEBHOOK.search(said) or _POLICY.search(said):
        return AdmissionDenied, (
            f"The cluster's admission policy {denier[1]!r} does not let this through; a Role cannot change that: send "
            "what it asks for, or ask its owner for an exception."
        )
    return None


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
    except _NO_JSON:
        return {}
    return value if isinstance(value, dict) and value.get("kind") == "Status" else {}

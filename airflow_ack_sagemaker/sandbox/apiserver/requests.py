"""What a request asks for: its path, its query and its delete options, read and checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver import errors, protobuf
from airflow_ack_sagemaker.sandbox.apiserver.catalog import Catalog
from airflow_ack_sagemaker.sandbox.apiserver.decoding import Options, Target
from airflow_ack_sagemaker.sandbox.apiserver.negotiation import JSON, YAML, decoder_error, parse_json
from airflow_ack_sagemaker.sandbox.apiserver.schema import type_name

_VALIDATIONS = ("", "Ignore", "Strict", "Warn")
_MANAGER_LIMIT = 128
_PROPAGATIONS = ("Foreground", "Background", "Orphan")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A path that names a resource."""

    target: Target


def parse_path(catalog: Catalog, path: str) -> Parsed:
    """The target of a path below ``/api/v1`` or ``/apis/GROUP/VERSION``.

    :raises PageNotFound: no handler has this path.
    :raises ApiFailure: 404, the core API has no such resource.
    """
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 1:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise errors.PageNotFound
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    resource = catalog.find(group, version, rest[0]) if rest else None
    if resource is None or (resource.namespaced != bool(namespace) and (namespace or len(rest) > 1)):
        # Of the groups that are served, the built-in ones answer for all that they do not have.
        if group and not any(known.group == group and not known.custom for known in catalog.all()):
            raise errors.PageNotFound
        raise errors.no_such_resource()
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if len(rest) > 3 and not resource.custom:
        raise errors.PageNotFound
    if len(rest) > 3:
        raise errors.not_found(resource, name)
    if subresource and not (subresource == "status" and resource.status):
        raise errors.not_found(resource, name) if resource.custom else errors.no_such_resource()
    return Parsed(Target(resource, namespace, name, subresource))


def watched(path: str) -> str | None:
    """What a path below ``/api/v1/watch`` or ``/apis/GROUP/VERSION/watch`` watches: the form of before ``?watch=1``.

    :returns: the path without that part; None: it is none of these.
    """
    parts = path.strip("/").split("/")
    place = 2 if parts[0] == "api" else 3
    if len(parts) <= place + 1 or parts[place] != "watch":
        return None
    return "/" + "/".join(parts[:place] + parts[place + 1 :])


def as_watch(parsed: Parsed, query: dict[str, str]) -> tuple[Parsed, dict[str, str]]:
    """The target and the query of a path below ``watch``: that of a list, where a name selects.

    :raises ApiFailure: 405, a status cannot be watched; 400, a selector has another name.
    """
    target = parsed.target
    if target.subresource:
        raise errors.method_not_allowed(target.resource, "watch")
    query = {**query, "watch": "true"}
    if target.name:
        given = [term.replace("==", "=") for term in query.get("fieldSelector", "").split(",") if term]
        wanted = f"metadata.name={target.name}"
        if any(term.startswith("metadata.name=") and term != wanted for term in given):
            raise errors.bad_request("fieldSelector metadata.name doesn't match requested name")
        query["fieldSelector"] = ",".join([*given, wanted])
    return Parsed(replace(target, name="")), query


BODIES = (JSON, YAML, protobuf.MEDIA_TYPE)
"""What the body of a request may be that is no patch."""


def media_type(header: str) -> str:
    """The media type of a Content-Type header, without its parameters; JSON without a header."""
    return header.partition(";")[0].strip().lower() if header.strip() else JSON


def _manager(query: dict[str, str], agent: str) -> str:
    return query.get("fieldManager") or agent.partition("/")[0] or "unknown"


def write_options(kind: str, query: dict[str, str], agent: str, *, apply: bool) -> Options:
    """The options of a write; ``kind`` is CreateOptions, UpdateOptions or PatchOptions, ``agent`` the User-Agent.

    :raises ApiFailure: 422, one is not allowed.
    """
    causes = []
    force = query.get("force", "").lower() not in ("", "0", "false")
    if apply and not query.get("fieldManager"):
        causes.append(errors.required("fieldManager", "is required for apply patch"))
    if "force" in query and kind == "PatchOptions" and not apply:
        causes.append(errors.forbidden_value("force", "may not be specified for non-apply patch"))
    if query.get("dryRun", "All") != "All":
        causes.append(errors.not_supported("dryRun", f'["{query["dryRun"]}"]', ("All",)))
    validation = query.get("fieldValidation", "")
    if validation not in _VALIDATIONS:
        causes.append(errors.not_supported("fieldValidation", f'"{validation}"', _VALIDATIONS))
    if len(query.get("fieldManager", "").encode()) > _MANAGER_LIMIT:
        detail = f"Too long: may not be more than {_MANAGER_LIMIT} bytes"
        causes.append(errors.Cause("FieldValueTooLong", detail, "fieldManager"))
    for position, letter in enumerate(query.get("fieldManager", "")):
        if not letter.isprintable():
            detail = f"invalid character U+{ord(letter):04X} (at position {position})"
            causes.append(errors.invalid_value("fieldManager", json.dumps(query["fieldManager"]), detail))
            break
    if causes:
        raise errors.invalid_options(kind, *causes)
    return Options(_manager(query, agent), validation or "Warn", query.get("dryRun") == "All", force)


def _delete_body(data: bytes, media: str) -> dict[str, Any]:
    if not data.strip():
        return {}
    if media not in BODIES:
        raise errors.unsupported_media(BODIES)
    if media == protobuf.MEDIA_TYPE:
        try:
            return protobuf.parse(data)
        except ValueError as error:
            raise errors.bad_request(str(error)) from None
    try:
        body = parse_json(data)
    except ValueError as error:
        problem = decoder_error(error, data.decode(errors="replace"))
        raise errors.bad_request(f"couldn't get version/kind; json parse error: {problem}") from None
    if not isinstance(body, dict):
        raise errors.bad_request("couldn't get version/kind; json parse error: the body is no object")
    if body.get("kind", "DeleteOptions") != "DeleteOptions":
        raise errors.bad_request(f'no kind "{body["kind"]}" is registered for version "{body.get("apiVersion", "")}"')
    return body


def _grace_period(query: dict[str, str], body: dict[str, Any]) -> None:
    """Refuse a grace period that is none; objects without pods are gone at once, whatever it says."""
    given = body.get("gracePeriodSeconds")
    if given is not None and (not isinstance(given, int) or isinstance(given, bool)):
        where = "Go struct field DeleteOptions.gracePeriodSeconds of type int64"
        raise errors.bad_request(f"json: cannot unmarshal {type_name(given)} into {where}")
    text = query.get("gracePeriodSeconds", "")
    if text and not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise errors.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')


_DURATION = r"([0-9]+\.?[0-9]*|\.[0-9]+)"
_UNITS = "ns|us|\u00b5s|\u03bcs|ms|s|m|h"


def check_timeout(query: Mapping[str, str]) -> None:
    """Refuse a time limit of a request that is no duration of Go's. Nothing here takes long enough to come to one.

    :raises ApiFailure: 400.
    """
    text = query.get("timeout", "")
    plain = text.removeprefix("-") if text.startswith("-") else text.removeprefix("+")
    if not text or plain == "0" or re.fullmatch(f"({_DURATION}({_UNITS}))+", plain):
        return
    problem = f"invalid duration {json.dumps(text)}"
    rest = re.sub(f"^({_DURATION}({_UNITS})(?=[0-9.]))*", "", plain)
    if match := re.match(f"{_DURATION}([^0-9.]*)", rest):
        unit = match[2]
        found = f"unknown unit {json.dumps(unit)}" if unit else "missing unit"
        problem = f"{found} in duration {json.dumps(text)}"
    raise errors.bad_request(f"invalid timeout specified in the request URL - time: {problem}")


def delete_options(query: dict[str, str], data: bytes, media: str, agent: str) -> tuple[Options, dict[str, str]]:
    """The options of a deletion, from its body (``DeleteOptions``, JSON or protobuf) or its query, and its
    preconditions.

    :raises ApiFailure: 400 or 422, the options make no sense.
    """
    body = _delete_body(data, media)
    for name, shape in (("preconditions", dict), ("dryRun", list), ("propagationPolicy", str)):
        if body.get(name) is not None and not isinstance(body[name], shape):
            raise errors.bad_request(f"json: cannot unmarshal {type_name(body[name])} into DeleteOptions.{name}")
    _grace_period(query, body)
    policy = body.get("propagationPolicy", query.get("propagationPolicy"))
    if policy is not None and (body.get("orphanDependents") is not None or query.get("orphanDependents")):
        detail = "orphanDependents and deletionPropagation cannot be both set"
        cause = errors.invalid_value("propagationPolicy", f'"{policy}"', detail)
        raise errors.invalid_options("DeleteOptions", cause)
    if policy is not None and policy not in _PROPAGATIONS:
        cause = errors.not_supported("propagationPolicy", f'"{policy}"', (*_PROPAGATIONS, "nil"))
        raise errors.invalid_options("DeleteOptions", cause)
    dry_run = body.get("dryRun") or ([query["dryRun"]] if "dryRun" in query else [])
    if dry_run not in ([], ["All"]):
        listed = " ".join(f'"{value}"' for value in dry_run)
        raise errors.invalid_options("DeleteOptions", errors.not_supported("dryRun", f"[{listed}]", ("All",)))
    preconditions = {key: value for key, value in (body.get("preconditions") or {}).items() if value is not None}
    return Options(_manager(query, agent), dry_run=bool(dry_run)), preconditions

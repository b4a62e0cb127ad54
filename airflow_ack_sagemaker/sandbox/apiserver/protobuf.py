"""Bodies in the protobuf encoding of Kubernetes, which kubectl uses for the built-in kinds whatever the server prefers.

Only what typed clients send that way is known here: the built-in kinds but CustomResourceDefinitions, and the options
of a deletion.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a message: its JSON name and how its bytes read.

    That is text, data, flag, number, time (seconds), moment (microseconds), or the fields of a message.
    """

    name: str
    kind: str | dict[int, _Field] = "text"
    repeated: bool = False
    mapped: bool = False


_META = {
    1: _Field("name"),
    2: _Field("generateName"),
    3: _Field("namespace"),
    5: _Field("uid"),
    6: _Field("resourceVersion"),
    11: _Field("labels", mapped=True),
    12: _Field("annotations", mapped=True),
    13: _Field(
        "ownerReferences",
        {
            1: _Field("kind"),
            3: _Field("name"),
            4: _Field("uid"),
            5: _Field("apiVersion"),
            6: _Field("controller", "flag"),
            7: _Field("blockOwnerDeletion", "flag"),
        },
        repeated=True,
    ),
    14: _Field("finalizers", repeated=True),
}
_RESOURCE_ATTRIBUTES = {
    number: _Field(name)
    for number, name in enumerate(("namespace", "verb", "group", "version", "resource", "subresource", "name"), start=1)
}
_REFERENCE = {
    number: _Field(name)
    for number, name in enumerate(
        ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"), start=1
    )
}
_ACCESS = {
    1: _Field("resourceAttributes", _RESOURCE_ATTRIBUTES),
    2: _Field("nonResourceAttributes", {1: _Field("path"), 2: _Field("verb")}),
}
_MESSAGES: dict[str, dict[int, _Field]] = {
    "Namespace": {1: _Field("metadata", _META), 2: _Field("spec", {1: _Field("finalizers", repeated=True)})},
    "DeleteOptions": {
        1: _Field("gracePeriodSeconds", "number"),
        2: _Field("preconditions", {1: _Field("uid"), 2: _Field("resourceVersion")}),
        3: _Field("orphanDependents", "flag"),
        4: _Field("propagationPolicy"),
        5: _Field("dryRun", repeated=True),
    },
    "Lease": {
        1: _Field("metadata", _META),
        2: _Field(
            "spec",
            {
                1: _Field("holderIdentity"),
                2: _Field("leaseDurationSeconds", "number"),
                3: _Field("acquireTime", "moment"),
                4: _Field("renewTime", "moment"),
                5: _Field("leaseTransitions", "number"),
                6: _Field("strategy"),
                7: _Field("preferredHolder"),
            },
        ),
    },
    "Event": {
        1: _Field("metadata", _META),
        2: _Field("involvedObject", _REFERENCE),
        3: _Field("reason"),
        4: _Field("message"),
        5: _Field("source", {1: _Field("component"), 2: _Field("host")}),
        6: _Field("firstTimestamp", "time"),
        7: _Field("lastTimestamp", "time"),
        8: _Field("count", "number"),
        9: _Field("type"),
        10: _Field("eventTime", "moment"),
        11: _Field("series", {1: _Field("count", "number"), 2: _Field("lastObservedTime", "moment")}),
        12: _Field("action"),
        13: _Field("related", _REFERENCE),
        14: _Field("reportingComponent"),
        15: _Field("reportingInstance"),
    },
    "ConfigMap": {
        1: _Field("metadata", _META),
        2: _Field("data", mapped=True),
        3: _Field("binaryData", "data", mapped=True),
        4: _Field("immutable", "flag"),
    },
    "Secret": {
        1: _Field("metadata", _META),
        2: _Field("data", "data", mapped=True),
        3: _Field("type"),
        4: _Field("stringData", mapped=True),
        5: _Field("immutable", "flag"),
    },
    "SelfSubjectAccessReview": {
        1: _Field("metadata", _META),
        2: _Field("spec", _ACCESS),
    },
    "SelfSubjectRulesReview": {1: _Field("metadata", _META), 2: _Field("spec", {1: _Field("namespace")})},
    "SelfSubjectReview": {1: _Field("metadata", _META)},
}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _parts(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """The fields of a message as they come: number, and a number or bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            number, at = _varint(data, at)
            yield tag >> 3, number
            continue
        if wire == 2:
            length, at = _varint(data, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire} is not known")
        if at + length > len(data):
            raise ValueError("the message is cut off")
        yield tag >> 3, data[at : at + length]
        at += length


def _value(field: _Field, part: bytes | int) -> Any:
    if isinstance(field.kind, dict):
        return _message(part if isinstance(part, bytes) else b"", field.kind)
    if field.kind in ("time", "moment"):
        return _time(part if isinstance(part, bytes) else b"", precise=field.kind == "moment")
    if field.kind == "number" and isinstance(part, int):
        return part - (1 << 64) if part >= 1 << 63 else part
    if field.kind == "flag" or isinstance(part, int):
        return bool(part)
    return base64.b64encode(part).decode() if field.kind == "data" else part.decode()


def _time(data: bytes, *, precise: bool) -> str:
    parts = dict(_parts(data))
    moment = datetime.fromtimestamp(int(parts.get(1, 0)), UTC)
    fraction = f".{int(parts.get(2, 0)) // 1000:06d}" if precise else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _message(data: bytes, fields: dict[int, _Field]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for number, part in _parts(data):
        field = fields.get(number)
        if field is None:
            continue
        if field.mapped:
            entry = dict(_parts(part)) if isinstance(part, bytes) else {}
            key = entry.get(1, b"")
            result.setdefault(field.name, {})[_value(_Field(""), key)] = _value(field, entry.get(2, b""))
        elif field.repeated:
            result.setdefault(field.name, []).append(_value(field, part))
        else:
            result[field.name] = _value(field, part)
    return result


def parse(data: bytes) -> dict[str, Any]:
    """The object in a protobuf body.

    :raises ValueError: the body is no such encoding, or of a kind that is not known here.
    """
    if not data.startswith(_MAGIC):
        raise ValueError("the body does not start as the protobuf encoding of Kubernetes does")
    try:
        envelope = _message(
            data[len(_MAGIC) :],
            {1: _Field("type", {1: _Field("apiVersion"), 2: _Field("kind")}), 2: _Field("raw", "data")},
        )
        kind = envelope["type"]["kind"]
        if kind not in _MESSAGES:
            raise ValueError(f"protobuf is not taken for {kind}: send JSON")
        body = _message(base64.b64decode(envelope.get("raw", "")), _MESSAGES[kind])
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"the protobuf body does not parse: {error}") from None
    return {**envelope["type"], **body}

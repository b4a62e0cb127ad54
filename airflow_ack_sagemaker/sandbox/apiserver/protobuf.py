"""Bodies in the protobuf encoding of Kubernetes, which kubectl uses for the built-in kinds whatever the server prefers.

Only what kubectl creates that way is known here: namespaces, config maps, secrets and access reviews.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a message: its JSON name and how its bytes read (text, data, flag, or the fields of a message)."""

    name: str
    kind: str | dict[int, _Field] = "text"
    repeated: bool = False
    mapped: bool = False


_META = {
    1: _Field("name"),
    2: _Field("generateName"),
    3: _Field("namespace"),
    11: _Field("labels", mapped=True),
    12: _Field("annotations", mapped=True),
    14: _Field("finalizers", repeated=True),
}
_RESOURCE_ATTRIBUTES = {
    number: _Field(name)
    for number, name in enumerate(("namespace", "verb", "group", "version", "resource", "subresource", "name"), start=1)
}
_MESSAGES: dict[str, dict[int, _Field]] = {
    "Namespace": {1: _Field("metadata", _META)},
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
        2: _Field(
            "spec",
            {
                1: _Field("resourceAttributes", _RESOURCE_ATTRIBUTES),
                2: _Field("nonResourceAttributes", {1: _Field("path"), 2: _Field("verb")}),
            },
        ),
    },
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
    if field.kind == "flag" or isinstance(part, int):
        return bool(part)
    return base64.b64encode(part).decode() if field.kind == "data" else part.decode()


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

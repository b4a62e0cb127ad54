"""What the server's decoder says of a built-in kind's object: its fields have Go types, where a CRD's are validated."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver.metadata import TIME
from airflow_ack_sagemaker.sandbox.apiserver.resource import Resource, Schema
from airflow_ack_sagemaker.sandbox.apiserver.schema import type_name

_MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")
_MICRO_TIMES = ("acquireTime", "eventTime", "lastObservedTime", "renewTime")
"""The members of the built-in kinds that are of Go type ``MicroTime``."""
_LARGEST = {"int32": 2**31, "int64": 2**63}
_GO = {"string": "string", "boolean": "bool", "object": "map[string]string", "array": "[]string"}


def misfit(resource: Resource, obj: Any) -> str:
    """The first part of an object that does not decode into the kind's Go type, as the server says it; "" for none."""
    for name, schema in resource.schema["properties"].items():
        if name != "metadata" and name in obj:
            for problem in _misfits(obj[name], schema, f"{resource.kind}.{name}"):
                return problem
    return ""


def _misfits(value: Any, schema: Schema, path: str) -> Iterator[str]:
    wanted = schema.get("type", "")
    if value is None or not wanted or schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    fits = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "integer": isinstance(value, int) and not isinstance(value, bool),
    }[wanted]
    if not fits:
        found = {"integer": "number", "boolean": "bool"}.get(type_name(value), type_name(value))
        shown = f"{found} {value}" if isinstance(value, float) else found
        go = schema.get("format", "int64") if wanted == "integer" else _GO[wanted]
        yield f"json: cannot unmarshal {shown} into Go struct field {path} of type {go}"
    elif isinstance(value, dict):
        extra = schema.get("additionalProperties")
        for key, member in value.items():
            below = schema.get("properties", {}).get(key)
            if below is not None:
                yield from _misfits(member, below, f"{path}.{key}")
            elif isinstance(extra, dict):
                yield from _misfits(member, extra, path)
    elif isinstance(value, list):
        for item in value:
            yield from _misfits(item, schema.get("items", {}), path)
    elif schema.get("format") == "byte" and (problem := _no_base64(value)):
        yield problem
    elif wanted == "integer":
        go = schema.get("format", "int64")
        if not -_LARGEST[go] <= value < _LARGEST[go]:
            yield f"json: cannot unmarshal number {value} into Go struct field {path} of type {go}"
    elif schema.get("format") == "date-time" and value:
        micro = path.rpartition(".")[2] in _MICRO_TIMES
        if not (_MICRO_TIME if micro else TIME).fullmatch(value):
            layout = f"2006-01-02T15:04:05{'.000000' if micro else ''}Z07:00"
            yield f'parsing time "{value}" as "{layout}": cannot parse "{value}"'


def _no_base64(text: str) -> str:
    plain = re.sub(r"[\r\n]", "", text)
    try:
        base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError):
        at = next((index for index, letter in enumerate(plain) if not re.match(r"[A-Za-z0-9+/]", letter)), len(plain))
        return f"illegal base64 data at input byte {at}"
    return ""

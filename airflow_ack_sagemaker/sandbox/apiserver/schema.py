"""Pruning and validation of objects by the OpenAPI v3 schema of their CRD, with the messages of kube-apiserver."""

from __future__ import annotations

import json
import re
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver import constraints
from airflow_ack_sagemaker.sandbox.apiserver.errors import Cause, required
from airflow_ack_sagemaker.sandbox.apiserver.resource import Schema

_STRING: Schema = {"type": "string"}
_STRINGS: Schema = {"type": "object", "additionalProperties": _STRING}

METADATA: Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(
            (
                "name",
                "generateName",
                "namespace",
                "selfLink",
                "uid",
                "resourceVersion",
                "creationTimestamp",
                "deletionTimestamp",
            ),
            _STRING,
        ),
        "generation": {"type": "integer"},
        "deletionGracePeriodSeconds": {"type": "integer"},
        "labels": _STRINGS,
        "annotations": _STRINGS,
        "finalizers": {
            "type": "array",
            "items": _STRING,
            "x-kubernetes-list-type": "set",
            "x-kubernetes-patch-strategy": "merge",
        },
        "ownerReferences": {
            "type": "array",
            "x-kubernetes-patch-strategy": "merge",
            "x-kubernetes-patch-merge-key": "uid",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["uid"],
            "items": {
                "type": "object",
                "x-kubernetes-map-type": "atomic",
                "properties": {
                    **dict.fromkeys(("apiVersion", "kind", "name", "uid"), _STRING),
                    "controller": {"type": "boolean"},
                    "blockOwnerDeletion": {"type": "boolean"},
                },
            },
        },
        "managedFields": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    **dict.fromkeys(
                        ("manager", "operation", "apiVersion", "time", "fieldsType", "subresource"), _STRING
                    ),
                    "fieldsV1": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            },
        },
    },
}
"""The schema of ``metadata``, which is the same for every kind."""

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "object": dict,
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def with_metadata(schema: Schema) -> Schema:
    """The schema of the whole object: the CRD's, with the parts that every object has."""
    properties = {**schema.get("properties", {}), "apiVersion": _STRING, "kind": _STRING, "metadata": METADATA}
    return {**schema, "properties": properties}


def type_name(value: Any) -> str:
    """The JSON type of a value, as error messages call it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def decoder_type(value: Any) -> str:
    """The JSON type of a value as Go's decoder calls it, for which all numbers are one."""
    return type_name(value).replace("integer", "number")


def prune(value: Any, schema: Schema, unknown: list[str], path: str = "") -> Any:
    """The value without the fields that the schema does not know, whose paths are appended to ``unknown``.

    Members that are null are dropped too, unless the schema says ``nullable``. The input is not changed; unchanged
    parts are shared.
    """
    if isinstance(value, dict):
        properties = schema.get("properties")
        extra = schema.get("additionalProperties")
        keep = schema.get("x-kubernetes-preserve-unknown-fields", False) or extra is True
        if properties is None and extra is None and not keep:
            properties = {}
        result = {}
        for key, member in value.items():
            at = f"{path}.{key}" if path else key
            below = (properties or {}).get(key)
            if below is None and isinstance(extra, dict):
                below = extra
            if below is not None:
                if member is None and not below.get("nullable"):
                    continue
                result[key] = prune(member, below, unknown, at)
            elif keep:
                result[key] = member
            else:
                unknown.append(at)
        return result
    if isinstance(value, float) and value.is_integer() and schema.get("type") in ("integer", "number"):
        # 4.0 is a whole number, and is given back as 4.
        return int(value)
    if isinstance(value, list) and isinstance(items := schema.get("items"), dict):
        return [prune(item, items, unknown, f"{path}[{index}]") for index, item in enumerate(value)]
    return value


def _wrong_type(path: str, shown: str, expected: str, found: str) -> Cause:
    return Cause(
        "FieldValueTypeInvalid",
        f'Invalid value: "{found}": {shown} in body must be of type {expected}: "{found}"',
        path,
    )


def validate(value: Any, schema: Schema, old: Any = None, path: str = "", *, hidden: int = 0) -> list[Cause]:
    """What is wrong with the value by its schema: types, formats, enums, required members and rules of immutability.

    ``old`` is the value that it replaces (None: there was none). Messages name the path without its first ``hidden``
    characters, as kube-apiserver does in updates.
    """
    causes: list[Cause] = []
    _validate(value, schema, old, path, hidden, causes)
    causes += constraints.of_lists(value, schema, path)
    missing = [cause for cause in causes if cause.reason == "FieldValueRequired"]
    return [cause for cause in causes if cause.reason != "FieldValueRequired"] + missing


def _validate(value: Any, schema: Schema, old: Any, path: str, hidden: int, causes: list[Cause]) -> None:
    if value is None and schema.get("nullable"):
        return
    wanted = schema.get("type", "")
    shown = path[hidden:] or path
    if wanted and not schema.get("x-kubernetes-int-or-string"):
        fits = isinstance(value, _TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))
        width = schema.get("format", "int64")
        largest = 2**31 if width == "int32" else 2**63
        if wanted == "integer" and (
            isinstance(value, float) or (isinstance(value, int) and not -largest <= value < largest)
        ):
            causes.append(_wrong_type(path, shown, width, "float64"))
            detail = f"Checked value must be of type integer with format {width} in {shown}"
            causes.append(Cause("FieldValueInvalid", f'Invalid value: "": {detail}', "<nil>"))
            return
        if not fits:
            causes.append(_wrong_type(path, shown, wanted, type_name(value)))
            return
    if schema.get("x-kubernetes-int-or-string") and (isinstance(value, bool) or not isinstance(value, str | int)):
        causes.append(_wrong_type(path, shown, "integer,string", type_name(value)))
        return
    if isinstance(value, int | float) and not isinstance(value, bool):
        causes += constraints.of_number(value, schema, path, shown)
    elif isinstance(value, list | dict):
        causes += constraints.of_size(value, schema, path, shown)
    if isinstance(value, str):
        _validate_string(value, schema, path, shown, causes)
    elif isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        properties = schema.get("properties", {})
        extra = schema.get("additionalProperties")
        for key, member in value.items():
            below = properties.get(key, extra)
            if isinstance(below, dict):
                _validate(member, below, before.get(key), f"{path}.{key}" if path else key, hidden, causes)
        for name in sorted(schema.get("required", ())):
            if name not in value:
                causes.append(required(f"{path}.{name}" if path else name))
    elif isinstance(value, list) and isinstance(items := schema.get("items"), dict):
        for index, item in enumerate(value):
            _validate(item, items, None, f"{path}[{index}]", hidden, causes)
    for rule in schema.get("x-kubernetes-validations", ()):
        # The rule of immutability is the only one that the CRDs of ACK use; other rules are CEL, which this server does
        # not run.
        if rule["rule"] == "self == oldSelf" and old is not None and old != value:
            text = json.dumps(value, separators=(",", ":"), sort_keys=True)
            shown_value = text if not isinstance(value, dict) else '"object"'
            message = rule.get("message", f"failed rule: {rule['rule']}")
            causes.append(Cause("FieldValueInvalid", f"Invalid value: {shown_value}: {message}", path))


def _validate_string(value: str, schema: Schema, path: str, shown: str, causes: list[Cause]) -> None:
    if schema.get("format") == "date-time" and not _DATE_TIME.fullmatch(value):
        message = f'Invalid value: "{value}": {shown} in body must be of type date-time: "{value}"'
        causes.append(Cause("FieldValueTypeInvalid", message, path))
    if schema.get("format") == "byte" and not constraints.is_base64(value):
        causes.append(_wrong_type(path, shown, "byte", value))
    if "enum" in schema and value not in schema["enum"]:
        choices = ", ".join(f'"{choice}"' for choice in schema["enum"])
        message = f'Unsupported value: "{value}": supported values: {choices}'
        causes.append(Cause("FieldValueNotSupported", message, path))
    if "pattern" in schema and not re.search(schema["pattern"], value):
        message = f"Invalid value: \"{value}\": {shown} in body should match '{schema['pattern']}'"
        causes.append(Cause("FieldValueInvalid", message, path))
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        causes.append(Cause("FieldValueTooLong", f"Too long: may not be more than {schema['maxLength']} bytes", path))
    if len(value) < schema.get("minLength", 0):
        message = f'Invalid value: "{value}": {shown} in body should be at least {schema["minLength"]} chars long'
        causes.append(Cause("FieldValueInvalid", message, path))

"""What a schema says of a value beyond its type: bounds, sizes, multiples, and which items of a list must differ."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterator
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver.errors import Cause, invalid_value
from airflow_ack_sagemaker.sandbox.apiserver.resource import Schema


def of_number(value: float, schema: Schema, path: str, shown: str) -> Iterator[Cause]:
    """What is wrong with a number."""
    said = ""
    if (most := schema.get("maximum")) is not None and (
        value > most or (value == most and schema.get("exclusiveMaximum"))
    ):
        said = f"less than {_bound('exclusiveMaximum', schema)}{_text(most)}"
    elif (least := schema.get("minimum")) is not None and (
        value < least or (value == least and schema.get("exclusiveMinimum"))
    ):
        said = f"greater than {_bound('exclusiveMinimum', schema)}{_text(least)}"
    if said:
        yield invalid_value(path, _text(value), f"{shown} in body should be {said}")
    if (factor := schema.get("multipleOf")) and not math.isclose(value / factor, round(value / factor), abs_tol=1e-9):
        yield invalid_value(path, _text(value), f"{shown} in body should be a multiple of {_text(factor)}")
    if "enum" in schema and value not in schema["enum"]:
        choices = ", ".join(f'"{_text(choice)}"' for choice in schema["enum"])
        message = f"Unsupported value: {_text(value)}: supported values: {choices}"
        yield Cause("FieldValueNotSupported", message, path)


def of_size(value: list[Any] | dict[str, Any], schema: Schema, path: str, shown: str) -> Iterator[Cause]:
    """What is wrong with how many items a list, or members an object has."""
    what = "Items" if isinstance(value, list) else "Properties"
    least, most = schema.get(f"min{what}", 0), schema.get(f"max{what}")
    if len(value) < least:
        detail = f"{shown} in body should have at least {least} {what.lower()}"
        yield invalid_value(path, str(len(value)), detail)
    if most is not None and len(value) > most:
        text = f"Too many: {len(value)}: must have at most {most} item{'' if most == 1 else 's'}"
        yield Cause("FieldValueTooMany", text, path)


def of_lists(value: Any, schema: Schema, path: str) -> Iterator[Cause]:
    """The items of sets, and of lists whose items have keys, that stand there a second time, in all of a value."""
    if isinstance(value, dict):
        properties, extra = schema.get("properties", {}), schema.get("additionalProperties")
        for key, member in value.items():
            below = properties.get(key, extra)
            # Of the metadata, which every kind has, the server sees to itself.
            if isinstance(below, dict) and (path or key != "metadata"):
                yield from of_lists(member, below, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        counts: dict[str, int] = {}
        for index, item in enumerate(value):
            text = _identity(item, schema)
            counts[text] = counts.get(text, 0) + bool(text)
            if counts[text] == 2:  # the third says nothing new
                yield Cause("FieldValueDuplicate", f"Duplicate value: {text}", f"{path}[{index}]")
        if isinstance(items := schema.get("items"), dict):
            for index, item in enumerate(value):
                yield from of_lists(item, items, f"{path}[{index}]")


def is_base64(text: str) -> bool:
    """Whether a text of format ``byte`` is one."""
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _identity(item: Any, schema: Schema) -> str:
    """What no other item may have; "" where each may be as it likes."""
    kind = schema.get("x-kubernetes-list-type")
    if kind == "map" and isinstance(item, dict):
        keys = schema.get("x-kubernetes-list-map-keys", ())
        item = {key: item[key] for key in keys if key in item}
    elif kind != "set":
        return ""
    return json.dumps(item, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _bound(name: str, schema: Schema) -> str:
    return "" if schema.get(name) else "or equal to "


def _text(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(number)

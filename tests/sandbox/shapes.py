"""Checks answers against botocore's service model: required and known members, types, enums, lengths, patterns."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "structure": dict,
    "list": list,
    "map": dict,
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "timestamp": datetime,
    "float": (int, float),
    "double": (int, float),
}


def problems(shape: Any, value: Any, where: str = "") -> list[str]:
    """What is wrong with a parsed value of a botocore shape."""
    fits: bool = isinstance(value, _TYPES[shape.type_name])
    if not fits:
        return [f"{where}: {value!r} is no {shape.type_name}"]
    found: list[str] = []
    if shape.type_name == "structure":
        found += [f"{where}: {name} is missing" for name in shape.required_members if name not in value]
        found += [f"{where}: {name} is unknown" for name in value if name not in shape.members]
        for name, item in value.items():
            if name in shape.members:
                found += problems(shape.members[name], item, f"{where}.{name}")
    elif shape.type_name == "list":
        found += _length(shape, value, where)
        for index, item in enumerate(value):
            found += problems(shape.member, item, f"{where}[{index}]")
    elif shape.type_name == "string":
        found += _length(shape, value, where)
        if shape.enum and value not in shape.enum:
            found.append(f"{where}: {value!r} is not among {shape.enum}")
        pattern = shape.metadata.get("pattern", "")
        if len(value) < 2000 and "\\p" not in pattern and not re.fullmatch(pattern or ".*", value, re.DOTALL):
            found.append(f"{where}: {value!r} does not match {pattern}")
    return found


def _length(shape: Any, value: Any, where: str) -> list[str]:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max")
    if len(value) < low or (high is not None and len(value) > high):
        return [f"{where}: length {len(value)} is not within {low} and {high}"]
    return []


class Checked:
    """A boto3 client that checks each answer, and the code of each error, against the service model."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        operation = self.client.meta.method_to_api_mapping[name]
        model = self.client.meta.service_model.operation_model(operation)

        def call(**request: Any) -> Any:
            answer = getattr(self.client, name)(**request)
            self.called.add(operation)
            body = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
            found = problems(model.output_shape, body, operation) if model.output_shape else [*body]
            assert not found, found
            return answer

        return call

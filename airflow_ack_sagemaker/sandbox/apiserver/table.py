"""Objects in the other shapes that clients ask for: tables, and metadata alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver.resource import Column, Resource

Object = dict[str, Any]

_STEP = re.compile(
    r"\.([A-Za-z0-9_-]+)|\['((?:[^'\\]|\\.)*)'\]|\[(\d+|\*)\]|\[\?\(@\.([\w.-]+)\s*==\s*[\"']([^\"']*)[\"']\)\]"
)


def json_path(obj: Any, path: str) -> list[Any]:
    """The values at a JSONPath as printer columns use it: members, indices, ``*`` and equality filters."""
    found = [obj]
    position = 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return []
        position = step.end()
        name = step.group(1) if step.group(1) is not None else step.group(2)
        following: list[Any] = []
        for value in found:
            if name is not None:
                if isinstance(value, dict) and name.replace("\\.", ".") in value:
                    following.append(value[name.replace("\\.", ".")])
            elif isinstance(value, list):
                if step.group(3) == "*":
                    following.extend(value)
                elif step.group(3) is not None:
                    following.extend(value[int(step.group(3)) : int(step.group(3)) + 1])
                else:
                    following.extend(
                        item
                        for item in value
                        if isinstance(item, dict) and str(item.get(step.group(4))) == step.group(5)
                    )
        found = following
    return found


def _age(value: str, now: datetime) -> str:
    """A point in time as the age that ``kubectl get`` shows."""
    try:
        then = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return "<invalid>"
    seconds = int((now - then).total_seconds())
    if seconds < -1:
        return "<invalid>"
    seconds = max(seconds, 0)
    if seconds < 120:
        return f"{seconds}s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 730:
        return f"{days}d"
    return f"{days // 365}y"


def _cell(column: Column, obj: Object, now: datetime) -> Any:
    if column.compute is not None:
        return column.compute(obj)
    values = json_path(obj, column.json_path)
    if not values:
        return None
    value = values[0]
    if column.type == "date":
        return _age(value, now) if isinstance(value, str) else "<invalid>"
    if column.type == "integer":
        return value if isinstance(value, int) else None
    if column.type == "boolean":
        return value if isinstance(value, bool) else None
    return value if isinstance(value, str) else str(value)


def table(
    resource: Resource,
    objects: Iterable[Object],
    metadata: Object,
    *,
    include: str = "Metadata",
    now: datetime | None = None,
) -> Object:
    """The objects as a ``Table``; ``include`` says what each row carries of its object: Metadata, Object or None."""
    now = now or datetime.now(UTC)
    definitions = [
        {
            "name": "Name",
            "type": "string",
            "format": "name",
            "description": "The object's name, unique among its kind in its namespace.",
            "priority": 0,
        }
    ]
    definitions += [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": column.description,
            "priority": column.priority,
        }
        for column in resource.columns
    ]
    rows = []
    for obj in objects:
        carried = None if include == "None" else obj if include == "Object" else partial(obj)
        cells = [obj["metadata"].get("name", ""), *(_cell(column, obj, now) for column in resource.columns)]
        rows.append({"cells": cells, "object": carried})
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    }


def partial(obj: Object) -> Object:
    """The object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}

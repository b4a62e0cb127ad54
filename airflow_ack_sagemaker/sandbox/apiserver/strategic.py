"""Strategic merge patch: a merge patch whose directives and lists follow the built-in kinds' schemas.

The schema says which lists are merged: ``x-kubernetes-patch-strategy: merge``, items by
``x-kubernetes-patch-merge-key``, plain values as a set. All other lists are replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver.resource import Schema

_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"
_DIRECTIVE = "$patch"


class StrategicError(Exception):
    """The patch has a directive that makes no sense; the message says which. ``unfit`` patches are the client's fault
    to kube-apiserver, too; others make it answer 500.
    """

    def __init__(self, message: str, *, unfit: bool = False) -> None:
        super().__init__(message)
        self.unfit = unfit


def strategic_merge(target: Any, patch: dict[str, Any], schema: Schema | None) -> dict[str, Any]:
    """The target with the patch applied; parts that the patch does not name are shared with the target.

    :raises StrategicError: a directive makes no sense.
    """
    directive = patch.get(_DIRECTIVE)
    if directive not in (None, "replace", "delete"):
        raise StrategicError(f"unknown patch type: {directive} in map: {patch}")
    if directive == "delete":
        return {}
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _DIRECTIVE}
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if key.startswith((_RETAIN, _ORDER, _DELETE)) and not isinstance(value, list):
            raise StrategicError(f"{key} is no list")
    if any(key not in patch[_RETAIN] for key in patch if _RETAIN in patch and not key.startswith("$")):
        raise StrategicError("invalid patch format of retainKeys", unfit=True)
    if _RETAIN in patch:
        result = {key: value for key, value in result.items() if key in patch[_RETAIN]}
    for key, value in patch.items():
        if key.startswith(_DELETE):
            name = key.removeprefix(_DELETE)
            if isinstance(result.get(name), list):
                result[name] = [item for item in result[name] if item not in value]
        elif not key.startswith("$"):
            _member(result, key, value, schema, patch.get(_ORDER + key))
    for key, order in patch.items():
        name = key.removeprefix(_ORDER)
        if key.startswith(_ORDER) and name not in patch and isinstance(result.get(name), list):
            below = _below(schema, name) or {}
            result[name] = _ordered(result[name], result[name], order, below.get("x-kubernetes-patch-merge-key"))
    return result


def _below(schema: Schema | None, key: str) -> Schema | None:
    found = (schema or {}).get("properties", {}).get(key) or (schema or {}).get("additionalProperties")
    return found if isinstance(found, dict) else None


def _member(result: dict[str, Any], key: str, value: Any, schema: Schema | None, order: list[Any] | None) -> None:
    below = _below(schema, key)
    if value is None:
        result.pop(key, None)
    elif isinstance(value, dict):
        if value.get(_DIRECTIVE) == "delete":
            result.pop(key, None)
        else:
            result[key] = strategic_merge(result.get(key), value, below)
    elif isinstance(value, list) and (below or {}).get("x-kubernetes-patch-strategy") == "merge":
        # What was not there is taken as it stands, but for its directives.
        new = [item for item in value if not (isinstance(item, dict) and _DIRECTIVE in item)]
        result[key] = _list(result[key], value, below or {}, order) if result.get(key) else new
    else:
        result[key] = value


def _list(live: list[Any], patch: list[Any], schema: Schema, order: list[Any] | None) -> list[Any]:
    key = schema.get("x-kubernetes-patch-merge-key")
    if key is None:
        merged = live + [item for index, item in enumerate(patch) if item not in live and item not in patch[:index]]
        return _ordered(merged, live, patch if order is None else order, None)
    if not all(isinstance(item, dict) and isinstance(item.get(key, ""), str) for item in patch):
        raise StrategicError(f"a list of maps, each with {key}, is expected")
    if any(item.get(_DIRECTIVE) == "replace" for item in patch):
        return [item for item in patch if _DIRECTIVE not in item]
    found = {item.get(key): item for item in live}
    for item in patch:
        if key not in item:
            raise StrategicError(f"map: {item} does not contain declared merge key: {key}")
        if item.get(_DIRECTIVE) == "delete":
            found.pop(item[key], None)
        else:
            found[item[key]] = strategic_merge(found.get(item[key]), item, schema.get("items"))
    return _ordered(list(found.values()), live, patch if order is None else order, key)


def _ordered(merged: list[Any], live: list[Any], order: list[Any], key: str | None) -> list[Any]:
    """The items in the order that the patch asks for; those that only the server has stay where they stood."""

    def identity(item: Any) -> Any:
        return item.get(key) if key is not None and isinstance(item, dict) else item

    asked = [identity(item) for item in order]
    stood = [identity(item) for item in live]
    ours = sorted((item for item in merged if identity(item) in asked), key=_position(asked, identity))
    theirs = sorted((item for item in merged if identity(item) not in asked), key=_position(stood, identity))
    result: list[Any] = []
    while ours and theirs:
        left, right = identity(theirs[0]), identity(ours[0])
        before = left in stood and right in stood and stood.index(left) < stood.index(right)
        result.append(theirs.pop(0) if before else ours.pop(0))
    return result + ours + theirs


def _position(order: list[Any], identity: Callable[[Any], Any]) -> Callable[[Any], int]:
    return lambda item: order.index(identity(item)) if identity(item) in order else len(order)

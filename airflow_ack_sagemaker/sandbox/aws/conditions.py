"""The conditions of a Condition step, as far as they follow from the parameters of an execution."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

_UNKNOWN = object()

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.ne,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


def holds(conditions: list[dict[str, Any]], values: Mapping[str, Any]) -> bool | None:
    """Whether all conditions hold; None where that depends on what only a running step could say.

    :param values: parameter values by name, with the types of their declarations.
    """
    return _all([_holds(condition, values) for condition in conditions])


def _all(results: list[bool | None]) -> bool | None:
    if False in results:
        return False
    return None if None in results else True


def _holds(condition: dict[str, Any], values: Mapping[str, Any]) -> bool | None:
    kind = condition.get("Type", "")
    if kind == "Not":
        inner = _holds(condition.get("Expression") or condition.get("Condition") or {}, values)
        return None if inner is None else not inner
    if kind == "Or":
        inner = _all(
            [None if r is None else not r for r in (_holds(c, values) for c in condition.get("Conditions", []))]
        )
        return None if inner is None else not inner
    if kind in ("In", "NotIn"):
        value = _operand(condition.get("QueryValue", condition.get("Value")), values)
        among = [_operand(item, values) for item in condition.get("Values", [])]
        if value is _UNKNOWN or _UNKNOWN in among:
            return None
        return bool((value in among) == (kind == "In"))
    compare = _COMPARE.get(kind)
    left, right = _operand(condition.get("LeftValue"), values), _operand(condition.get("RightValue"), values)
    if compare is None or left is _UNKNOWN or right is _UNKNOWN:
        return None
    try:
        return compare(left, right)
    except TypeError:
        return None


def _operand(value: Any, values: Mapping[str, Any]) -> Any:
    if not isinstance(value, dict):
        return value
    expression = value.get("Get")
    if isinstance(expression, str) and expression.startswith("Parameters."):
        return values.get(expression.removeprefix("Parameters."), _UNKNOWN)
    return _UNKNOWN

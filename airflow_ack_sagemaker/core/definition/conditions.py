"""The conditions of a Condition step: what may stand in one, and whether it holds.

Types and members are those of the SageMaker SDK's ``conditions.py``; SageMaker refuses members that it does not know
(sagemaker-python-sdk#2746).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import Scope, Unresolved, number_of, resolve, text_of
from airflow_ack_sagemaker.core.definition.problems import Findings, Path, quoted

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "NotEquals": operator.ne,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
_MEMBERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_COMPARE, ("LeftValue", "RightValue")),
    "In": ("QueryValue", "Values"),
    "NotIn": ("QueryValue", "Values"),
    "Not": ("Condition",),
    "Or": ("Conditions",),
}
_REFERENCES = frozenset({"Get", "Std:Join", "Std:JsonGet"})


def check_conditions(conditions: Any, path: Path, findings: Findings, owner: str) -> None:
    """Note what SageMaker refuses in a list of conditions; ``owner`` is what needs it, for the message."""
    if not isinstance(conditions, list):
        findings.problem(path, f"{owner} needs a list of conditions here.")
        return
    for index, condition in enumerate(conditions):
        _check(condition, (path, index), findings)


def _check(condition: Any, path: Path, findings: Findings) -> None:
    kind = condition.get("Type") if isinstance(condition, dict) else None
    if not isinstance(kind, str):
        findings.problem(path, "a condition is an object with a Type, such as Equals.")
        return
    if kind not in _MEMBERS:
        hint = findings.suggestion(kind, _MEMBERS)
        findings.warn((path, "Type"), f"unknown condition {quoted(kind)}.{hint}")
        return
    members = _MEMBERS[kind]
    for name in condition:
        if name != "Type" and name not in members:
            hint = findings.suggestion(name, members)
            message = f"{kind} has no such member (it has {', '.join(members)}), and SageMaker refuses unknown ones."
            findings.problem((path, name), message + hint)
    if kind == "Not":
        _check(condition.get("Condition"), (path, "Condition"), findings)
    elif kind == "Or":
        check_conditions(condition.get("Conditions"), (path, "Conditions"), findings, kind)
    elif kind in _COMPARE:
        if not set(members) <= condition.keys():
            findings.problem(path, f"{kind} compares a LeftValue with a RightValue: both are needed.")
        for name in members:
            if name in condition:
                _operand(condition[name], (path, name), findings)
    else:
        _membership(kind, condition, path, findings)


def _membership(kind: str, condition: dict[str, Any], path: Path, findings: Findings) -> None:
    if "QueryValue" not in condition:
        findings.problem(path, f"{kind} looks for a QueryValue among Values: both are needed.")
    else:
        _operand(condition["QueryValue"], (path, "QueryValue"), findings)
    values = condition.get("Values")
    if not isinstance(values, list):
        findings.problem((path, "Values"), f"{kind} needs a list of values here, not {quoted(values)}.")
        return
    for index, value in enumerate(values):
        _operand(value, ((path, "Values"), index), findings)


def _operand(value: Any, path: Path, findings: Findings) -> None:
    if isinstance(value, str | int | float):
        return
    if isinstance(value, dict) and len(value) == 1:
        ((name, inner),) = value.items()
        if name.startswith("Std:") or (name == "Get" and isinstance(inner, str)):
            return
    message = f"an operand is a string, a number, a boolean or a reference, not {quoted(value)}."
    if isinstance(value, dict) and value.keys() & _REFERENCES:
        message += " A reference has one member and no other."
    findings.problem(path, message)


def holds(conditions: Sequence[dict[str, Any]], scope: Scope) -> bool | Unresolved:
    """Whether all these conditions hold; why that cannot be told, where it depends on what the scope does not have."""
    return _all([_holds(condition, scope) for condition in conditions])


def _all(results: list[bool | Unresolved]) -> bool | Unresolved:
    if any(result is False for result in results):
        return False
    return next((result for result in results if isinstance(result, Unresolved)), True)


def _negated(result: bool | Unresolved) -> bool | Unresolved:
    return result if isinstance(result, Unresolved) else not result


def _holds(condition: dict[str, Any], scope: Scope) -> bool | Unresolved:
    kind = condition.get("Type", "")
    if kind == "Not":
        return _negated(_holds(condition["Condition"], scope))
    if kind == "Or":
        return _negated(_all([_negated(_holds(inner, scope)) for inner in condition["Conditions"]]))
    if kind in ("In", "NotIn"):
        query = resolve(condition["QueryValue"], scope)
        alternatives = (resolve(value, scope) for value in condition["Values"])
        among = _negated(_all([_negated(_compared("Equals", query, value)) for value in alternatives]))
        return among if kind == "In" else _negated(among)
    if kind not in _COMPARE:
        return Unresolved(quoted(kind), "this kind of condition is not known")
    return _compared(kind, resolve(condition["LeftValue"], scope), resolve(condition["RightValue"], scope))


def _compared(kind: str, left: Any, right: Any) -> bool | Unresolved:
    """By value: a number and a text that is one (a Join makes texts of numbers) are two numbers."""
    if isinstance(left, Unresolved):
        return left
    if isinstance(right, Unresolved):
        return right
    ordering = kind not in ("Equals", "NotEquals")
    if isinstance(left, bool) or isinstance(right, bool):
        if ordering:
            return Unresolved(f"{quoted(left)} {kind} {quoted(right)}", "a boolean is neither greater nor less")
        # The Outcome of a condition and a Boolean parameter are written true or True.
        return _COMPARE[kind](text_of(left).lower(), text_of(right).lower())
    numbers = number_of(left), number_of(right)
    texts = isinstance(left, str) and isinstance(right, str)
    if None not in numbers and (ordering or not texts):
        return _COMPARE[kind](*numbers)
    if texts:
        return _COMPARE[kind](left, right)
    if ordering:
        return Unresolved(f"{quoted(left)} {kind} {quoted(right)}", "values of these types have no order")
    return _COMPARE[kind](left, right)

"""What the expressions of a definition will be in an execution, as far as that is known: for a person to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from airflow_ack_sagemaker.core.definition.conditions import holds
from airflow_ack_sagemaker.core.definition.expressions import Scope, Unresolved, is_expression, resolve, text_of
from airflow_ack_sagemaker.core.definition.problems import Path, cut, pointer_of
from airflow_ack_sagemaker.core.definition.steps import Step, own_values

CONDITIONS = "/Arguments/Conditions"
"""Where the conditions of a condition step stand."""

MAX_TEXT = 1024
"""Characters of a value, and of an expression, that are shown."""


class ShownValue(NamedTuple):
    """An expression and its value.

    :param where: its place in the step, as a JSON pointer.
    :param expression: its text: ``Parameters.X``, or the JSON of a function; of a condition step, its conditions.
    :param value: its value as SageMaker would write it into a text; None where there is none yet.
    :param why: why there is none.
    """

    where: str
    expression: str
    value: str | None
    why: str | None


def values_of(step: Step, scope: Scope) -> Iterator[ShownValue]:
    """Every expression of a step, in document order. What a condition step decides comes first.

    The steps in its branches or its body have their own.
    """
    body = own_values(step.type, step.body)
    if step.type == "Condition":
        conditions = body.get("Arguments", {}).get("Conditions") or []
        found = holds(conditions, scope)
        yield _shown(CONDITIONS, json.dumps(conditions, ensure_ascii=False), found)
    stack: list[tuple[Any, Path]] = [(body, None)]
    while stack:
        value, path = stack.pop()
        if is_expression(value):
            text = value["Get"] if "Get" in value else json.dumps(value, ensure_ascii=False)
            yield _shown(pointer_of(path), text, resolve(value, scope))
        elif isinstance(value, dict):
            stack.extend(
                (inner, (path, key)) for key, inner in reversed(value.items()) if isinstance(inner, dict | list)
            )
        elif isinstance(value, list):
            items = reversed(list(enumerate(value)))
            stack.extend((inner, (path, index)) for index, inner in items if isinstance(inner, dict | list))


def _shown(where: str, expression: str, found: Any) -> ShownValue:
    known = not isinstance(found, Unresolved)
    value = cut(text_of(found), MAX_TEXT) if known else None
    return ShownValue(where, cut(expression, MAX_TEXT), value, None if known else cut(str(found), MAX_TEXT))

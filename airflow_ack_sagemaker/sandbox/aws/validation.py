"""Checks requests against the constraints of the API model (botocore's), in the words of AWS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import number_of, text_of
from airflow_ack_sagemaker.sandbox.api_model import sagemaker
from airflow_ack_sagemaker.sandbox.aws.errors import AwsError, invalid
from airflow_ack_sagemaker.sandbox.aws.things.types import operation_of

# The model requires a token and says that clients make one up; not every client does, and nothing depends on it.
_OPTIONAL = frozenset({"ClientRequestToken"})

Shape = dict[str, Any]


@cache
def _operations() -> tuple[dict[str, str], dict[str, str]]:
    """The input shape of each operation that is answered here, and the output shape of those on things."""
    model = sagemaker()["operations"]
    inputs = {
        name: body["input"]["shape"]
        for name, body in model.items()
        if "Pipeline" in name or name.endswith("Tags") or name == "ListMonitoringExecutions" or operation_of(name)
    }
    outputs = {
        name: model[name]["output"]["shape"] for name in inputs if operation_of(name) and "output" in model[name]
    }
    return inputs, outputs


def _shapes() -> dict[str, Shape]:
    found: dict[str, Shape] = sagemaker()["shapes"]
    return found


def operations() -> frozenset[str]:
    """The names of all operations of the API."""
    return frozenset(sagemaker()["operations"])


def fitted(operation: str, answer: dict[str, Any]) -> dict[str, Any]:
    """As much of an answer as the API model lets it have, each member with its type; nothing where it has no answer.

    Definitions carry numbers as texts and texts as numbers, and members that only a request has.
    """
    _, outputs = _operations()
    found: dict[str, Any] = _fitted(_shapes(), outputs[operation], answer) if operation in outputs else {}
    return found


def fitted_list(operation: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer of a List operation, of the descriptions of what it lists.

    A summary calls the name and the ARN of a thing by its type, or just ``Name`` and ``Arn``.
    """
    shapes = _shapes()
    members = shapes[_operations()[1][operation]]["members"]
    member = next(name for name, reference in members.items() if shapes[reference["shape"]]["type"] == "list")
    return fitted(operation, {member: rows})


@cache
def arn_member(type_: str) -> str:
    """The member of the answers that has the ARN of a thing of this type."""
    shape = _shapes()[_operations()[1][f"Create{type_}"]]
    return next(str(name) for name in shape["members"] if name.endswith("Arn"))


_NOTHING = object()


def _fitted(shapes: dict[str, Shape], name: str, value: Any) -> Any:
    shape = shapes[name]
    kind = shape["type"]
    if kind == "structure" and isinstance(value, dict):
        members = ((member, reference["shape"]) for member, reference in shape["members"].items() if member in value)
        found = {member: _fitted(shapes, inner, value[member]) for member, inner in members}
        return {member: inner for member, inner in found.items() if inner is not _NOTHING}
    if kind == "map" and isinstance(value, dict):
        found = {str(key): _fitted(shapes, shape["value"]["shape"], inner) for key, inner in value.items()}
        return {key: inner for key, inner in found.items() if inner is not _NOTHING}
    if kind == "list" and isinstance(value, list):
        items = [_fitted(shapes, shape["member"]["shape"], inner) for inner in value]
        return [inner for inner in items if inner is not _NOTHING]
    if kind == "string" and isinstance(value, str | int | float):
        return text_of(value)
    if kind == "boolean" and (isinstance(value, bool) or value in ("true", "false", "True", "False")):
        return str(value).lower() == "true"
    number = number_of(value)
    if number is not None and kind in ("integer", "long"):
        return int(number)
    return number if number is not None and kind in ("float", "double", "timestamp") else _NOTHING


def check(operation: str, request: dict[str, Any]) -> None:
    """Refuse a request that the API model does not allow.

    :raises AwsError: ValidationException listing every violated constraint; SerializationException for a value of
        a wrong type.
    """
    problems = list(_check(_shapes(), _operations()[0][operation], request, ""))
    if problems:
        noun = "error" if len(problems) == 1 else "errors"
        raise invalid(f"{len(problems)} validation {noun} detected: {'; '.join(problems)}")


_PYTHON = {
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
    "structure": dict,
    "list": list,
    "map": dict,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}


def _check(shapes: dict[str, Shape], name: str, value: Any, where: str) -> Iterator[str]:
    shape = shapes[name]
    if not isinstance(value, _PYTHON[shape["type"]]):  # type: ignore[arg-type]
        raise AwsError("SerializationException", f"{where or 'the request'} is no {shape['type']}")
    if shape["type"] == "structure":
        for member in shape.get("required", ()):
            if value.get(member) is None and member not in _OPTIONAL:
                yield _problem(None, _join(where, member), "Member must not be null")
        for member, reference in shape["members"].items():
            if value.get(member) is not None:
                yield from _check(shapes, reference["shape"], value[member], _join(where, member))
    elif shape["type"] == "list":
        yield from _size(shape, len(value), value, where)
        for index, item in enumerate(value):
            yield from _check(shapes, shape["member"]["shape"], item, f"{where}.{index + 1}.member")
    elif shape["type"] == "string":
        yield from _text(shape, value, where)
    elif shape["type"] in ("integer", "long"):
        if "min" in shape and value < shape["min"]:
            yield _problem(value, where, f"Member must have value greater than or equal to {shape['min']}")
        if "max" in shape and value > shape["max"]:
            yield _problem(value, where, f"Member must have value less than or equal to {shape['max']}")


def _text(shape: Shape, value: str, where: str) -> Iterator[str]:
    shown = value if len(value) <= 200 else f"{value[:200]}..."
    if "enum" in shape and value not in shape["enum"]:
        yield _problem(shown, where, f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]")
    yield from _size(shape, len(value), shown, where)
    # Patterns over long texts are costly, and only a definition is long: its pattern allows everything.
    if "pattern" in shape and len(value) <= 4096 and not _pattern(shape["pattern"]).fullmatch(value):
        yield _problem(shown, where, f"Member must satisfy regular expression pattern: {shape['pattern']}")


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    # The model writes Unicode classes as Java does; these stand in tag patterns, inside of a set of characters.
    for java, python in ((r"\p{L}", r"\w"), (r"\p{Z}", r"\s"), (r"\p{N}", r"\d")):
        pattern = pattern.replace(java, python)
    # Python has no word for the other classes: what bears one is not checked.
    return re.compile(pattern if r"\p" not in pattern else r"[\s\S]*")


def _size(shape: Shape, size: int, value: Any, where: str) -> Iterator[str]:
    if size < shape.get("min", 0):
        yield _problem(value, where, f"Member must have length greater than or equal to {shape['min']}")
    if "max" in shape and size > shape["max"]:
        yield _problem(value, where, f"Member must have length less than or equal to {shape['max']}")


def _problem(value: Any, where: str, text: str) -> str:
    shown = "null" if value is None else repr(value)
    return f"Value {shown} at '{where}' failed to satisfy constraint: {text}"


def _join(where: str, member: str) -> str:
    # In its messages AWS writes member names with a small first letter.
    small = member[:1].lower() + member[1:]
    return f"{where}.{small}" if where else small

"""Checks requests against the constraints of the API model (botocore's), in the words of AWS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import number_of, text_of
from airflow_ack_sagemaker.sandbox.aws.errors import AwsError, invalid
from airflow_ack_sagemaker.sandbox.aws.jobs import DESCRIBED

# The model requires a token and says that clients make one up; not every client does, and nothing depends on it.
_OPTIONAL = frozenset({"ClientRequestToken"})

Shape = dict[str, Any]


@cache
def _model() -> dict[str, Any]:
    from botocore.loaders import Loader

    model: dict[str, Any] = Loader().load_service_model("sagemaker", "service-2")
    return model


@cache
def _trimmed() -> tuple[dict[str, str], dict[str, Shape], frozenset[str]]:
    """The input shape's name of each operation that is answered here, the shapes needed, and all operations' names.

    The rest of the model is let go.
    """
    model = _model()
    inputs = {
        name: body["input"]["shape"]
        for name, body in model["operations"].items()
        if "Pipeline" in name or name.endswith("Tags") or name in DESCRIBED
    }
    shapes: dict[str, Shape] = {}
    pending = [*inputs.values(), *(model["operations"][name]["output"]["shape"] for name in DESCRIBED)]
    while pending:
        name = pending.pop()
        if name in shapes:
            continue
        shape = {key: value for key, value in model["shapes"][name].items() if key != "documentation"}
        for member in shape.get("members", {}).values():
            member.pop("documentation", None)
            pending.append(member["shape"])
        pending.extend(shape[part]["shape"] for part in ("member", "key", "value") if part in shape)
        shapes[name] = shape
    _model.cache_clear()
    return inputs, shapes, frozenset(model["operations"])


def operations() -> frozenset[str]:
    """The names of all operations of the API."""
    return _trimmed()[2]


def fitted(operation: str, answer: dict[str, Any]) -> dict[str, Any]:
    """As much of an answer as the API model lets the description of a job have, each member with its type.

    Definitions carry numbers as texts and texts as numbers, and members that only a request has.
    """
    shapes = _trimmed()[1]
    found: dict[str, Any] = _fitted(shapes, f"{operation}Response", answer)
    return found


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
    inputs, shapes, _ = _trimmed()
    problems = list(_check(shapes, inputs[operation], request, ""))
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
    return re.compile(pattern)


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

"""What the expressions of a definition give: ``Get``, ``Std:Join`` and ``Std:JsonGet``, resolved from what is known.

Pure: what is known stands in a `Scope`. What is not known has no value and is never guessed: it gives an `Unresolved`
that says why.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_ack_sagemaker.core.definition.problems import cut, quoted
from airflow_ack_sagemaker.core.definition.references import reference_of

_TOKEN = re.compile(r"\.?(?P<plain>[^.\[\]]+)|\[(?P<index>\d{1,9})\]|\[(?P<quote>['\"])(?P<key>.*?)(?P=quote)\]")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,100}")
# By which member the elements of a list are asked for as ['key']: outputs, metrics, channels and parameters of jobs.
_KEYS = ("OutputName", "MetricName", "ChannelName", "InputName", "Name", "Key")

MAX_JOINED = 1_048_576
"""Characters of what a ``Std:Join`` gives: a whole definition is not longer. A definition that joins one long parameter
ten thousand times must not fill the memory of whoever looks at it."""


@dataclass(frozen=True, slots=True)
class Unresolved:
    """That an expression has no value yet, or none at all, and why."""

    expression: str
    why: str

    def __str__(self) -> str:
        return f"{self.expression} has no value: {self.why}"


@dataclass(frozen=True)
class Scope:
    """What expressions may refer to.

    :param parameters: values of the pipeline's parameters by name, with the types of their declarations.
    :param execution: execution variables by name (``PipelineName``, ``PipelineExecutionId``, ...).
    :param properties: the properties of a step as a JSON object, or an `Unresolved` that says why it has none.
    :param property_file: the content of a step's property file as JSON, by the names of both.
    :param s3_object: the content of an S3 object as JSON, by its URI.
    :param experiment: the pipeline's experiment configuration.
    :param item: the item of a ForEach's body, in a list of its own; None outside of one.
    :param iteration: the properties of a body step in one round of a ForEach, for its selector.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    execution: Mapping[str, Any] = field(default_factory=dict)
    properties: Callable[[str], Any] | None = None
    property_file: Callable[[str, str], Any] | None = None
    s3_object: Callable[[str], Any] | None = None
    experiment: Mapping[str, Any] = field(default_factory=dict)
    item: tuple[Any] | None = None
    iteration: Callable[[str], Any] | None = None


def is_expression(value: Any) -> bool:
    """Whether a value of a definition is one that is resolved, and not a value itself."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((name, inner),) = value.items()
    return isinstance(inner, str) if name == "Get" else name.startswith("Std:")


def resolve(value: Any, scope: Scope) -> Any:
    """The value of an expression; of anything else the value itself. An `Unresolved` where there is none."""
    if not is_expression(value):
        return value
    ((name, body),) = value.items()
    if name == "Get":
        return _get(body, scope)
    if name == "Std:Join" and isinstance(body, dict) and isinstance(body.get("Values"), list):
        return _join(body, scope)
    if name == "Std:JsonGet" and isinstance(body, dict):
        return _json_get(body, scope)
    return Unresolved(cut(name, 80), "this function is not known, or not written as it must be")


def resolve_within(value: Any, scope: Scope, unresolved: list[Unresolved]) -> Any:
    """A copy of a value with every expression in it resolved. Those without a value are left out of it, and added to
    ``unresolved``.
    """
    if is_expression(value):
        found = resolve(value, scope)
        if isinstance(found, Unresolved):
            unresolved.append(found)
        return found
    if isinstance(value, dict):
        members = ((key, resolve_within(inner, scope, unresolved)) for key, inner in value.items())
        return {key: inner for key, inner in members if not isinstance(inner, Unresolved)}
    if isinstance(value, list):
        items = (resolve_within(inner, scope, unresolved) for inner in value)
        return [inner for inner in items if not isinstance(inner, Unresolved)]
    return value


def shown(value: Any, scope: Scope) -> str:
    """What a value of a definition will be, as a text for people, or why that cannot be told."""
    found = resolve(value, scope)
    return f"({found})" if isinstance(found, Unresolved) else text_of(found)


def text_of(value: Any) -> str:
    """A value as SageMaker writes it into a text: booleans as true and false, objects and lists as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def number_of(value: Any) -> float | int | None:
    """A number, or a text that is one, as a number; None for everything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)  # exactly: a float would make neighbours of large ones equal
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        number = float(value)
        return number if math.isfinite(number) else None
    return None


def _get(expression: str, scope: Scope) -> Any:
    reference = reference_of(expression)
    shown_expression = cut(expression, 200)
    if reference.root == "Parameters":
        return _named(scope.parameters, reference.name, shown_expression, "this parameter has no value here")
    if reference.root == "Execution":
        return _named(scope.execution, reference.name, shown_expression, "it is known only while an execution runs")
    if reference.root == "PipelineExperimentConfig":
        found = _named(scope.experiment, reference.name, shown_expression, "the pipeline has no such experiment name")
        # Without the names themselves, so that one which refers to itself comes to an end.
        return found if isinstance(found, Unresolved) else resolve(found, replace(scope, experiment={}))
    if reference.root == "ForEach" and reference.name == "CurrentItem":
        if scope.item is None:
            return Unresolved(shown_expression, "it is the item of a round of a ForEach")
        return walk(scope.item[0], reference.rest, shown_expression)
    source = {"Steps": scope.properties, "IterationOutput": scope.iteration}.get(reference.root)
    if source is None:
        return Unresolved(shown_expression, "it is known only while an execution runs")
    properties = source(reference.name)
    if isinstance(properties, Unresolved):
        return Unresolved(shown_expression, properties.why)
    return walk(properties, reference.rest, shown_expression)


def _named(values: Mapping[str, Any], name: str, expression: str, why: str) -> Any:
    return values[name] if name in values else Unresolved(expression, why)


def _join(body: Mapping[str, Any], scope: Scope) -> str | Unresolved:
    texts: list[str] = []
    separator = str(body.get("On", ""))
    length = 0
    for value in body["Values"]:
        found = resolve(value, scope)
        if isinstance(found, Unresolved):
            return found
        texts.append(text_of(found))
        length += len(texts[-1]) + len(separator)
        if length > MAX_JOINED:
            return Unresolved("a Std:Join", f"it gives more than {MAX_JOINED:,} characters")
    return separator.join(texts)


def _json_get(body: Mapping[str, Any], scope: Scope) -> Any:
    path = resolve(body.get("Path", ""), scope)
    if isinstance(path, Unresolved):
        return path
    file = body.get("PropertyFile")
    if file is not None:
        text = file.get("Get") if isinstance(file, dict) else None
        expression = text if isinstance(text, str) else quoted(file)
        reference = reference_of(expression, is_property_file=True)
        where = cut(f"{cut(text_of(path), 100)} in {expression}", 200)
        if reference.property_file is None:
            return Unresolved(where, "this is no property file of a step")
        if scope.property_file is None:
            return Unresolved(where, "the file is known only while an execution runs")
        content = scope.property_file(reference.name, reference.property_file)
    else:
        uri = resolve(body.get("S3Uri", ""), scope)
        if isinstance(uri, Unresolved):
            return uri
        where = cut(f"{cut(text_of(path), 100)} in {text_of(uri)}", 200)
        if scope.s3_object is None:
            return Unresolved(where, "the file is known only while an execution runs")
        content = scope.s3_object(text_of(uri))
    if isinstance(content, Unresolved):
        return Unresolved(where, content.why)
    return walk(content, text_of(path).removeprefix("$"), where)


def walk(value: Any, path: str, expression: str) -> Any:
    """What stands at a path such as ``.Outputs['train'].S3Uri`` or ``metrics.mse[0]`` in a JSON value.

    A text on the way is read as JSON: the items of a loop, and what configures a job, are objects in a string.
    """
    position = 0
    while position < len(path):
        token = _TOKEN.match(path, position)
        if token is None:
            return Unresolved(expression, f"{quoted(path[position:])} is no path")
        position = token.end()
        index, key = token["index"], token["plain"] if token["key"] is None else token["key"]
        if isinstance(value, str):
            value = _parsed(value)
        if index is not None:
            if not isinstance(value, list) or int(index) >= len(value):
                return Unresolved(expression, f"there is no element {index}")
            value = value[int(index)]
            continue
        element = value.get(key, _NOTHING) if isinstance(value, dict) else _element(value, key)
        if element is _NOTHING:
            return Unresolved(expression, f"there is no {quoted(key)}")
        value = element
    return value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # no JSON, or nested deeper than Python reads
        return text


_NOTHING = object()


def _element(value: Any, key: str) -> Any:
    """The element of a list that has this name."""
    for element in value if isinstance(value, list) else ():
        if isinstance(element, dict) and any(element.get(name) == key for name in _KEYS):
            return element
    return _NOTHING

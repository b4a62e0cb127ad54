"""The parameters of a pipeline: their declarations in a definition, and their values at launch.

SageMaker takes values as strings (API model: a name of 1 to 256 characters ``[A-Za-z0-9-_]``, a value of at most 1024,
at most 200). It refuses an empty one at a launch, although an empty default is fine (sagemaker-python-sdk#4016).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from airflow_ack_sagemaker.core.definition.problems import DefinitionError, Findings, Path, listed, quoted

MAX_PARAMETERS = 200
MAX_VALUE = 1024

TYPES = ("String", "Integer", "Float", "Boolean")

_MEMBERS = ("Name", "Type", "DefaultValue", "EnumValues")

LAUNCH_SOURCE = "pipeline parameters"

_NAME = re.compile(r"[A-Za-z0-9\-_]{1,256}")
_NAME_RULE = "1 to 256 letters, digits, '-' and '_'"
_INTEGER = re.compile(r"[+-]?[0-9]{1,100}")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class Parameter(NamedTuple):
    """One declared parameter. ``default`` counts only with ``has_default``: without one a value must be given at
    launch.

    ``enum`` holds the allowed values; empty: any value of the type.
    """

    name: str
    type: str
    default: str | int | float | bool | None = None
    has_default: bool = False
    enum: tuple[str | int | float | bool, ...] = ()


def declarations(value: Any, findings: Findings) -> tuple[Parameter, ...]:
    """The parameters of a definition's ``Parameters`` (a list, or None), as far as they are sound."""
    root: Path = (None, "Parameters")
    if value is None:
        return ()
    if not isinstance(value, list):
        findings.problem(root, f"a list of parameters is needed, not {quoted(value)}.")
        return ()
    if len(value) > MAX_PARAMETERS:
        findings.problem(root, f"{len(value)} parameters, more than the {MAX_PARAMETERS} that SageMaker takes.")
    found: dict[str, Parameter] = {}
    for index, item in enumerate(value):
        parameter = _declaration(item, (root, index), findings)
        if parameter is None:
            continue
        if parameter.name in found:
            findings.problem(
                ((root, index), "Name"), f"a second parameter {quoted(parameter.name)}: names must be unique."
            )
        else:
            found[parameter.name] = parameter
    return tuple(found.values())


def _declaration(item: Any, path: Path, findings: Findings) -> Parameter | None:
    if not isinstance(item, dict):
        findings.problem(path, f"a parameter is an object with Name and Type, not {quoted(item)}.")
        return None
    for member in item:
        if member not in _MEMBERS and (hint := findings.suggestion(member, _MEMBERS)):
            findings.warn((path, member), f"a parameter has no such member.{hint}")
    name, kind = item.get("Name"), item.get("Type")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        findings.problem(
            (path, "Name"), f"{quoted(name)} is not a parameter name: {_NAME_RULE}." if "Name" in item else "no Name."
        )
    if kind is None:
        findings.warn(path, "no Type: taken for a String.")
        kind = "String"
    if kind not in TYPES:
        findings.problem((path, "Type"), f"{quoted(kind)} is not a parameter type. Use one of {', '.join(TYPES)}.")
        return Parameter(name, "String", has_default=True) if isinstance(name, str) else None
    enum = _enum(item.get("EnumValues"), kind, (path, "EnumValues"), findings)
    default = item.get("DefaultValue")
    if default is not None and not _is(default, kind):
        findings.problem((path, "DefaultValue"), f"{quoted(default)} is not of type {kind}.")
    elif default is not None and enum and not _among(default, enum):
        findings.problem((path, "DefaultValue"), f"{quoted(default)} is not among the EnumValues.")
    elif default is None and "DefaultValue" in item:
        findings.warn((path, "DefaultValue"), "null is taken for no default: a value must then be given at launch.")
    return Parameter(name, kind, default, default is not None, enum) if isinstance(name, str) else None


def _enum(value: Any, kind: str, path: Path, findings: Findings) -> tuple[Any, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        findings.problem(path, f"a list of allowed values is needed, not {quoted(value)}.")
        return ()
    for index, item in enumerate(value):
        if not _is(item, kind):
            findings.problem((path, index), f"{quoted(item)} is not of type {kind}.")
    return tuple(item for item in value if _is(item, kind))


def _is(value: Any, kind: str) -> bool:
    """Whether a JSON value is of a parameter's type. True is not an Integer; 1 is a Float."""
    if kind == "String":
        return isinstance(value, str)
    if kind == "Boolean":
        return isinstance(value, bool)
    return isinstance(value, int if kind == "Integer" else int | float) and not isinstance(value, bool)


def _among(value: Any, enum: Sequence[Any]) -> bool:
    # Not "value in enum": True equals 1 in Python.
    return any(value == item and isinstance(value, bool) == isinstance(item, bool) for item in enum)


def bind(parameters: Sequence[Parameter], values: Mapping[str, object]) -> list[dict[str, str]]:
    """``pipelineParameters`` for a launch: the given values as strings, in the order of their declarations.

    Booleans become true and false; an Integer may be given as 5, "5" or 5.0, a Float as a number or its text.
    Parameters that keep their default are left out.

    :raises DefinitionError: unknown names, missing values, values of another type or not among the EnumValues, empty
        and too long ones: all of them.
    """
    findings = Findings()
    known = {parameter.name: parameter for parameter in parameters}
    texts: dict[str, str] = {}
    for name, value in values.items():
        path: Path = (None, name)
        if name not in known:
            hint = findings.suggestion(name, known) if isinstance(name, str) else ""
            findings.problem(path, f"the pipeline has no such parameter (it has {listed(known)}).{hint}")
        else:
            text = _text_of_type(known[name], value, path, findings)
            if text is not None:
                texts[name] = text
    for parameter in parameters:
        if not parameter.has_default and parameter.name not in values:
            findings.problem(
                (None, parameter.name), f"the pipeline needs a value for this parameter ({parameter.type}, no default)."
            )
    return _finish([name for name in known if name in texts], texts, len(values), findings)


def launch_parameters(values: Mapping[str, object]) -> list[dict[str, str]]:
    """``pipelineParameters`` for a launch when the pipeline's definition is not at hand: only the API's own limits are
    checked.

    :raises DefinitionError: an empty or malformed name, None or an object as a value, an empty value or one of over
        1024 characters, over 200 of them.
    """
    findings = Findings()
    texts: dict[str, str] = {}
    for name, value in values.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            findings.problem((None, name), f"{quoted(name)} is not a parameter name: {_NAME_RULE}.")
            continue
        text = _plain_text(value, (None, name), findings)
        if text is not None:
            texts[name] = text
    return _finish(list(texts), texts, len(values), findings)


def typed(parameter: Parameter, text: str) -> str | int | float | bool:
    """A launch value that was found right, as a value of its parameter's type."""
    if parameter.type == "Integer":
        return int(text)
    if parameter.type == "Float":
        return float(text)
    return text.lower() == "true" if parameter.type == "Boolean" else text


def values_at_launch(parameters: Sequence[Parameter], texts: Mapping[str, str]) -> dict[str, Any]:
    """The values that parameters have in an execution, with their types: what was given at its launch, and defaults.

    :param texts: launch values that were found right.
    """
    defaults = {parameter.name: parameter.default for parameter in parameters if parameter.has_default}
    return defaults | {known.name: typed(known, texts[known.name]) for known in parameters if known.name in texts}


def _finish(names: list[str], texts: dict[str, str], count: int, findings: Findings) -> list[dict[str, str]]:
    if count > MAX_PARAMETERS:
        findings.problem(None, f"{count} parameters, more than the {MAX_PARAMETERS} that SageMaker takes.")
    for name in names:
        if not texts[name]:
            message = "SageMaker refuses an empty value at a launch (too short (length: 0, required minimum: 1))."
            findings.problem((None, name), f"{message} Leave the parameter out to use its default, which may be empty.")
        if len(texts[name]) > MAX_VALUE:
            size = f"{len(texts[name]):,} characters, more than {MAX_VALUE:,}"
            findings.problem((None, name), f"the value has {size}. Put it into S3 and pass its URI.")
    if findings.problems:
        raise DefinitionError(findings.problems, LAUNCH_SOURCE)
    return [{"name": name, "value": texts[name]} for name in names]


def _plain_text(value: object, path: Path, findings: Findings) -> str | None:
    """A value as SageMaker takes it. The base types' own methods: a subclass (an enum, numpy's float) writes itself
    differently."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float) and math.isfinite(value):
        return float.__repr__(value)
    findings.problem(
        path, f"{quoted(value)} cannot be a parameter's value: a string, a (finite) number or a boolean is needed."
    )
    return None


def _text_of_type(parameter: Parameter, value: object, path: Path, findings: Findings) -> str | None:
    text = _plain_text(value, path, findings)
    if text is None:
        return None
    parsed: object = text
    if parameter.type == "Integer":
        if isinstance(value, float) and value.is_integer():
            text = str(int(value))
        parsed = int(text) if not isinstance(value, bool) and _INTEGER.fullmatch(text) else None
    elif parameter.type == "Float":
        number = float(text) if not isinstance(value, bool) and _FLOAT.fullmatch(text) else math.inf
        parsed = number if math.isfinite(number) else None
    elif parameter.type == "Boolean":
        # What a template renders from a Python boolean, and the SDK sends, is "True".
        text = text.lower()
        parsed = {"true": True, "false": False}.get(text)
    if parsed is None:
        findings.problem(path, f"{quoted(value)} is not of type {parameter.type}.")
        return None
    if parameter.enum and not _among(parsed, parameter.enum):
        allowed = listed(parameter.enum)
        findings.problem(path, f"{quoted(value)} is not among the values that the pipeline allows: {allowed}.")
        return None
    return text

"""References in a definition: ``{"Get": ...}`` and the functions ``Std:Join`` and ``Std:JsonGet``, wherever they stand.

The forms are those that the SageMaker Python SDK emits: ``Parameters.X``, ``Steps.Name.Path['key'].More[0]``,
``Execution.Y``, ``PipelineExperimentConfig.Z``, in the body of a ForEach ``ForEach.CurrentItem.a``, and in its selector
``IterationOutput.Name.Path``. An object is a reference only when ``Get``, with a string, is all it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from airflow_ack_sagemaker.core.definition.problems import Findings, Path, cut, quoted

EXECUTION_VARIABLES = frozenset(
    {
        "CurrentDateTime",
        "PipelineArn",
        "PipelineExecutionArn",
        "PipelineExecutionId",
        "PipelineName",
        "ProcessingJobName",
        "StartDateTime",
        "TrainingJobName",
    }
)
"""What ``Execution.`` offers (SageMaker Python SDK, ``ExecutionVariables``)."""

_ROOTS_WITH_PATHS = frozenset({"Steps", "ForEach", "IterationOutput"})
_STEP = re.compile(r"([^.\[]*)(.*)", re.DOTALL)
_PROPERTY_FILE = re.compile(r"\.PropertyFiles(?:\.(?P<plain>.+)|\[(['\"])(?P<quoted>.+)\2\])", re.DOTALL)


class Reference(NamedTuple):
    """One ``Get``: ``root`` is what comes before the first dot, ``name`` the parameter, step or variable.

    ``rest`` is what follows a step's name: the place among its properties. ``property_file`` is the file's name where a
    ``Std:JsonGet`` asks for one.
    """

    path: Path
    expression: str
    root: str
    name: str
    rest: str = ""
    property_file: str | None = None


def reference_of(expression: str, path: Path = None, is_property_file: bool = False) -> Reference:
    """The parts of the text of one ``Get``."""
    root, _, tail = expression.partition(".")
    if root not in _ROOTS_WITH_PATHS:
        return Reference(path, expression, root, tail)
    match = _STEP.match(tail)
    name, rest = match.groups() if match else (tail, "")
    file = _PROPERTY_FILE.fullmatch(rest) if is_property_file else None
    return Reference(path, expression, root, name, rest, (file["plain"] or file["quoted"]) if file else None)


def references(value: Any, path: Path, findings: Findings) -> Iterator[Reference]:
    """Every reference in a value, in document order.

    Functions of the wrong shape are noted as problems, unknown ones as warnings.
    """
    stack: list[tuple[Any, Path, bool]] = [(value, path, False)]
    while stack:
        value, path, is_property_file = stack.pop()
        if isinstance(value, dict):
            if len(value) == 1:
                ((key, inner),) = value.items()
                if key == "Get" and isinstance(inner, str):
                    yield reference_of(inner, (path, "Get"), is_property_file)
                    continue
                if key.startswith("Std:"):
                    _check_function(key, inner, (path, key), findings)
                    if key == "Std:JsonGet" and isinstance(inner, dict):
                        stack.extend((v, ((path, key), k), k == "PropertyFile") for k, v in reversed(inner.items()))
                        continue
            for key, child in reversed(value.items()):
                if isinstance(child, (dict, list)):
                    stack.append((child, (path, key), False))
        elif isinstance(value, list):
            for index in range(len(value) - 1, -1, -1):
                if isinstance(value[index], (dict, list)):
                    stack.append((value[index], (path, index), False))


def _check_function(name: str, body: Any, path: Path, findings: Findings) -> None:
    if name == "Std:Join":
        if not isinstance(body, dict) or not isinstance(body.get("Values"), list):
            findings.problem(path, 'Std:Join needs an object {"On": separator, "Values": [...]}.')
        elif not isinstance(body.get("On", ""), str):
            findings.problem((path, "On"), f"the separator of a Std:Join is a string, not {quoted(body['On'])}.")
    elif name == "Std:JsonGet":
        if not isinstance(body, dict) or not ("PropertyFile" in body or "S3Uri" in body):
            message = 'Std:JsonGet needs an object {"PropertyFile": {"Get": ...}, "Path": ...} (or S3Uri, Path).'
            findings.problem(path, message)
        elif not isinstance(body.get("Path"), str | dict):
            findings.problem(
                path, "Std:JsonGet needs a Path: where in the file the value stands, such as 'metrics.mse.value'."
            )
        elif "PropertyFile" in body:
            _check_property_file(body["PropertyFile"], (path, "PropertyFile"), findings)
    else:
        findings.warn(path, f"unknown function {cut(name, 80)}: it is passed on as it is.")


def _check_property_file(value: Any, path: Path, findings: Findings) -> None:
    expression = value.get("Get") if isinstance(value, dict) and len(value) == 1 else None
    needed = 'a reference {"Get": "Steps.STEP.PropertyFiles.FILE"} is needed'
    if not isinstance(expression, str):
        findings.problem(path, f"{needed}, not {quoted(value)}.")
    elif reference_of(expression, is_property_file=True).property_file is None:
        findings.problem((path, "Get"), f"{quoted(expression)} is no property file: {needed}.")

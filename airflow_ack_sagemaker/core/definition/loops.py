"""The arguments of ForEach and Cleanup steps. Their rules are those of the SageMaker SDK 3 (``ForEachStep``,
``CleanupStep``).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import is_expression
from airflow_ack_sagemaker.core.definition.problems import Findings, Path, quoted

MAX_CONCURRENCY = 50
MAX_ITEMS = 100
"""Items of a list that is written out; a list that a reference gives is not counted here."""

PICKS = ("MaxBy", "MinBy")


def check_loop(arguments: dict[str, Any], path: Path, findings: Findings) -> None:
    """Note what is wrong with the arguments of a ForEach, beside the steps of its body."""
    body = arguments.get("ForEachBody")
    if body is None or body == []:
        findings.problem((path, "ForEachBody"), "a ForEach step needs a list of at least one step here.")
    _items(arguments.get("IterableItems"), (path, "IterableItems"), findings)
    concurrency = arguments.get("MaxConcurrency")
    number = concurrency if isinstance(concurrency, int) and not isinstance(concurrency, bool) else 0
    if not is_expression(concurrency) and not 1 <= number <= MAX_CONCURRENCY:
        message = f"an integer from 1 to {MAX_CONCURRENCY} is needed, not {quoted(concurrency)}."
        findings.problem((path, "MaxConcurrency"), message)
    selector = arguments.get("Selector")
    if selector is not None:
        _selector(selector, (path, "Selector"), findings)


def _items(value: Any, path: Path, findings: Findings) -> None:
    if is_expression(value):
        return
    if isinstance(value, str):
        findings.warn(path, "a reference that gives a list, or a list, is expected here and not a string.")
    elif not isinstance(value, list) or not 1 <= len(value) <= MAX_ITEMS:
        found = f"a list of {len(value):,}" if isinstance(value, list) else quoted(value)
        findings.problem(path, f"a reference that gives a list, or a list of 1 to {MAX_ITEMS} items, and not {found}.")
    else:
        for index, item in enumerate(value):
            if not is_expression(item) and not isinstance(item, str | int | float):
                message = f"an item is a string, a number, a boolean or a reference, not {quoted(item)}."
                findings.problem((path, index), message)


def _selector(value: Any, path: Path, findings: Findings) -> None:
    if not isinstance(value, dict):
        findings.problem(path, f"a selector is an object with Pick and Field, not {quoted(value)}.")
        return
    if value.get("Pick") not in PICKS:
        findings.problem((path, "Pick"), f"{quoted(value.get('Pick'))} is not one of {', '.join(PICKS)}.")
    field = value.get("Field")
    expression = field.get("Get") if isinstance(field, dict) and is_expression(field) else None
    if not isinstance(expression, str) or not expression.startswith("IterationOutput."):
        message = 'a reference such as {"Get": "IterationOutput.STEP.OutputParameters[\'x\']"} is needed.'
        findings.problem((path, "Field"), message)


def check_cleanup(
    arguments: dict[str, Any], path: Path, steps: Collection[str], before: Collection[str], findings: Findings
) -> None:
    """Note what is wrong with the arguments of a Cleanup.

    :param steps: the names of all steps.
    :param before: those that the Cleanup waits for.
    """
    resources = arguments.get("Resources")
    sources = resources.get("S3") if isinstance(resources, dict) else None
    where: Path = ((path, "Resources"), "S3")
    if not isinstance(sources, list) or not sources:
        findings.problem(where, 'a list of at least one object {"StepName": name} is needed here.')
        return
    for index, source in enumerate(sources):
        place: Path = (where, index)
        name = source.get("StepName") if isinstance(source, dict) else None
        if not isinstance(name, str):
            findings.problem(place, f'an object {{"StepName": name}} is needed, not {quoted(source)}.')
        elif name not in steps:
            hint = findings.suggestion(name, steps)
            findings.problem((place, "StepName"), f"there is no step {quoted(name)}.{hint}")
        elif name not in before:
            message = f"the Cleanup does not wait for step {quoted(name)}: name it in DependsOn."
            findings.warn((place, "StepName"), message)

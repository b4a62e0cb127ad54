"""How a parameter's value was given: SageMaker takes texts only, and that of a number may be another one than meant.

The version "1.10" that some template or file has made the number 1.1 of is the text "1.1". Whether that matters only
the declared type tells: in an Integer or a Float it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from airflow_ack_sagemaker.core.definition.parameters import Parameter


def not_texts(values: Mapping[str, object]) -> frozenset[str]:
    """The names of those values that are no texts."""
    return frozenset(name for name, value in values.items() if not isinstance(value, str))


def strings_given_otherwise(
    parameters: Iterable[Parameter],
    launches: Iterable[tuple[Collection[str], Iterable[Mapping[str, str]]]],
    shown: Callable[[Mapping[str, str]], Mapping[str, Any]] = dict,
) -> str | None:
    """A line for the log about String parameters that were given as something else; None: there are none.

    :param parameters: the definition's.
    :param launches: of each execution, the names that `not_texts` found, and its ``pipelineParameters``.
    :param shown: parameters as a log may show them: without secrets.
    """
    strings = {parameter.name for parameter in parameters if parameter.type == "String"}
    found: dict[str, str] = {}
    for names, given in launches:
        for item in given:
            if item["name"] in names and item["name"] in strings:
                found.setdefault(item["name"], item["value"])
    if not found:
        return None
    told = ", ".join(f"{name} ({value!r})" for name, value in sorted(shown(found).items())[:10])
    return (
        "Parameters of type String were given as a number or a boolean, and SageMaker gets their text: "
        f"{told}{', ...' if len(found) > 10 else ''}. Where something else was meant, give the text itself, in quotes."
    )

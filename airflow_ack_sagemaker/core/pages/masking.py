"""What looks like a secret is not shown: in parameters, resources and definitions.

Which names and which texts are secret is the caller's knowledge (Airflow's masker); this module knows where in our
documents a name stands beside its value: ``{"name": ..., "value": ...}`` of a launch, ``{"Name": ..., "DefaultValue":
...}`` of a definition's parameter, tags and variables of the environment, and JSON inside strings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from airflow_ack_sagemaker.core.pages.secret_shapes import MASK
from airflow_ack_sagemaker.core.pages.secret_texts import strings_in
from airflow_ack_sagemaker.core.resource import fields

_NAMES = ("name", "Name", "key", "Key", "ParameterName", "MetricName")
_VALUES = frozenset({"value", "Value", "DefaultValue", "EnumValues", "default", "values", "Values", "ParameterValue"})
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_DEEP = 200
"""Nesting beyond which nothing is shown: a definition may have as much."""


class Masker(Protocol):
    """What is secret."""

    def hides(self, name: str) -> bool:
        """Whether the value of something with this name is secret."""

    def text(self, text: str) -> str:
        """The text without the values that are known to be secrets."""


def masked(value: Any, masker: Masker, depth: int = 0) -> Any:
    """A document (of mappings, sequences and scalars) without its secrets; the same shape, new objects."""
    if depth > _DEEP:
        return MASK
    if isinstance(value, str):
        return _masked_text(value, masker, depth)
    if isinstance(value, Mapping):
        secret = _names_a_secret(value, masker)
        return {
            masker.text(key) if isinstance(key, str) else key: hidden(item)
            if (isinstance(key, str) and masker.hides(key)) or (secret and key in _VALUES)
            else masked(item, masker, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [masked(item, masker, depth + 1) for item in value]
    return value


def secrets_of(value: Any, masker: Masker, depth: int = 0) -> Iterator[str]:
    """The texts that `masked` would hide in a document because of their names."""
    if depth > _DEEP:
        return
    if isinstance(value, Mapping):
        secret = _names_a_secret(value, masker)
        for key, item in value.items():
            if (isinstance(key, str) and masker.hides(key)) or (secret and key in _VALUES):
                yield from strings_in(item)
            else:
                yield from secrets_of(item, masker, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from secrets_of(item, masker, depth + 1)
    elif isinstance(value, str) and value[:1] in ("{", "["):
        yield from secrets_of(_parsed(value), masker, depth + 1)


def _names_a_secret(value: Mapping[Any, Any], masker: Masker) -> bool:
    return any(isinstance(value.get(key), str) and masker.hides(value[key]) for key in _NAMES)


def hidden(value: Any, depth: int = 0) -> Any:
    """Nothing but the shape of a secret: what was given and what is empty can be told from each other."""
    if value is None or value == "" or isinstance(value, bool):
        return value
    if isinstance(value, Mapping) and depth < _DEEP:
        return {key: hidden(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple) and depth < _DEEP:
        return [hidden(item, depth + 1) for item in value]
    return MASK


def parameters_of(resource: Mapping[str, Any], masker: Masker) -> list[dict[str, Any]]:
    """The parameters that an execution was launched with: ``name``, ``value``, and whether that is ``masked``."""
    found = []
    items = fields.spec(resource).get("pipelineParameters")
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, Mapping):
            continue
        name, value = str(item.get("name") or ""), str(item.get("value") or "")
        shown = hidden(value) if masker.hides(name) else _masked_text(value, masker, 0)
        found.append({"name": masker.text(name), "value": shown, "masked": shown != value})
    return found


def shown_resource(resource: Mapping[str, Any], masker: Masker) -> Any:
    """A resource as it may be shown: without secrets, the record of its managers (as kubectl shows it), and the copy of
    itself that kubectl leaves on it.
    """
    metadata = {key: value for key, value in fields.metadata(resource).items() if key != "managedFields"}
    if isinstance(annotations := metadata.get("annotations"), Mapping):
        metadata["annotations"] = {key: value for key, value in annotations.items() if key != _LAST_APPLIED}
    return masked({**resource, "metadata": metadata}, masker)


def _masked_text(text: str, masker: Masker, depth: int) -> str:
    if text[:1] in ("{", "["):
        document = _parsed(text)
        if document is not None:
            clean = masked(document, masker, depth + 1)
            if clean != document:
                return json.dumps(clean, ensure_ascii=False)
    return masker.text(text)


def _parsed(text: str) -> Any:
    """The JSON in a text; None where there is none. (A number of more than 4,300 digits is a ValueError, too.)"""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

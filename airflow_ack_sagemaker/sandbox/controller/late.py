"""Late initialization: SageMaker's own defaults are written into the spec, so that they are no difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airflow_ack_sagemaker.sandbox.controller.compare import at, nested
from airflow_ack_sagemaker.sandbox.controller.conditions import late

LATE_SECONDS = 5.0
"""When what SageMaker has not told of yet is looked for again."""
DONE = late("True", "Late initialization successful", "Late initialization successful")
DELAYED = late(
    "False",
    "Delayed Late Initialization",
    f"Late initialization did not complete, requeuing with delay of {LATE_SECONDS:g} seconds",
)
UNREADABLE = late(
    "False", "Late Initialization Failure", "Unable to complete Read operation required for late initialization"
)


def fill(spec: Mapping[str, Any], found: Mapping[str, Any], paths: Iterable[str]) -> tuple[dict[str, Any], bool]:
    """A merge patch of the spec with what is missing at these paths, and whether all of it is known.

    :param found: the spec that SageMaker's description comes to.
    """
    patch: dict[str, Any] = {}
    complete = True
    for path in paths:
        parent = path.rpartition(".")[0]
        if at(spec, path) is not None or (parent and at(spec, parent) is None):
            continue
        value = at(found, path)
        if value is None:
            complete = False
        else:
            _merge(patch, nested(path, value))
    return patch, complete


def _merge(patch: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, Mapping) and isinstance(patch.get(name), dict):
            _merge(patch[name], value)
        else:
            patch[name] = value

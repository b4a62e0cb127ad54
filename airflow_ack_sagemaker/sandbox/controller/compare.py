"""Whether a spec asks for something else than SageMaker has."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

_NOTHING: tuple[Any, ...] = (None, [], {})


def differing(wanted: Mapping[str, Any], found: Mapping[str, Any], filled: Set[str], at: str = "") -> list[str]:
    """The fields, with dots, in which two specs differ. ``filled`` are those that may be missing in what is wanted,
    because SageMaker fills them in.
    """
    return [
        name
        for field in sorted({*wanted, *found})
        for name in _differing(wanted.get(field), found.get(field), filled, f"{at}{field}")
    ]


def _differing(wanted: Any, found: Any, filled: Set[str], at: str) -> list[str]:
    if wanted in _NOTHING and (found in _NOTHING or at in filled):
        return []
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return differing(wanted, found, filled, f"{at}.")
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = zip(wanted, found, strict=True)
        return [name for one, other in pairs for name in _differing(one, other, filled, at)]
    return [] if wanted == found else [at]


def at(spec: Mapping[str, Any], path: str) -> Any:
    """The value at a path with dots; None where there is none."""
    value: Any = spec
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def nested(path: str, value: Any) -> dict[str, Any]:
    """An object that has a value at a path with dots, and nothing else."""
    head, _, rest = path.partition(".")
    return {head: nested(rest, value) if rest else value}

"""Sets of field paths, as server-side apply keeps them in ``metadata.managedFields``.

A path is a tuple of elements in the notation of FieldsV1: ``f:<name>`` a member, ``k:<keys>`` an item of a list of type
map, ``v:<value>`` an item of a list of type set. A list of any other type is one leaf. The rules are those of the
structured merge of Kubernetes: which paths a change adds, removes and modifies, and which an applied configuration
names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from airflow_ack_sagemaker.sandbox.apiserver.resource import Schema

Path = tuple[str, ...]
Paths = frozenset[Path]


class _Missing:
    """The type of MISSING."""


MISSING: Final = _Missing()
"""No value at all, which null is not."""


class UntypedError(Exception):
    """A value does not have the shape that the schema gives it; the message names the path."""


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _member(schema: Schema | None, key: str) -> tuple[Schema | None, bool]:
    """The schema of a member, and whether it is a declared field (not just any key of a map)."""
    if schema is None:
        return None, False
    if key in (properties := schema.get("properties", {})):
        return properties[key], True
    extra = schema.get("additionalProperties")
    return (extra if isinstance(extra, dict) else None), False


def _shape(schema: Schema | None, *values: Any) -> str:
    """How a value is merged: ``map`` (by member), ``set`` or ``items`` (by item), or ``leaf`` (as a whole)."""
    kind = (schema or {}).get("type")
    if schema is None or kind is None:
        return "map" if all(isinstance(value, dict) for value in values if value is not MISSING) else "leaf"
    if kind == "object":
        return "leaf" if schema.get("x-kubernetes-map-type") == "atomic" else "map"
    if kind == "array":
        return {"set": "set", "map": "items"}.get(schema.get("x-kubernetes-list-type", "atomic"), "leaf")
    return "leaf"


def _entries(shape: str, schema: Schema | None, value: Any) -> dict[str, tuple[Any, Schema | None]]:
    """The parts of a value that is merged by part: element -> (value, schema)."""
    if shape == "map":
        if not isinstance(value, dict):
            return {}
        return {f"f:{key}": (member, _member(schema, key)[0]) for key, member in value.items()}
    if not isinstance(value, list) or schema is None:
        return {}
    items = schema.get("items")
    if shape == "set":
        return {f"v:{_compact(item)}": (item, items) for item in value}
    keys = schema.get("x-kubernetes-list-map-keys", [])
    named = [item if isinstance(item, dict) else {} for item in value]
    identities = [_compact({key: item.get(key) for key in keys}) for item in named]
    return {f"k:{identity}": (item, items) for identity, item in zip(identities, value, strict=True)}


@dataclass(slots=True)
class Comparison:
    """The paths by which one object differs from another."""

    added: set[Path] = field(default_factory=set)
    removed: set[Path] = field(default_factory=set)
    modified: set[Path] = field(default_factory=set)

    @property
    def same(self) -> bool:
        """Whether there is no difference."""
        return not (self.added or self.removed or self.modified)


def compare(old: Any, new: Any, schema: Schema | None) -> Comparison:
    """The difference between two objects of one schema."""
    found = Comparison()
    _compare(old, new, schema, (), found)
    return found


def _compare(old: Any, new: Any, schema: Schema | None, path: Path, found: Comparison) -> None:
    if old is new:
        return
    shape = _shape(schema, old, new)
    if shape != "leaf":
        before = _entries(shape, schema, old)
        after = _entries(shape, schema, new)
        if before or after:
            for element in before.keys() | after.keys():
                left, below = before.get(element, (MISSING, None))
                right, below = after.get(element, (MISSING, below))
                _compare(left, right, below, (*path, element), found)
            if old is MISSING:
                found.added.add(path)
            elif new is MISSING:
                found.removed.add(path)
            return
    if old is MISSING:
        found.added.add(path)
    elif new is MISSING:
        found.removed.add(path)
    elif old != new:
        found.modified.add(path)


def field_set(value: Any, schema: Schema | None) -> Paths:
    """The paths that a configuration names: its leaves, the keys of its maps, and its empty members."""
    found: set[Path] = set()
    _collect(value, schema, (), found)
    return frozenset(found)


def _collect(value: Any, schema: Schema | None, path: Path, found: set[Path]) -> None:
    shape = _shape(schema, value)
    if shape == "leaf":
        found.add(path)
        return
    for element, (part, below) in _entries(shape, schema, value).items():
        at = (*path, element)
        _collect(part, below, at, found)
        if shape != "map" or part is None or part == {} or not _member(schema, element[2:])[1]:
            found.add(at)


def check(value: Any, schema: Schema | None, path: str = "") -> Iterator[str]:
    """What keeps an applied configuration from being typed: unknown fields and values of another shape."""
    kind = (schema or {}).get("type")
    if schema is None or kind is None or value is None:
        return
    if kind == "object":
        if not isinstance(value, dict):
            yield f"{path}: expected map, got &{{{_go(value)}}}"
            return
        if schema.get("x-kubernetes-preserve-unknown-fields"):
            return
        for key, member in sorted(value.items()):
            below, declared = _member(schema, key)
            if below is None and not declared and schema.get("additionalProperties") is not True:
                yield f"{path}.{key}: field not declared in schema"
            else:
                yield from check(member, below, f"{path}.{key}")
    elif kind == "array":
        if not isinstance(value, list):
            yield f"{path}: expected list, got &{{{_go(value)}}}"
            return
        yield from _associated(value, schema, path)
        for index, item in enumerate(value):
            yield from check(item, schema.get("items"), f"{path}[{index}]")
    elif kind == "string" and not isinstance(value, str):
        yield f"{path}: expected string, got &value.valueUnstructured{{Value:{_go(value)}}}"
    elif kind in ("integer", "number") and (isinstance(value, bool) or not isinstance(value, (int, float))):
        yield f"{path}: expected numeric (int or float), got {_kind(value)}"
    elif kind == "boolean" and not isinstance(value, bool):
        yield f"{path}: expected boolean, got {_kind(value)}"


def _associated(items: list[Any], schema: Schema, path: str) -> Iterator[str]:
    """What keeps the items of a set, or of a list whose items have keys, from being told apart."""
    kind, names = schema.get("x-kubernetes-list-type"), sorted(schema.get("x-kubernetes-list-map-keys", ()))
    seen: dict[str, int] = {}
    for index, item in enumerate(items):
        if kind == "set" and item is None:
            yield f"{path}: element {index}: associative list without keys has an element that's an explicit null"
        elif kind == "set":
            seen[f"={json.dumps(item)}"] = seen.get(f"={json.dumps(item)}", 0) + 1
        elif kind == "map" and isinstance(item, dict) and item.keys() >= set(names):
            key = ",".join(f"{name}={json.dumps(item[name])}" for name in names)
            seen[key] = seen.get(key, 0) + 1
    yield from (f"{path}: duplicate entries for key [{key}]" for key, count in seen.items() if count > 1)


def _kind(value: Any) -> str:
    """The kind of a value, as Go names it."""
    kinds = {"str": "string", "bool": "boolean", "dict": "map", "list": "list", "int": "int", "float": "float"}
    return kinds.get(type(value).__name__, "null")


def _go(value: Any) -> str:
    """A value as Go prints it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_go(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(_go(item) for item in value) + "]"
    return "<nil>" if value is None else str(value)


def merge(live: Any, config: Any, schema: Schema | None) -> Any:
    """The live object with the configuration laid over it."""
    if live is MISSING:
        return config
    shape = _shape(schema, live, config)
    # Two that are empty are merged as wholes.
    if shape == "leaf" or not (live or config):
        return config
    if config is None:
        return live
    if shape == "map":
        result = dict(live) if isinstance(live, dict) else {}
        for key, member in config.items():
            result[key] = merge(result.get(key, MISSING), member, _member(schema, key)[0])
        return result
    before = _entries(shape, schema, live)
    after = _entries(shape, schema, config)
    parts = {element: part for element, (part, _) in before.items()}
    for element, (part, below) in after.items():
        parts[element] = merge(parts.get(element, MISSING), part, below)
    return [parts[element] for element in _merged_order(list(before), list(after))]


def _merged_order(live: list[str], config: list[str]) -> list[str]:
    """The order of the items of two lists: that of the configuration, and between its items those that only the live
    list has, as far as possible where they stand in that."""
    wanted, present = set(config), set(live)
    shared = [element for element in config if element in present]
    order: list[str] = []
    taken: set[str] = set()
    left = right = 0
    while left < len(live) or right < len(config):
        both = left < len(live) and right < len(config)
        if both and live[left] != config[right] and live[left] in wanted and shared and shared[0] != live[left]:
            left += 1  # the configuration has it elsewhere
            continue
        if left < len(live) and live[left] not in wanted:
            order.append(live[left])
            left += 1
            continue
        if left < len(live) and (live[left] in taken or live[left : left + 1] == config[right : right + 1]):
            left += 1
        if right < len(config):
            element = config[right]
            order.append(element)
            taken.add(element)
            right += 1
            if shared and shared[0] == element:
                del shared[0]
    return order


def remove(value: Any, paths: Iterable[Path], schema: Schema | None) -> Any:
    """The value without these paths; what is emptied by it becomes null."""
    tree: dict[str, Any] = {}
    for path in paths:
        node = tree
        for element in path:
            node = node.setdefault(element, {})
        node[""] = True
    return _remove(value, tree, schema) if tree else value


def _remove(value: Any, tree: dict[str, Any], schema: Schema | None) -> Any:
    shape = _shape(schema, value)
    if shape == "leaf":
        return value
    kept: dict[str, Any] = {}
    for element, (part, below) in _entries(shape, schema, value).items():
        branch = tree.get(element)
        if branch is None:
            kept[element] = part
        elif "" not in branch:
            rest = _remove(part, branch, below)
            kept[element] = rest
    # What was emptied becomes null, as in the structured merge of Kubernetes.
    if shape == "map":
        return {element[2:]: part for element, part in kept.items()} or None
    return list(kept.values()) or None


def with_named_parents(paths: Iterable[Path], schema: Schema | None) -> Paths:
    """The paths and those of their parents that are declared fields (and not keys of a map or items of a list)."""
    found = set(paths)
    for path in tuple(found):
        below = schema
        for depth, element in enumerate(path[:-1], start=1):
            if element.startswith("f:"):
                below, declared = _member(below, element[2:])
                if declared:
                    found.add(path[:depth])
            else:
                below = (below or {}).get("items")
    return frozenset(found)


def encode(paths: Iterable[Path]) -> dict[str, Any]:
    """The set in the notation of FieldsV1."""
    tree: dict[str, Any] = {}
    members = set(paths)
    for path in sorted(members, key=len):
        node = tree
        for depth, element in enumerate(path, start=1):
            if element not in node:
                node[element] = {}
            elif not node[element] and depth < len(path):
                # Until now a leaf and a member of the set itself: from here on a branch, marked by a dot.
                node[element]["."] = {}
            node = node[element]
    return tree


def decode(fields_v1: dict[str, Any]) -> Paths:
    """The set that FieldsV1 notes."""
    found: set[Path] = set()

    def walk(node: dict[str, Any], path: Path) -> None:
        if not node and path:
            found.add(path)
        for element, below in node.items():
            if element == ".":
                found.add(path)
            else:
                walk(below or {}, (*path, element))

    walk(fields_v1, ())
    return frozenset(found)

"""Who manages which field: ``metadata.managedFields`` through updates and server-side applies."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver import fields, lastapplied
from airflow_ack_sagemaker.sandbox.apiserver.errors import ApiFailure, Cause
from airflow_ack_sagemaker.sandbox.apiserver.fields import Path, Paths
from airflow_ack_sagemaker.sandbox.apiserver.resource import Schema

Object = dict[str, Any]

_UNMANAGED = frozenset(
    {
        ("f:apiVersion",),
        ("f:kind",),
        ("f:metadata",),
        *(
            ("f:metadata", f"f:{name}")
            for name in (
                "name",
                "namespace",
                "creationTimestamp",
                "selfLink",
                "uid",
                "clusterName",
                "generation",
                "managedFields",
                "resourceVersion",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
            )
        ),
    }
)
"""What the server itself manages, and no entry lists."""

_MAX_UPDATERS = 10
"""More Update entries than this are folded into one of the manager ``ancient-changes``."""


_BEFORE_FIRST_APPLY = "before-first-apply"
"""The manager of what an untracked object had before somebody applied it."""


@dataclass(frozen=True, slots=True)
class Manager:
    """Who writes: the field manager's name, by Update or Apply, to the object or to a subresource."""

    name: str
    operation: str
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one manager manages, and when that last changed (RFC 3339)."""

    paths: Paths
    time: str
    api_version: str


Entries = dict[Manager, Entry]


def decode(obj: Object) -> Entries:
    """The entries of an object."""
    entries: Entries = {}
    for item in obj.get("metadata", {}).get("managedFields") or ():
        if not item:
            continue
        manager = Manager(item.get("manager", ""), item.get("operation", "Update"), item.get("subresource", ""))
        entries[manager] = Entry(
            fields.decode(item.get("fieldsV1") or {}), item.get("time", ""), item.get("apiVersion", "")
        )
    return entries


def encode(entries: Entries) -> list[Object]:
    """The entries as they stand in ``metadata.managedFields``: applies first, then by time."""
    order = sorted(
        entries.items(), key=lambda pair: (pair[0].operation, pair[1].time, pair[0].name, pair[0].subresource)
    )
    encoded = []
    for manager, entry in order:
        item: Object = {
            "apiVersion": entry.api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": fields.encode(entry.paths),
            "manager": manager.name,
            "operation": manager.operation,
        }
        if manager.subresource:
            item["subresource"] = manager.subresource
        if entry.time:
            item["time"] = entry.time
        encoded.append(item)
    return encoded


def with_entries(obj: Object, entries: Entries) -> Object:
    """The object with these entries."""
    metadata = {key: value for key, value in obj.get("metadata", {}).items() if key != "managedFields"}
    if encoded := encode(entries):
        metadata["managedFields"] = encoded
    return {**obj, "metadata": metadata}


def _without(entries: Entries, changed: Iterable[Path], keep: Manager | None) -> Entries:
    """The entries after others' paths were taken over."""
    taken = frozenset(changed)
    result = {}
    for manager, entry in entries.items():
        rest = entry.paths if manager == keep else entry.paths - taken
        if rest:
            result[manager] = entry if len(rest) == len(entry.paths) else replace(entry, paths=rest)
    return result


def _fold(entries: Entries) -> Entries:
    updaters = [manager for manager in entries if manager.operation == "Update"]
    if len(updaters) <= _MAX_UPDATERS:
        return entries
    updaters.sort(key=lambda manager: (entries[manager].time, manager.name))
    old = updaters[: len(updaters) - _MAX_UPDATERS + 1]
    folded = frozenset().union(*(entries[manager].paths for manager in old))
    newest = entries[old[-1]]
    result = {manager: entry for manager, entry in entries.items() if manager not in old}
    result[Manager("ancient-changes", "Update", old[-1].subresource)] = replace(newest, paths=folded)
    return result


def update(live: Object | None, new: Object, schema: Schema, manager: Manager, api_version: str, now: str) -> Object:
    """The new object with its managed fields after an update (create, replace, patch) by this manager.

    Managed fields that the request itself changed are taken over, as kube-apiserver lets clients do. An object that has
    none is not tracked, until it is applied.
    """
    given = new["metadata"].get("managedFields")
    entries: Entries = {}
    if live is None:
        live = {"apiVersion": new["apiVersion"], "kind": new["kind"], "metadata": {}}
        # Parts of a built-in kind that are always there: nobody adds them.
        live |= {name: {} for name, below in schema["properties"].items() if below.get("default") == {}}
    else:
        entries = decode(new) if given else decode(live)
        if not entries:
            return with_entries(new, {})
    comparison = fields.compare(live, new, schema)
    changed = (comparison.added | comparison.modified) - _UNMANAGED
    entries = _without(entries, changed | comparison.removed, None)
    if changed:
        before = entries[manager].paths if manager in entries else frozenset()
        entries[manager] = Entry(before | changed, now, api_version)
    return with_entries(new, _fold(entries))


def apply(
    live: Object, config: Object, schema: Schema, manager: Manager, api_version: str, now: str, *, force: bool
) -> Object:
    """The live object after a server-side apply of the configuration.

    :raises ApiFailure: 409, other managers own fields to which the configuration gives other values, and ``force`` is
        not set; 500, the configuration does not fit the schema.
    """
    if problems := list(fields.check(config, schema)):
        text = problems[0] if len(problems) == 1 else "errors:\n" + "\n".join(f"  {problem}" for problem in problems)
        place = f"{config['metadata'].get('namespace', '')}/{config['metadata'].get('name', '')}"
        what = f"{config['apiVersion']}, Kind={config['kind']}"
        raise ApiFailure(500, "", f"failed to create typed patch object ({place}; {what}): {text}")
    if "uid" in live["metadata"] and not decode(live):
        before_first = Manager(_BEFORE_FIRST_APPLY, "Update")
        tracked = {key: value for key, value in live.items() if key != "status"}
        metadata = update(None, tracked, schema, before_first, api_version, now)["metadata"]
        live = {**live, "metadata": metadata}
    entries = decode(live)
    last = entries[manager].paths if manager in entries else frozenset()
    applied = frozenset(fields.field_set(config, schema) - _UNMANAGED)
    merged = fields.merge(live, config, schema)
    others = frozenset().union(*(entry.paths for other, entry in entries.items() if other != manager))
    new = _prune(merged, last, applied | others, schema)
    comparison = fields.compare(live, new, schema)
    changed = (comparison.added | comparison.modified) - _UNMANAGED
    if not force:
        _refuse(entries, manager, changed, lastapplied.own_paths(live, schema, manager.name))
    # An apply that changes no value keeps the time of its entry; a new entry then has none.
    before = entries[manager].time if manager in entries else ""
    time = before if comparison.same else now
    entries[manager] = Entry(applied, time, api_version)
    entries = _without(entries, changed | comparison.removed, manager)
    return with_entries(lastapplied.noted_again(live, new, config, manager.name), entries)


def _prune(merged: Object, last: Paths, managed: Paths, schema: Schema) -> Object:
    """The merged object without the fields that the manager applied last time, and that nobody names now."""
    if last <= managed:
        return merged
    dropped = fields.with_named_parents(last, schema)
    everything = fields.with_named_parents(fields.field_set(merged, schema), schema)
    rest = fields.remove(merged, dropped, schema)
    kept = fields.with_named_parents(fields.field_set(rest, schema), schema)
    kept |= fields.with_named_parents(managed, schema)
    rest = fields.remove(merged, everything - kept, schema)
    # What hangs below a removed field, but was never this manager's, stays.
    left = fields.with_named_parents(fields.field_set(rest, schema), schema)
    pruned: Object = fields.remove(merged, (everything - left) & dropped, schema)
    return pruned


def _dotted(path: Path) -> str:
    parts = []
    for element in path:
        mark, text = element[:2], element[2:]
        if mark == "f:":
            parts.append(f".{text}")
        elif mark == "v:":
            parts.append(f"[={text}]")
        else:
            keys = ",".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in json.loads(text).items())
            parts.append(f"[{keys}]")
    return "".join(parts)


def _refuse(entries: Entries, manager: Manager, changed: Iterable[Path], allowed: Paths) -> None:
    wanted = frozenset(changed)
    open_conflict = False
    conflicts: list[tuple[str, list[str]]] = []
    for other, entry in entries.items():
        if other != manager and (contested := entry.paths & wanted):
            open_conflict = open_conflict or not contested <= allowed
            title = f'"{other.name}"'
            if other.subresource:
                title += f' with subresource "{other.subresource}"'
            if other.operation == "Update":
                title += f" using {entry.api_version}"
            conflicts.append((title, sorted(_dotted(path) for path in contested)))
    if not open_conflict:
        return
    conflicts.sort()
    count = sum(len(paths) for _, paths in conflicts)
    if count == 1:
        said = f"conflict with {conflicts[0][0]}: {conflicts[0][1][0]}"
    else:
        said = "conflicts with " + "\nconflicts with ".join(
            f"{title}:\n" + "\n".join(f"- {path}" for path in paths) for title, paths in conflicts
        )
    causes = [
        Cause("FieldManagerConflict", f"conflict with {title}", path).as_dict()
        for title, paths in conflicts
        for path in paths
    ]
    raise ApiFailure(
        409,
        "Conflict",
        f"Apply failed with {count} conflict{'' if count == 1 else 's'}: {said}",
        details={"causes": causes},
    )

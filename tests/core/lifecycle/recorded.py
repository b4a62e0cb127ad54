"""Endpoints as the real controller wrote them (tests/sandbox/recordings/lifecycle.jsonl), for the tests here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDING = Path(__file__).parents[2] / "sandbox/recordings/lifecycle.jsonl"


def objects(situation: str, name: str) -> list[dict[str, Any]]:
    """The states of one object in a situation, in order, as the API server gives them."""
    found = [
        _as_served(line)
        for line in map(json.loads, RECORDING.read_text().splitlines())
        if line["situation"] == situation and line.get("name") == name and line.get("object")
    ]
    assert found, f"nothing of {name} was recorded in {situation!r}"
    return found


def _as_served(line: dict[str, Any]) -> dict[str, Any]:
    recorded = line["object"]
    entries = [
        {
            **{key: value for key, value in entry.items() if key != "spec"},
            "fieldsV1": {"f:spec": {f"f:{name}": {} for name in entry["spec"]}} if entry.get("spec") else {},
        }
        for entry in recorded["metadata"]["managedFields"]
    ]
    metadata = {"namespace": "ml", "uid": "u-1", **recorded["metadata"], "managedFields": entries}
    return {**recorded, "kind": line["kind"], "metadata": metadata, "status": recorded.get("status") or {}}

"""What has changed between the definitions of two executions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from airflow_ack_sagemaker.core.pages.executions import Row
from airflow_ack_sagemaker.core.pages.line_diff import unified
from airflow_ack_sagemaker.core.pages.masking import Masker, masked

MAX_LINES = 2_000
"""Lines of a difference that are shown."""
MAX_LINE = 2_000
"""Characters of a line of it that are shown: a value may be a document of its own."""
_CONTEXT = 3
_INDENTED = 20
"""Levels that are indented: a definition has a dozen, but may have hundreds."""
_text = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Difference:
    """``same`` is None where it is not known; ``diff`` is a unified difference of pretty JSON; ``note`` says what else
    there is to say.
    """

    same: bool | None
    diff: str | None = None
    note: str | None = None


def previous_of(row: Row, rows: Sequence[Row]) -> Row | None:
    """The execution of the same pipeline that was created last before this one."""
    before = [
        other
        for other in rows
        if (other.namespace, other.pipeline) == (row.namespace, row.pipeline)
        and (other.created, other.name) < (row.created, row.name)
    ]
    return max(before, key=lambda other: (other.created, other.name), default=None)


def by_digest(before: str | None, after: str | None, why: str) -> Difference:
    """The answer from the digests alone. ``why`` says why the texts are not known."""
    if before is None or after is None:
        return Difference(None, note=f"The definitions cannot be compared: a digest is missing. {why}")
    if before == after:
        return Difference(True)
    return Difference(False, note=f"The definitions differ; what has changed cannot be shown. {why}")


def difference(before: str, after: str, masker: Masker, names: tuple[str, str]) -> Difference:
    """What has changed between two definitions, with secrets masked.

    :param names: what the two are called.
    """
    try:
        old, new = json.loads(before), json.loads(after)
        # For Python, 1 and 1.0 and true are equal.
        same = old == new and json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)
    except (ValueError, RecursionError):
        return Difference(before == after, note="A definition is not JSON, so what has changed is not shown.")
    if same:
        return Difference(True)
    found = unified(_pretty(masked(old, masker)), _pretty(masked(new, masker)), names, _CONTEXT)
    lines = [_cut(line) for line in islice(found, MAX_LINES + 1)]
    if not lines:
        return Difference(False, note="The definitions differ only in values that are masked.")
    note = f"Cut after {MAX_LINES} lines." if len(lines) > MAX_LINES else None
    return Difference(False, "\n".join(lines[:MAX_LINES]), note)


def _pretty(document: Any) -> list[str]:
    """The lines of ``json.dumps(indent=2)``, which takes as long for each value as that is deep, and makes as much of
    it: a megabyte was minutes.
    """
    lines: list[str] = []
    _write(document, 0, "", "", lines)
    return lines


def _write(value: Any, depth: int, before: str, after: str, lines: list[str]) -> None:
    indent = "  " * min(depth, _INDENTED)
    if isinstance(value, dict) and value:
        lines.append(f"{indent}{before}{{")
        last = len(value) - 1
        for number, key in enumerate(sorted(value)):
            _write(value[key], depth + 1, f"{_text(key)}: ", "" if number == last else ",", lines)
        lines.append(f"{indent}}}{after}")
    elif isinstance(value, list) and value:
        lines.append(f"{indent}{before}[")
        last = len(value) - 1
        for number, item in enumerate(value):
            _write(item, depth + 1, "", "" if number == last else ",", lines)
        lines.append(f"{indent}]{after}")
    else:
        lines.append(f"{indent}{before}{_text(value)}{after}")


def _cut(line: str) -> str:
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}… ({len(line):,} characters)"

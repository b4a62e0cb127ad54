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
        same = old == new
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
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).split("\n")


def _cut(line: str) -> str:
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}… ({len(line):,} characters)"

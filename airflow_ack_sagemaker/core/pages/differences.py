"""What has changed between the definitions of two executions."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.pages.executions import Row
from airflow_ack_sagemaker.core.pages.masking import Masker, masked

MAX_LINES = 2_000
"""Lines of a difference that are shown."""
_MOST = 3_000
"""Lines, between what both begin and end with, that are compared: it takes the square of them."""
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
    except (ValueError, RecursionError):
        return Difference(before == after, note="A definition is not JSON, so what has changed is not shown.")
    if old == new:
        return Difference(True)
    lines, cut = _compared(_pretty(masked(old, masker)), _pretty(masked(new, masker)), names)
    if lines is None:
        return Difference(False, note="The definitions differ in too much to be shown.")
    if not lines:
        return Difference(False, note="The definitions differ only in values that are masked.")
    note = f"Cut after {MAX_LINES} lines." if cut else None
    return Difference(False, "\n".join(lines), note)


def _pretty(document: Any) -> list[str]:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).split("\n")


def _compared(old: list[str], new: list[str], names: tuple[str, str]) -> tuple[list[str] | None, bool]:
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    if max(len(old), len(new)) - start - end > _MOST:
        return None, False
    first = max(start - _CONTEXT, 0)
    last = max(end - _CONTEXT, 0)
    part_old, part_new = old[first : len(old) - last], new[first : len(new) - last]
    found: list[str] = []
    for line in difflib.unified_diff(part_old, part_new, *names, lineterm="", n=_CONTEXT):
        if len(found) == MAX_LINES:
            return found, True
        found.append(_moved(line, first) if line.startswith("@@") else line)
    return found, False


def _moved(line: str, by: int) -> str:
    """A hunk's header, counted from the beginning of the whole text."""
    _, old, new, _ = line.split(" ", 3)
    return f"@@ {_shifted(old, by)} {_shifted(new, by)} @@"


def _shifted(range_: str, by: int) -> str:
    start, comma, length = range_[1:].partition(",")
    return f"{range_[0]}{int(start) + by}{comma}{length}"

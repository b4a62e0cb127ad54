"""What a command prints: the same rows as a table for people, and as JSON, YAML or names for programs.

JSON and YAML are one list of objects, or one object where one thing was asked for; docs/cli.md names their fields.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from enum import StrEnum
from typing import Annotated, Any

import typer

from airflow_ack_sagemaker.cli.terminal import coloured
from airflow_ack_sagemaker.core.printable import printable

Row = Mapping[str, Any]


class Output(StrEnum):
    """The form of a result."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Form of the result.")]

_STYLES = {"Succeeded": "green", "Failed": "red", "Refused": "red", "Retrying": "yellow", "InProgress": "cyan"}
_TABLE_TEXT = 120
"""Characters of one cell; JSON has it whole."""


def show_rows(rows: Sequence[Row], columns: Mapping[str, str], output: Output, *, empty: str = "") -> None:
    """Print rows.

    :param columns: heading -> member of a row, for the table.
    :param empty: said on stderr instead of a table without rows.
    """
    if output is Output.TABLE:
        if rows:
            _table(rows, columns)
        elif empty:
            print(empty, file=sys.stderr)
    elif output is Output.NAME:
        for row in rows:
            print(row["resource"] if "resource" in row else row["name"])
    else:
        dump([dict(row) for row in rows], output)


def dump(value: Any, output: Output) -> None:
    """Print a value as JSON or YAML (the table's form is YAML, too: there is no table of a single object)."""
    if output is Output.JSON:
        print(json.dumps(value, indent=2, ensure_ascii=False, default=str))
    else:
        sys.stdout.write(yaml_text(value))


def dump_manifests(manifests: Sequence[Row], output: Output) -> None:
    """Print what a dry run would write, or has had checked: one object, or a list of several; as YAML one document
    each (also for people), which kubectl takes.
    """
    if output is Output.NAME:
        for one in manifests:
            print(f"{str(one['kind']).lower()}/{one['metadata']['name']}")
    elif output is Output.JSON:
        dump(manifests[0] if len(manifests) == 1 else list(manifests), output)
    else:
        sys.stdout.write("---\n".join(yaml_text(dict(one)) for one in manifests))


def yaml_text(value: Any) -> str:
    """The value as YAML, members in their order."""
    import yaml

    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120)
    # What a terminal would obey has to be within quotes, as an escape that is read as what it was.
    if printable(text) != text:
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=False, width=120)
    return text


def age(text: object) -> str:
    """How long ago a time of the API server was, in kubectl's manner: 5s, 12m, 3h, 9d."""
    from airflow_ack_sagemaker.core.resource.times import time_or_none

    time = time_or_none(text)
    if time is None:
        return ""
    return lasted((datetime.now(timezone.utc) - time).total_seconds())


def lasted(seconds: float | None) -> str:
    """A duration in kubectl's manner."""
    if seconds is None:
        return ""
    seconds = max(int(seconds), 0)
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _table(rows: Sequence[Row], columns: Mapping[str, str]) -> None:
    texts = [[_cell(row.get(member)) for member in columns.values()] for row in rows]
    if not sys.stdout.isatty():
        # For a pipe: nothing is cut or wrapped, and nothing has a colour.
        widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
        for line in [list(columns), *texts]:
            print("   ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in columns:
        table.add_column(heading, overflow="fold")
    for line in texts:
        table.add_row(*(Text(text, style=_STYLES.get(text, "")) for text in line))
    Console(file=coloured(sys.stdout)).print(table)


def _cell(value: Any) -> str:
    if value is None or value == "":
        return ""
    text = printable(" ".join(str(value).split()))
    return text if len(text) <= _TABLE_TEXT else f"{text[: _TABLE_TEXT - 1]}…"

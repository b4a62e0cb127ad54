"""docs/chaos.md: a section for each long form, each written by its own run alone."""

from __future__ import annotations

import importlib.metadata
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "chaos.md"
TITLE = "# One execution per run, whatever dies"
SECTIONS = ("While everything dies", "While everything dies and is edited")
"""In the order of the document."""

Row = tuple[str, Sequence[object]]


def section(heading: str, *paragraphs: str) -> str:
    """A section; paragraphs of prose are filled, tables are left as they are."""
    blocks = [
        block if block.startswith("|") else textwrap.fill(block, 120, break_on_hyphens=False, break_long_words=False)
        for block in paragraphs
    ]
    return "\n\n".join([f"## {heading}", *blocks])


def table(head: Sequence[str], rows: Sequence[Row]) -> str:
    """A table whose first column are labels, and all others figures."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *([label, *map(str, cells)] for label, cells in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def happened_table(label: str, names: Sequence[str], happened: Sequence[Counter[str]]) -> str:
    """How often each thing has happened, in each run."""
    kinds = sorted({kind for counter in happened for kind in counter})
    return table([label, *names], [(kind, [counter.get(kind, 0) for counter in happened]) for kind in kinds])


def versions() -> str:
    """Of what they ran on."""
    names = ("apache-airflow", "apache-airflow-providers-amazon", "apache-airflow-providers-celery")
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def with_section(document: str, new: str) -> str:
    """The document with a section in the place of the one of its heading; the others stay as they are."""
    found = {part.partition("\n")[0]: f"## {part.strip()}" for part in document.split("\n## ")[1:]}
    found[new.partition("\n")[0].removeprefix("## ")] = new.strip()
    return "\n\n".join([TITLE, *(found[heading] for heading in SECTIONS if heading in found)]) + "\n"


def write(new: str) -> None:
    """Put a section into docs/chaos.md."""
    DOCUMENT.write_text(with_section(DOCUMENT.read_text(), new))

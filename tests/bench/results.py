"""Results in words: tables, bounds, and the page under docs/ that keeps them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

OUTPUT = Path(os.environ.get("BENCH_OUTPUT") or ".bench")
"""Where charts go, and tables, too, if a page `benchmarks.md` with their places is there."""


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def seconds(value: float) -> str:
    """A duration, readable from milliseconds to minutes."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table that is also readable as text: the first column is left-aligned, numbers are right-aligned."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def text(line: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if not at else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = ["-" * width if not at else "-" * (width - 1) + ":" for at, width in enumerate(widths)]
    return "\n".join([f"**{title}**", "", text(head), text(rule), *map(text, rows)])


def bound(what: str, value: float, limit: float, unit: str, *, at_least: bool = False) -> str:
    """Whether a value is within its bound, in words."""
    held = value >= limit if at_least else value <= limit
    word = "at least" if at_least else "at most"
    return f"- {what}: {value:.4g} {unit}; bound: {word} {limit:g} {unit}: {'held' if held else 'NOT HELD'}"


def publish(name: str, *parts: str) -> None:
    """Print a benchmark's result, and put it into its place in the page."""
    text = "\n\n".join(parts)
    print(f"\n{text}\n", flush=True)
    page = OUTPUT / "benchmarks.md"
    if page.exists():
        place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        page.write_text(place.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page.read_text()))

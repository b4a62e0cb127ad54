"""A definition's steps as a picture: plain text, a Mermaid flowchart, or an SVG."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.definition.parse import Definition

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 190, 46, 60, 18, 16
_LETTER = 7.2
"""Width of a letter of the SVG's font."""


def as_text(definition: Definition) -> str:
    """One line a step, in an order in which they may run: what it is, and what it waits for."""
    steps = {step.name: step for step in definition.steps}
    branches = _branches(definition)
    width = max((len(name) for name in steps), default=0)
    lines = []
    for name in definition.graph.order():
        step = steps[name]
        before = ", ".join(definition.graph.dependencies(name))
        condition, branch = branches.get(name, ("", ""))
        notes = [f"after {before}"] if before else ["at once"]
        notes += [f"if {condition} is {'met' if branch == 'if' else 'not met'}"] if condition else []
        lines.append(f"{name.ljust(width)}   {step.type:<14} {'; '.join(notes)}".rstrip())
    return "\n".join(lines) + "\n"


def as_mermaid(definition: Definition) -> str:
    """A flowchart for Markdown pages (GitHub, GitLab, Confluence draw it)."""
    identifiers = {step.name: f"s{index}" for index, step in enumerate(definition.steps)}
    branches = _branches(definition)
    lines = ["flowchart LR"]
    for step in definition.steps:
        label = f'"{_entity(step.name)}<br/>{_entity(step.type)}"'
        shape = f"{{{label}}}" if step.type == "Condition" else f"[{label}]"
        lines.append(f"    {identifiers[step.name]}{shape}")
    for source, target in definition.graph.edges:
        condition, branch = branches.get(target, ("", ""))
        arrow = f"-->|{branch}|" if condition == source else "-->"
        lines.append(f"    {identifiers[source]} {arrow} {identifiers[target]}")
    return "\n".join(lines) + "\n"


def as_svg(definition: Definition) -> str:
    """A picture of its own: columns from left to right, a step in the one after the last that it waits for."""
    longest = max((len(step.name) for step in definition.steps), default=0)
    width = max(_WIDTH, round(longest * _LETTER) + 20)
    places: dict[str, tuple[int, int]] = {}
    levels = definition.graph.levels()
    for column, names in enumerate(levels):
        for row, name in enumerate(names):
            places[name] = (_MARGIN + column * (width + _GAP_X), _MARGIN + row * (_HEIGHT + _GAP_Y))
    rows = max((len(names) for names in levels), default=0)
    size_x = 2 * _MARGIN + len(levels) * (width + _GAP_X) - _GAP_X
    size_y = 2 * _MARGIN + rows * (_HEIGHT + _GAP_Y) - _GAP_Y
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size_x} {size_y}" width="{size_x}" height="{size_y}" '
        'font-family="ui-monospace, monospace" font-size="12">',
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#555"/></marker></defs>',
        f'<rect width="{size_x}" height="{size_y}" fill="#fff"/>',
    ]
    branches = _branches(definition)
    for source, target in definition.graph.edges:
        (left, top), (right, bottom) = places[source], places[target]
        start, end = (left + width, top + _HEIGHT // 2), (right, bottom + _HEIGHT // 2)
        middle = end[0] - _GAP_X // 2
        parts.append(
            f'<path d="M{start[0]} {start[1]}C{middle} {start[1]} {middle} {end[1]} {end[0]} {end[1]}" fill="none" '
            'stroke="#555" marker-end="url(#arrow)"/>'
        )
        condition, branch = branches.get(target, ("", ""))
        if condition == source:
            parts.append(f'<text x="{end[0] - 32}" y="{end[1] - 5}" fill="#555">{branch}</text>')
    for step in definition.steps:
        x, y = places[step.name]
        parts.append(
            f'<g><rect x="{x}" y="{y}" width="{width}" height="{_HEIGHT}" rx="6" fill="#eef4fb" stroke="#4a7ab5"/>'
            f'<text x="{x + 10}" y="{y + 19}" font-weight="bold">{escape(step.name)}</text>'
            f'<text x="{x + 10}" y="{y + 36}" fill="#555">{escape(step.type)}</text></g>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _branches(definition: Definition) -> Mapping[str, tuple[str, str]]:
    return {step: key for key, steps in definition.graph.branches.items() for step in steps}


def _entity(text: str) -> str:
    """Text inside a Mermaid label in quotes."""
    return escape(text).replace("&#x27;", "'").replace("&quot;", "#quot;")

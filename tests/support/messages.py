"""Which messages the package says: its texts, with holes where a value stands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import airflow_ack_sagemaker

_PACKAGE = Path(str(airflow_ack_sagemaker.__file__)).parent
_HOLE = "\0"
_ANY_VALUE = re.compile(r"\b(?:NAME|PIPELINE|STATUS|TASK)\b")
_FEW = 6
"""Fewer letters between two holes say nothing."""


def said_in_the_code(message: str) -> bool:
    """Whether the package has a text with these words.

    :param message: a whole message, or a part of it; ``NAME``, ``PIPELINE``, ``STATUS`` and ``TASK`` stand for any
        value.
    """
    wanted = _ANY_VALUE.sub(_HOLE, " ".join(message.split()))
    return any(wanted in text for text in _texts()) or any(
        pattern.fullmatch(" ".join(message.split())) for pattern in _patterns()
    )


@cache
def _texts() -> frozenset[str]:
    return frozenset(" ".join(text.split()) for path in _PACKAGE.rglob("*.py") for text in _said(path))


def _said(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else _HOLE for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"%(?:\.\d+)?[sdfr]", _HOLE, node.value)


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """Of each text with holes: the text itself, and without what leads to its first words."""
    found = []
    for text in _texts():
        if _HOLE not in text:
            continue
        for each in {text, re.sub(rf"^{_HOLE}[:,] ", "", text)}:
            if max(map(len, each.split(_HOLE))) >= _FEW:
                found.append(re.compile(".*".join(map(re.escape, each.split(_HOLE)))))
    return tuple(found)

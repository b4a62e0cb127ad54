"""Many secrets in one text: found in a time that does not grow with their number."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from airflow_ack_sagemaker.core.pages.secret_shapes import MASK

SHORTEST = 5
"""Characters of the shortest secret that is looked for, as in Airflow: a shorter one would hide parts of words."""
_NEVER = frozenset({"airflow", "false", "admin", "default"})


class SecretTexts:
    """A set of secrets."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.texts = frozenset(
            form for text in texts if len(text) >= SHORTEST and text.lower() not in _NEVER for form in _forms(text)
        )
        self._by_head: dict[str, dict[int, set[str]]] = {}
        for text in self.texts:
            self._by_head.setdefault(text[:SHORTEST], {}).setdefault(len(text), set()).add(text)

    def hidden(self, text: str) -> str:
        """The text with a mask for each of them, the longest where several fit."""
        heads = self._by_head
        if not heads:
            return text
        pieces: list[str] = []
        done = 0
        for start in range(len(text) - SHORTEST + 1):
            if start < done or (lengths := heads.get(text[start : start + SHORTEST])) is None:
                continue
            found = [length for length, texts in lengths.items() if text[start : start + length] in texts]
            if found:
                pieces += (text[done:start], MASK)
                done = start + max(found)
        return "".join((*pieces, text[done:])) if done else text


def _forms(text: str) -> Iterator[str]:
    """How a secret may be written in a text: as it is, in a URL, in JSON."""
    printable = text.encode("utf-8", "replace").decode()
    yield from {text, quote(printable, safe=""), quote_plus(printable), json.dumps(text)[1:-1]}


def strings_in(value: Any, depth: int = 0) -> Iterator[str]:
    """The strings of a document, numbers as texts included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth < 50:
        for item in value.values():
            yield from strings_in(item, depth + 1)
    elif isinstance(value, list) and depth < 50:
        for item in value:
            yield from strings_in(item, depth + 1)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)

"""What kube-apiserver warns of, as headers of its answer (``NewWarningHeader`` of apimachinery 0.37, and
apiserver's recorder)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_ALL, _ONE = 4_096, 256
"""Characters of all warnings, beyond which each is cut to so many."""


def warning_headers(texts: Iterable[str]) -> list[bytes]:
    """A header for each text, once. One with a control character or half a character is left out."""
    fit = [text for text in dict.fromkeys(texts) if text and _is_sent(text)]
    if sum(map(len, fit)) > _ALL:
        fit = _cut(fit)
    return [_quoted(text) for text in fit]


def _cut(texts: Iterable[str]) -> list[str]:
    kept: list[str] = []
    written = 0
    for text in texts:
        if written >= _ALL:
            break
        kept.append(text[:_ONE])
        written += len(kept[-1])
    return kept


def _is_sent(text: str) -> bool:
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def _quoted(text: str) -> bytes:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{escaped}"'.encode()

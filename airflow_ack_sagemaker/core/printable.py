"""Text of others, for a terminal and for messages."""

from __future__ import annotations

import re

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""All but tab and line end: a terminal takes them for commands, or for the direction of what follows."""

QUOTED = 200
"""Characters that a message takes of one value."""


def printable(text: str) -> str:
    """The text with what a terminal would obey written out, as ``\\u001b``: in JSON that is read as what it was."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def cut(text: str) -> str:
    """The text, or its beginning: how long a message is, is not for others to say."""
    return text if len(text) <= QUOTED else f"{text[:QUOTED]}..."


def quoted(text: str) -> str:
    """The text, or its beginning, in quotes."""
    return repr(text) if len(text) <= QUOTED else f"{text[:QUOTED]!r}..."

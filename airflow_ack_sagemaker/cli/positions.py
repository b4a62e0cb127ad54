"""Line and column of a JSON pointer in a text: editors and CI jump to a place, and do not know pointers."""

from __future__ import annotations

import json
import re

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^\s,\]}]+")


def positions(text: str) -> dict[str, tuple[int, int]]:
    """Pointer -> (line, column) of each value, both from 1; "" is the whole document.

    :param text: JSON that was already read successfully. Of a name that stands twice, the last counts.
    """
    found: dict[str, int] = {}
    # A frame is an object or a list that is open: its pointer, and the index of its next item (None: an object).
    frames: list[tuple[str, int | None]] = []
    at, pointer = 0, ""
    while True:
        at = _skip(text, at)
        found[pointer] = at
        opening = text[at : at + 1]
        if opening in ("{", "["):
            frames.append((pointer, None if opening == "{" else 0))
            at = _skip(text, at + 1)
        else:
            match = (_STRING if opening == '"' else _SCALAR).match(text, at)
            if match is None:
                return _counted(text, found)
            at = _skip(text, match.end())
        while frames and text[at : at + 1] in ("}", "]"):
            frames.pop()
            at = _skip(text, at + 1)
        if not frames:
            return _counted(text, found)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        parent, index = frames[-1]
        if index is not None:
            frames[-1] = (parent, index + 1)
            pointer = f"{parent}/{index}"
            continue
        name = _STRING.match(text, at)
        if name is None:
            return _counted(text, found)
        key = json.loads(name.group(), strict=False)
        pointer = f"{parent}/{key.replace('~', '~0').replace('/', '~1')}"
        at = _skip(text, name.end()) + 1


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _counted(text: str, found: dict[str, int]) -> dict[str, tuple[int, int]]:
    places: dict[str, tuple[int, int]] = {}
    line, begin, last = 1, 0, 0
    for pointer, at in sorted(found.items(), key=lambda item: item[1]):
        line += text.count("\n", last, at)
        begin = text.rfind("\n", 0, at) + 1
        places[pointer] = (line, at - begin + 1)
        last = at
    return places


def place_of(pointer: str, places: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """Where a pointer's value stands; of one that is not there (a missing member), where its parent does."""
    while pointer and pointer not in places:
        pointer = pointer.rpartition("/")[0]
    return places.get(pointer, (1, 1))

"""What the doctor says: a line for each thing that was looked at, whatever came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What came of a check."""

    OK = "ok"
    PROBLEM = "problem"
    UNCHECKED = "unchecked"
    """It could not be looked at, and should have been."""
    SKIPPED = "skipped"
    """It could not be looked at, and nothing depends on it."""


@dataclass(frozen=True, slots=True)
class Line:
    """``check`` names what was looked at, ``todo`` says what a person can do ("" where there is nothing to do).

    ``fixable`` tells what ``doctor --fix`` does by itself.
    """

    check: str
    level: Level
    what: str
    where: str = ""
    todo: str = ""
    fixable: bool = False


def worst(lines: Sequence[Line]) -> Level:
    """The level of all of them together."""
    levels = {line.level for line in lines}
    return next((level for level in (Level.PROBLEM, Level.UNCHECKED) if level in levels), Level.OK)


def unseen(lines: Sequence[Line]) -> int:
    """How many of them could not be looked at."""
    return sum(line.level in (Level.UNCHECKED, Level.SKIPPED) for line in lines)

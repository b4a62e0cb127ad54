"""What is wrong with a definition, and where: problems with JSON pointers, gathered before anything is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple, TypeAlias

from airflow_ack_sagemaker.core.errors import AckError

SHOWN = 10
"""How many problems the text of an error lists, and how many warnings a definition keeps; the others are counted."""

MAX_MESSAGE = 600
"""Characters of one message: names and values of a definition may be a million characters long."""

_MAX_TOKEN = 100
_MAX_SUGGESTED = 128

Path: TypeAlias = "tuple[Path, str | int] | None"
"""A place in a document, as a chain of (parent, key). Rendering a pointer costs more than walking on, so it is done
only on demand."""


def cut(text: str, limit: int = MAX_MESSAGE) -> str:
    """A text of at most ``limit`` characters."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def listed(names: Iterable[object], limit: int = 20) -> str:
    """Names as a message can carry them: the first ones, each cut, or "none"."""
    shown = [cut(str(name), _MAX_TOKEN) for name in islice(names, limit + 1)]
    return ", ".join([*shown[:limit], "..."] if len(shown) > limit else shown) or "none"


def pointer_of(path: Path) -> str:
    """The JSON pointer (RFC 6901) of a place; the empty string is the whole document. Very long names are cut."""
    tokens: list[str] = []
    while path is not None:
        path, key = path
        tokens.append(cut(str(key), _MAX_TOKEN).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{token}" for token in reversed(tokens))


class Problem(NamedTuple):
    """One thing that is wrong (or doubtful): ``pointer`` is its JSON pointer (RFC 6901), ``message`` says what and what
    to do."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}" if self.pointer else self.message


class DefinitionError(AckError, ValueError):
    """A pipeline definition, or the values given to it, that must not be sent to SageMaker.

    ``problems`` holds every problem that was found, in document order as far as possible; ``source`` says where the
    text came from. The message lists the first ten.
    """

    def __init__(self, problems: Iterable[Problem], source: str) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.source = source
        # The arguments are those of this constructor, so that the error survives pickling between processes.
        super().__init__(self.problems, source)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return f"{self.source}: {self.problems[0]}"
        lines = [f"{self.source}: {len(self.problems)} problems:"]
        lines += [f"- {problem}" for problem in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            lines.append(f"- and {len(self.problems) - SHOWN} more")
        return "\n".join(lines)


class Findings:
    """Problems and warnings, as they are found. Of the warnings the first are kept, the others are counted."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self._more_warnings = 0
        self._silenced: set[str] = set()

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The first warnings, and one that counts the others."""
        if not self._more_warnings:
            return tuple(self._warnings)
        more = Problem("", f"and {self._more_warnings:,} more warnings of such kinds.")
        return (*self._warnings, more)

    def problem(self, path: Path, message: str) -> None:
        """Note what must be refused."""
        pointer = pointer_of(path)
        if pointer not in self._silenced:
            self.problems.append(Problem(pointer, cut(message)))

    def warn(self, path: Path, message: str) -> None:
        """Note what is doubtful, but not sure to be refused."""
        if len(self._warnings) >= SHOWN:
            self._more_warnings += 1
        else:
            self._warnings.append(Problem(pointer_of(path), cut(message)))

    def silence(self, problems: Sequence[Problem]) -> None:
        """Add these and let them speak alone for their places: what follows from them would only be noise."""
        self.problems.extend(Problem(problem.pointer, cut(problem.message)) for problem in problems)
        self._silenced.update(problem.pointer for problem in problems)

    def suggestion(self, name: str, names: Iterable[str]) -> str:
        """`` Did you mean 'X'?`` for a name that is not among these, or the empty string.

        Only for names of a usual length, and while the findings are few enough to be shown: a search through thousands
        of names is slow.
        """
        if max(len(self.problems), len(self._warnings)) >= SHOWN or len(name) > _MAX_SUGGESTED:
            return ""
        from difflib import get_close_matches

        # A word in other case is the likeliest slip of all.
        known = {known.casefold(): known for known in names}
        close = get_close_matches(name.casefold(), list(known), n=1)
        return f" Did you mean {known[close[0]]!r}?" if close else ""


def quoted(value: object, limit: int = 80) -> str:
    """A value as a message can carry it: its repr, cut to ``limit`` characters."""
    # Of a long text only as much is written as is shown: a repr of all of it costs more than the whole check.
    return cut(repr(value[: limit + 1] if isinstance(value, str) else value), limit)

"""What is wrong with a definition, and where: problems with JSON pointers, gathered before anything is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from airflow_ack_sagemaker.core.errors import AckError

SHOWN = 10
"""How many problems the text of an error lists; the others are counted."""

Path: TypeAlias = "tuple[Path, str | int] | None"
"""A place in a document, as a chain of (parent, key). Rendering a pointer costs more than walking on, so it is done
only on demand."""


def pointer_of(path: Path) -> str:
    """The JSON pointer (RFC 6901) of a place; the empty string is the whole document."""
    tokens: list[str] = []
    while path is not None:
        path, key = path
        tokens.append(str(key).replace("~", "~0").replace("/", "~1"))
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
    """Problems and warnings, as they are found."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._silenced: set[str] = set()

    def problem(self, path: Path, message: str) -> None:
        """Note what must be refused."""
        pointer = pointer_of(path)
        if pointer not in self._silenced:
            self.problems.append(Problem(pointer, message))

    def warn(self, path: Path, message: str) -> None:
        """Note what is doubtful, but not sure to be refused."""
        self.warnings.append(Problem(pointer_of(path), message))

    def silence(self, problems: Sequence[Problem]) -> None:
        """Add these and let them speak alone for their places: what follows from them would only be noise."""
        self.problems.extend(problems)
        self._silenced.update(problem.pointer for problem in problems)

    def suggestion(self, name: str, names: Iterable[str]) -> str:
        """`` Did you mean 'X'?`` for a name that is not among these, or the empty string.

        Only while the problems are few enough to be shown: a search through thousands of names is slow.
        """
        if len(self.problems) >= SHOWN:
            return ""
        from difflib import get_close_matches

        close = get_close_matches(name, list(names), n=1)
        return f" Did you mean {close[0]!r}?" if close else ""


def quoted(value: object, limit: int = 80) -> str:
    """A value as a message can carry it: its repr, cut to ``limit`` characters."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."

"""The code blocks of the pages, with what their fences say.

A fence is ``` and a language, and may have attributes: ``not_run="why"`` where the tests cannot run the block,
``title="path"`` where it is a file. GitHub shows neither; the site shows the title. A block of ``text`` that follows a
block of ``bash`` is what that prints; ``...`` in it stands for anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

SHELL = ("docs/start.md", "docs/tutorial.md", "docs/testing.md", "docs/troubleshooting.md", "docs/scaling.md")
"""Pages whose blocks of ``bash`` are run: `make test-docs`, in the order of the page."""

_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a page: the line of its fence, its language and attributes, and its text."""

    page: str
    line: int
    language: str
    text: str
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def why_not(self) -> str | None:
        """Why it is not run; None: it is."""
        return self.attributes.get("not_run")


def blocks_of(page: Path) -> Iterator[Block]:
    """The blocks of a page, in its order."""
    written = page.read_text()
    for found in _FENCE.finditer(written):
        language, _, rest = found["info"].partition(" ")
        yield Block(
            page.relative_to(ROOT).as_posix(),
            written.count("\n", 0, found.start()) + 1,
            language,
            re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
            dict(_ATTRIBUTE.findall(rest)),
        )


BLOCKS = [block for page in PAGES for block in blocks_of(page)]

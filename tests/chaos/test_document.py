"""docs/chaos.md: a long form writes its own section and leaves the others alone."""

from __future__ import annotations

import pytest

from tests.chaos.document import SECTIONS, TITLE, section, table, with_section

DIES, EDITED = (section(heading, "As it was.", table(["", "a"], [("runs", [200])])) for heading in SECTIONS)


@pytest.mark.parametrize("begun", [[DIES, EDITED], [EDITED], []])
def test_a_section_takes_the_place_of_its_own(begun: list[str]) -> None:
    new = section(SECTIONS[0], "As it is now.")
    document = with_section("\n\n".join([TITLE, *begun]) + "\n", new)
    assert document == "\n\n".join([TITLE, new, *([EDITED] if EDITED in begun else [])]) + "\n"


def test_a_table_has_its_figures_to_the_right() -> None:
    assert table(["", "a", "b"], [("runs", [200, 7])]) == "|  | a | b |\n| --- | ---: | ---: |\n| runs | 200 | 7 |"

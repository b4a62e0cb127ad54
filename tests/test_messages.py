"""What the documentation quotes as a message is a message of the code: readers search for the words that they see."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.messages import said_in_the_code

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "troubleshooting.md").read_text()
_SYMPTOM = re.compile(r'^(?:### |\| )"(.+?)"', re.MULTILINE)
SYMPTOMS = _SYMPTOM.findall(PAGE)


@pytest.mark.parametrize("message", SYMPTOMS)
def test_each_symptom_is_said_by_the_code(message: str) -> None:
    assert said_in_the_code(message)


def test_all_quoted_words_are_looked_at() -> None:
    assert len(SYMPTOMS) == len(re.findall(r'^(?:###|\|) *"', PAGE, re.MULTILINE)) > 0


@pytest.mark.parametrize("message", ["nobody reconciles this thing", "was paused (Paused).", "RBAC may allow"])
def test_what_the_code_does_not_say_is_found_out(message: str) -> None:
    assert not said_in_the_code(message)


def test_each_claim_of_the_comparison_has_what_backs_it() -> None:
    """A test, or a page that a benchmark has written; `test_architecture` says whether those files are there."""
    rows = [line for line in (DOCS / "comparison.md").read_text().splitlines() if line.startswith("| ")][2:]
    assert len(rows) >= 10
    for row in rows:
        backed_by = row.rstrip("| ").rpartition("|")[2]
        assert re.search(r"`(tests|deploy)/|\]\((chaos|benchmarks)\.md\)", backed_by), row

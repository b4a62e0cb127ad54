"""What people ask in public is found: in the site's own search, as a browser shows it, among the first three pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from harness.environment import clean_environment
from tests.docs.questions import QUESTIONS
from tests.ui.browser import FLAGS, MOST_MS, chromium

HITS = 3


@pytest.fixture(scope="module")
def search(site_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The first page of the site in Debian's Chromium, with its search open."""
    home = tmp_path_factory.mktemp("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=list(FLAGS), env=dict(clean_environment(home))
        )
        page = browser.new_page()
        page.set_default_timeout(MOST_MS)
        page.goto(f"{site_url}/index.html")
        page.get_by_role("textbox", name="Search").click()
        yield page
        browser.close()


def ask(page: Page, question: str, answer: re.Pattern[str]) -> None:
    """Type a question, once the former one is forgotten."""
    said = page.locator(".md-search-result__meta")
    for text, wanted in (("", re.compile("Type to start searching")), (question, answer)):
        page.get_by_role("textbox", name="Search").fill(text)
        page.get_by_role("textbox", name="Search").dispatch_event("keyup")
        expect(said).to_contain_text(wanted, timeout=MOST_MS)


def hits(page: Page, question: str) -> list[str]:
    """The first pages that the search finds, without their anchors."""
    ask(page, question, re.compile(r"matching documents?$"))
    links = page.locator(".md-search-result__item > a:first-child").all()[:HITS]
    found = [urlsplit(str(link.evaluate("link => link.href"))).path for link in links]
    return [path.removeprefix("/") for path in found]


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_page_that_answers_is_among_the_first_hits(search: Page, question: str) -> None:
    assert QUESTIONS[question] in hits(search, question)


def test_each_answer_is_a_page(site: Path) -> None:
    assert [answer for answer in QUESTIONS.values() if not (site / answer).is_file()] == []


def test_nonsense_is_not_found(search: Page) -> None:
    ask(search, "xyzzyplugh", re.compile("No matching documents"))

"""Ten thousand executions: the page fetches and draws what it shows, whatever is typed and clicked.

How long that takes is for `make bench` (`tests/bench/bench_pages.py`).
"""

from __future__ import annotations

import gzip

import httpx
from playwright.sync_api import Request

from harness.airflow_processes import AirflowProcesses
from harness.waiting import wait_until
from tests.ui.browser import Chromium
from tests.ui.many import INPUTS, MOST_ROWS, use
from tests.ui.shelf import headers

# The most rows and elements that there were after any change of the page.
OBSERVE = """() => {
    window.most = {rows: 0, elements: 0};
    new MutationObserver(() => {
        const count = (selector) => document.querySelectorAll(selector).length;
        window.most.rows = Math.max(window.most.rows, count(".asm tbody tr"));
        window.most.elements = Math.max(window.most.elements, count(".asm *"));
    }).observe(document.querySelector(".asm"), {childList: true, subtree: true});
}"""


def test_the_first_page_is_small(shelved: AirflowProcesses) -> None:
    with httpx.Client(base_url=shelved.url, headers=headers(shelved), trust_env=False, timeout=60) as client:

        def page(search: str = "") -> httpx.Response:
            return client.get(
                "/ack-sagemaker/api/executions", params={"limit": 50, "search": search}
            ).raise_for_status()

        wait_until(lambda: not page().json()["loading"], 60, "all to be read")
        for search in ("", "model-7"):
            answer = page(search)
            assert len(answer.json()["items"]) == 50
            assert len(gzip.compress(answer.content)) < 100_000


def test_the_page_draws_what_it_shows_and_asks_once_for_an_input(chromium: Chromium, shelved: AirflowProcesses) -> None:
    asked: set[str] = set()

    def note(request: Request) -> None:
        if "/ack-sagemaker/api/executions?" in request.url:
            asked.add(request.url)  # the same again is the page's poll

    with chromium.visit(at=shelved) as visit:
        visit.page.on("request", note)
        use(visit, begin=lambda: visit.page.evaluate(OBSERVE))
        most = visit.page.evaluate("window.most")
    assert most["rows"] == MOST_ROWS
    assert most["elements"] < 50 * MOST_ROWS
    assert 3 < len(asked) <= INPUTS + 1

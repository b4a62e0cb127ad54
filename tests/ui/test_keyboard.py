"""Everything can be done without a mouse."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.airflow.support import Case
from tests.ui.browser import Chromium, Visit

MOST_STOPS = 120


def reach(visit: Visit, wanted: Locator) -> None:
    """Press Tab until something has the focus, which then is seen to have it."""
    for _ in range(MOST_STOPS):
        if wanted.evaluate("element => element === document.activeElement"):
            assert wanted.evaluate("element => element.matches(':focus-visible')")
            return
        visit.page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached with {MOST_STOPS} times Tab")


def test_find_open_and_stop_an_execution(chromium: Chromium, case: Case) -> None:
    case.apply()
    case.script("Train=hold")
    case.start("case")
    case.wait_statuses("Executing")
    keyboard = "Enter"
    with chromium.visit() as visit:
        visit.open()
        expect(visit.rows().first).to_be_visible()
        reach(visit, visit.ours.get_by_role("searchbox"))
        visit.page.keyboard.type(case.pipeline)
        expect(visit.rows()).to_have_count(1)
        chip = visit.ours.get_by_role("button", name="Executing")
        reach(visit, chip)
        visit.page.keyboard.press("Space")
        expect(chip).to_have_attribute("aria-pressed", "true")
        reach(visit, visit.rows(case.pipeline).get_by_role("link").first)
        visit.page.keyboard.press(keyboard)
        expect(visit.article).to_be_visible()

        step = visit.step("Train")
        reach(visit, step)
        visit.page.keyboard.press(keyboard)
        expect(visit.ours.get_by_role("region", name="Step Train")).to_be_visible()
        visit.page.keyboard.press("ArrowRight")
        expect(visit.step("Evaluate")).to_be_focused()

        stop = visit.ours.get_by_role("button", name="Stop")
        stop.evaluate("element => element.ownerDocument.activeElement.blur()")
        reach(visit, stop)
        visit.page.keyboard.press(keyboard)
        dialog = visit.page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        visit.page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(stop).to_be_focused()
        visit.page.keyboard.press(keyboard)
        reach(visit, dialog.get_by_role("button", name="Stop execution"))
        visit.page.keyboard.press(keyboard)
        expect(dialog).to_have_count(0)
        case.wait_statuses("Stopped")


def test_tables_are_sorted_and_turned_over(chromium: Chromium) -> None:
    with chromium.visit() as visit:
        visit.open(size="25")
        expect(visit.rows().first).to_be_visible()
        head = visit.ours.get_by_role("columnheader", name="Duration")
        reach(visit, head.get_by_role("button"))
        visit.page.keyboard.press("Enter")
        expect(head).to_have_attribute("aria-sort", "descending")
        visit.page.keyboard.press("Enter")
        expect(head).to_have_attribute("aria-sort", "ascending")
        first = visit.rows().first.inner_text()
        following = visit.ours.get_by_role("button", name="Next page")
        reach(visit, following)
        visit.page.keyboard.press("Enter")
        expect(visit.ours.get_by_role("navigation", name="Pages")).to_contain_text("2 of 2")
        expect(visit.rows().first).not_to_have_text(first)

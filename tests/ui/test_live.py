"""What happens in the cluster is on the page within seconds, and nobody reloads."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.airflow.support import Case
from tests.ui.browser import Chromium

MARK = "document.documentElement.dataset.mark"


def test_a_run_is_followed_to_its_end_without_a_reload(chromium: Chromium, case: Case) -> None:
    case.apply()
    case.script("Train=hold", "Evaluate=hold")
    with chromium.visit() as visit:
        visit.open(q=case.pipeline)
        expect(visit.ours.get_by_text("Nothing matches the filters above.")).to_be_visible()
        visit.page.evaluate(f"{MARK} = 'the same page'")
        case.start("case")
        expect(visit.rows(case.pipeline)).to_contain_text("Executing")

        visit.follow(case.pipeline)
        expect(visit.badge).to_have_text("Executing")
        expect(visit.step("Train")).to_have_attribute("data-status", re.compile("Starting|Executing"))
        expect(visit.step("Evaluate")).to_have_attribute("data-status", "NotStarted")

        release(case)
        expect(visit.step("Train")).to_have_attribute("data-status", "Succeeded")
        expect(visit.step("Evaluate")).to_have_attribute("data-status", "Succeeded")
        expect(visit.badge).to_have_text("Succeeded")
        expect(visit.ours.get_by_role("button", name="Stop", exact=True)).to_have_count(0)

        visit.page.go_back()
        expect(visit.rows(case.pipeline)).to_contain_text("Succeeded")
        assert visit.page.evaluate(MARK) == "the same page"
        assert len(visit.documents) == 1


def test_a_failure_says_which_step_and_why(chromium: Chromium, case: Case) -> None:
    why = "AlgorithmError: CUDA out of memory, tried to allocate 2.10 GiB"
    case.apply()
    case.script(f"Train=Failed:{why}")
    case.start("case")
    case.wait_statuses("Failed")
    with chromium.visit() as visit:
        visit.open(q=case.pipeline)
        row = visit.rows(case.pipeline)
        expect(row).to_contain_text("Failed")
        expect(row).to_contain_text("Step failure: One or multiple steps failed.")
        visit.follow(case.pipeline)
        expect(visit.step("Train")).to_have_attribute("data-status", "Failed")
        expect(visit.step("Evaluate")).to_have_attribute("data-status", re.compile("NotStarted|Skipped"))
        expect(visit.choose_step("Train")).to_contain_text(why)


def release(case: Case) -> None:
    """Let this pipeline's held steps go on."""
    arn = case.executions()[-1]["PipelineExecutionArn"]
    case.control("POST", "release", json={"PipelineExecutionArn": arn})

"""The plugin's page with the oldest Airflow as with the newest."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from harness.airflow_processes import AirflowProcesses
from tests.airflow.support import Case
from tests.ui.browser import Chromium, task_instance


@pytest.mark.floor
def test_the_page_loads_in_the_navigation_and_on_a_task_instance(
    chromium: Chromium, airflow: AirflowProcesses, case: Case
) -> None:
    case.apply()
    run_id = case.start("case")
    case.wait_statuses("Succeeded")
    with chromium.visit() as visit:
        visit.page.goto(visit.base)
        visit.click(visit.page.locator("a[href*='/plugin/sagemaker']"))
        expect(visit.rows(case.pipeline)).to_contain_text("Succeeded")
        visit.follow(case.pipeline)
        expect(visit.badge).to_have_text("Succeeded")
        visit.open(task_instance("case", run_id, "launch"))
        expect(visit.article).to_contain_text(case.pipeline)
        expect(visit.step("Evaluate")).to_have_attribute("data-status", "Succeeded")

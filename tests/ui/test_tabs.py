"""The plugin is where Airflow's users look: in the navigation, on a DAG, its runs, its tasks and their instances."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from demo import story
from harness.airflow_processes import AirflowProcesses
from tests.ui.browser import Chromium, Visit
from tests.ui.pages import run_of


def tab(visit: Visit, route: str) -> Locator:
    """The tab, or the entry of the navigation, that leads to a page of the plugin."""
    return visit.page.locator(f"a[href*='/plugin/{route}']")


def test_the_navigation_leads_to_all_executions(chromium: Chromium) -> None:
    with chromium.visit() as visit:
        visit.page.goto(visit.base)
        entry = tab(visit, "sagemaker")
        expect(entry).to_contain_text("SageMaker")
        visit.click(entry)
        for model in (story.CHURN, story.DEMAND):
            expect(visit.rows(model.dag_id).first).to_be_visible()
        assert len(visit.documents) == 1


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("dags/{dag}", "sagemaker-dag"),
        ("dags/{dag}/runs/{run}", "sagemaker-run"),
        ("dags/{dag}/tasks/{task}", "sagemaker-task"),
        ("dags/{dag}/runs/{run}/tasks/{task}", "sagemaker-execution"),
    ],
)
def test_a_tab_leads_to_what_belongs_there(
    chromium: Chromium, airflow: AirflowProcesses, path: str, route: str
) -> None:
    dag, task = story.CHURN.dag_id, story.CHURN.task_id
    with chromium.visit() as visit:
        visit.page.goto(f"{visit.base}/{path.format(dag=dag, run=run_of(airflow), task=task)}")
        visit.click(tab(visit, route))
        if route == "sagemaker-execution":
            expect(visit.article).to_contain_text("churn")
        else:
            expect(visit.rows("churn").first).to_be_visible()
            expect(visit.rows("demand")).to_have_count(0)
        assert len(visit.documents) == 1


def test_links_lead_into_airflow_and_back(chromium: Chromium, airflow: AirflowProcesses) -> None:
    with chromium.visit() as visit:
        visit.open(q=story.CHURN.pipeline, state="Failed")
        row = visit.rows("churn").first
        visit.click(row.get_by_role("link", name=story.CHURN.task_id))
        visit.page.wait_for_url(f"**/dags/{story.CHURN.dag_id}/runs/**/tasks/{story.CHURN.task_id}**")
        visit.click(tab(visit, "sagemaker-execution"))
        expect(visit.badge).to_have_text("Failed")
        visit.page.go_back()
        visit.page.go_back()
        expect(visit.rows("churn").first).to_be_visible()
        assert len(visit.documents) == 1

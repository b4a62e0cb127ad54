"""A user sees the executions of the DAGs that Airflow lets them read, and acts on those that it lets them edit."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import expect

from harness.airflow_processes import AirflowProcesses
from tests.airflow.support import Case
from tests.ui.browser import Chromium

ACTION = {"X-Requested-With": "airflow-ack-sagemaker", "Content-Type": "application/json"}


@pytest.fixture
def running(case: Case) -> Case:
    """An execution of the DAG ``case`` that goes on until somebody stops it."""
    case.apply()
    case.script("Train=hold")
    case.start("case")
    case.wait_statuses("Executing")
    return case


def paths(case: Case) -> list[tuple[str, str]]:
    """Every route that leads to this execution: method and path."""
    metadata = case.resources()[0]["metadata"]
    one = f"ack-sagemaker/api/executions/{metadata['namespace']}/{metadata['name']}"
    return [
        ("GET", one),
        ("GET", f"{one}/diff"),
        ("POST", f"{one}/stop"),
        ("GET", "ack-sagemaker/api/executions?dag_id=case"),
        ("GET", "ack-sagemaker/api/pipelines?dag_id=case"),
    ]


def test_a_viewer_sees_the_execution_and_no_action(chromium: Chromium, running: Case) -> None:
    resource = running.resources()[0]
    with chromium.visit("viewer") as visit:
        visit.open(q=running.pipeline)
        visit.follow(running.pipeline)
        expect(visit.step("Train")).to_have_attribute("data-status", re.compile("Starting|Executing"))
        for name in ("Stop", "Re-run"):
            expect(visit.ours.get_by_role("button", name=name, exact=True)).to_have_count(0)
        stop = next(path for method, path in paths(running) if method == "POST")
        assert visit.fetch("POST", stop, {"uid": resource["metadata"]["uid"]}, ACTION) == 403
        body = {"dry_run": False, "dag_run_id": "x", "task_ids": ["launch"]}
        clear = "api/v2/dags/case/clearTaskInstances"
        assert visit.fetch("POST", clear, body, {"Content-Type": "application/json"}) == 403
    assert running.statuses() == ["Executing"]


def test_without_the_dag_there_is_neither_row_nor_execution(chromium: Chromium, running: Case) -> None:
    resource = running.resources()[0]
    with chromium.visit("partial") as visit:
        visit.open()
        expect(visit.rows("abalone").first).to_be_visible()
        expect(visit.ours.get_by_role("combobox", name="Dag").locator("option")).to_have_text(
            ["All Dags", "scheduled_retraining"]
        )
        visit.open(q=running.pipeline)
        expect(visit.ours.get_by_text("Nothing matches the filters above.")).to_be_visible()
        visit.open(view="pipelines")
        expect(visit.ours.get_by_role("article")).to_have_count(1)
        metadata = resource["metadata"]
        visit.open(execution=f"{metadata['namespace']}/{metadata['name']}", cluster="kubernetes_default")
        expect(visit.ours.get_by_role("alert")).to_contain_text("You may not see this")
        for method, path in paths(running):
            body = {"uid": metadata["uid"]} if method == "POST" else None
            assert visit.fetch(method, path, body, ACTION) == 403, path
    assert running.statuses() == ["Executing"]


def test_nobody_sees_anything(airflow: AirflowProcesses, running: Case) -> None:
    with httpx.Client(base_url=airflow.url, trust_env=False) as client:
        others = [("GET", f"ack-sagemaker/api/{name}") for name in ("executions", "pipelines", "health")]
        files = [("GET", f"ack-sagemaker/static/{name}") for name in ("main.js", "icon.svg")]
        for method, path in [*paths(running), *others, *files]:
            assert client.request(method, f"/{path}", headers=ACTION).status_code == 401, path

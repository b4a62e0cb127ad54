"""Who may edit the DAG stops an execution and runs one again; both are confirmed first and written down."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests.airflow.support import Case
from tests.ui.browser import Chromium


def test_a_run_is_stopped_after_a_confirmation_and_that_is_written_down(chromium: Chromium, case: Case) -> None:
    case.apply()
    case.script("Train=hold")
    run_id = case.start("case")
    case.wait_statuses("Executing")
    with chromium.visit() as visit:
        visit.execution(case.resources()[0])
        visit.click(visit.ours.get_by_role("button", name="Stop", exact=True))
        dialog = visit.page.get_by_role("dialog", name="Stop this execution?")
        expect(dialog).to_contain_text(case.pipeline)
        visit.click(dialog.get_by_role("button", name="Cancel"))
        expect(dialog).to_have_count(0)
        assert case.statuses() == ["Executing"]

        visit.click(visit.ours.get_by_role("button", name="Stop", exact=True))
        visit.click(dialog.get_by_role("button", name="Stop execution"))
        expect(dialog).to_have_count(0)
        expect(visit.ours.get_by_text("It is no longer in the cluster")).to_be_visible()
        expect(visit.ours.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
        visit.open(q=case.pipeline)
        expect(visit.ours.get_by_text("Nothing matches the filters above.")).to_be_visible()
    case.wait_statuses("Stopped")
    assert case.airflow.api.wait_dag_run("case", run_id) == "failed"
    events = case.airflow.api.request("GET", "/eventLogs", params={"dag_id": "case", "run_id": run_id, "limit": 100})
    [event] = [event for event in events["event_logs"] if event["event"].startswith("ack_sagemaker")]
    assert (event["owner"], event["task_id"], event["map_index"]) == ("admin", "launch", -1)
    assert case.pipeline in json.loads(event["extra"])["name"]


def test_a_finished_run_is_run_again_with_the_same_parameters(chromium: Chromium, case: Case) -> None:
    case.apply()
    run_id, state = case.run("case", parameters={"Rounds": 37})
    assert state == "success"
    with chromium.visit() as visit:
        visit.execution(case.resources()[0])
        visit.click(visit.ours.get_by_role("button", name="Re-run"))
        dialog = visit.page.get_by_role("dialog", name="Run this once more?")
        expect(dialog).to_contain_text("with the same parameters")
        visit.click(dialog.get_by_role("button", name="Clear the task and re-run"))
        expect(dialog).to_have_count(0)
        attempt = visit.ours.get_by_role("link", name="Attempt 2")
        visit.click(attempt)
        expect(visit.ours.get_by_role("row", name="Rounds")).to_contain_text("37")
        expect(visit.badge).to_have_text("Succeeded")
        assert len(visit.documents) == 1
    case.wait_statuses("Succeeded", "Succeeded")
    first, second = (resource["spec"]["pipelineParameters"] for resource in case.resources())
    assert first == second == [{"name": "Rounds", "value": "37"}]
    assert case.airflow.api.wait_dag_run("case", run_id) == "success"
    events = case.airflow.api.request("GET", "/eventLogs", params={"dag_id": "case", "limit": 100})
    assert any("clear" in event["event"] and event["owner"] == "admin" for event in events["event_logs"]), events

"""People change things while runs run: what is reported is what this run asked for, all the same."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_IDENTITY
from harness.waiting import HUNG, wait_until
from tests.airflow.support import Case, definition

MERGE = {"Content-Type": "application/merge-patch+json"}


def dated() -> dict[str, object]:
    """A definition that says for which day it is."""
    body = definition()
    body["Steps"][0]["Arguments"]["Environment"] = {"DATE": "<<DATE>>"}
    return body


def date_that_ran(case: Case, arn: str) -> str:
    """Of which day the definition was that SageMaker ran."""
    client = case.sandbox.aws_client("sagemaker")
    answer = client.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    return str(json.loads(answer["PipelineDefinition"])["Steps"][0]["Arguments"]["Environment"]["DATE"])


def test_six_runs_at_once_with_six_definitions_of_one_pipeline_each_run_their_own(case: Case) -> None:
    case.upload(dated())
    case.airflow.api.wait_for_dag("dated")
    case.airflow.api.unpause("dated")
    run_ids = [case.airflow.api.trigger("dated", case.conf(), run_id=f"day-{day}-{case.pipeline}") for day in range(6)]
    for run_id in run_ids:
        state = case.airflow.api.wait_dag_run("dated", run_id, 600)
        assert state == "success", case.airflow.api.task_log("dated", run_id, "retraining.execution")
        result = case.airflow.api.xcom("dated", run_id, "retraining.execution")
        assert date_that_ran(case, result["arn"]) == run_id
    # A task waits 45 seconds at most until what started with another's definition has stopped, and goes on then.
    wait_until(
        lambda: set(case.statuses()) <= {"Succeeded", "Stopped"},
        HUNG,
        lambda: f"what started with another's definition to be stopped: {case.statuses()}",
    )
    assert case.statuses().count("Succeeded") == 6


def test_a_backfill_of_six_days_at_once_trains_each_day_on_its_own_data(case: Case) -> None:
    """Without a single retry, and in a DAG with max_active_runs=1: a backfill has a limit of its own."""
    case.upload(dated())
    api = case.airflow.api
    api.wait_for_dag("daily")
    api.unpause("daily")
    api.backfill("daily", "2026-01-01T00:00:00Z", "2026-01-06T00:00:00Z", at_once=6, conf=case.conf())
    wait_until(lambda: len(backfilled(case)) == 6, 60, "the runs of six days")
    for run in backfilled(case):
        run_id = run["dag_run_id"]
        state = api.wait_dag_run("daily", run_id, 600)
        assert state == "success", api.task_log("daily", run_id, "retraining.execution")
        result = api.xcom("daily", run_id, "retraining.execution")
        assert date_that_ran(case, result["arn"]) == run["logical_date"][:10]
    assert case.statuses().count("Succeeded") == 6


def backfilled(case: Case) -> list[dict[str, Any]]:
    """The runs of the backfill."""
    return [run for run in case.airflow.api.dag_runs("daily") if run["run_type"] == "backfill"]


def test_a_run_that_was_deleted_and_made_again_trains_again(case: Case) -> None:
    case.apply()
    api = case.airflow.api
    api.wait_for_dag("once_more")
    api.unpause("once_more")
    run_id = f"monday-{case.pipeline}"
    for expected in (["Succeeded"], ["Succeeded", "Succeeded"]):
        api.trigger("once_more", case.conf(), run_id=run_id)
        assert api.wait_dag_run("once_more", run_id, 150) == "success"
        assert case.statuses() == expected
        if len(expected) == 1:
            api.request("DELETE", f"/dags/once_more/dagRuns/{quote(run_id, safe='')}")


def test_a_copy_of_our_annotation_is_not_our_success(case: Case) -> None:
    case.apply()
    api = case.airflow.api
    api.wait_for_dag("once_more")
    api.unpause("once_more")
    run_id = f"copied-{case.pipeline}"
    first = f"first-{case.pipeline}"
    api.trigger("once_more", case.conf(), run_id=first)
    assert api.wait_dag_run("once_more", first, 150) == "success"
    (made,) = case.resources()
    copy = {key: made["metadata"][key] for key in ("labels", "annotations")}
    identity = ["once_more", run_id, "launch", -1]
    copy["annotations"][ANNOTATION_IDENTITY] = json.dumps(identity, separators=(",", ":"))
    from airflow_ack_sagemaker.core.resource.identity import RunIdentity

    copy["labels"] |= RunIdentity("once_more", run_id, "launch").labels()
    body = {**made, "metadata": {**copy, "name": f"copy-{case.pipeline}"}}
    body.pop("status")
    case.kubernetes("POST", "pipelineexecutions", json=body)
    api.trigger("once_more", case.conf(), run_id=run_id)
    assert api.wait_dag_run("once_more", run_id, 150) == "failed"
    assert "somebody has copied" in api.task_log("once_more", run_id, "launch")
    assert api.task_instance("once_more", run_id, "launch")["try_number"] == 1, "no retry mends that"


def test_a_list_that_is_edited_between_two_tries_trains_nothing_twice_and_nothing_never(case: Case) -> None:
    case.apply()
    # The first try goes on until the list was edited.
    case.script("Train#1=Failed:spot capacity", "Evaluate=hold")
    api = case.airflow.api
    key = f"list_{case.pipeline}"
    api.request("POST", "/variables", json={"key": key, "value": json.dumps([{"Rounds": n} for n in (1, 2, 3)])})
    run_id = case.start("listed")
    wait_until(lambda: len(case.executions()) == 3, 90, "all three to be launched")
    edited = [{"Rounds": n} for n in (3, 2, 1)]
    api.request("PATCH", f"/variables/{key}", json={"key": key, "value": json.dumps(edited)})
    case.script("Evaluate=seconds:40")
    case.control("POST", "release")
    assert api.wait_dag_run("listed", run_id, 240) == "success", api.task_log("listed", run_id, "launch", 2)
    results = api.xcom("listed", run_id, "launch")
    assert [result["parameters"]["Rounds"] for result in results] == ["3", "2", "1"]
    assert sorted(case.statuses()) == ["Failed", "Succeeded", "Succeeded", "Succeeded"]

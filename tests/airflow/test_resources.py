"""Any kind, sensors, stopping and collecting: the rest of the toolkit, on the triggerer and on a worker."""

from __future__ import annotations

import json
from functools import partial

import pytest

from harness.waiting import HUNG, wait_until
from tests.airflow.support import Case, definition

WAYS = ["deferred", "held"]


@pytest.mark.parametrize("way", WAYS)
def test_a_resource_of_a_kind_is_applied_and_followed(case: Case, way: str) -> None:
    spec = {
        "pipelineName": case.pipeline,
        "roleARN": "arn:aws:iam::123456789012:role/sagemaker-pipelines",
        "pipelineDefinition": json.dumps(definition()),
    }
    dag_id = f"resource_{way}"
    run_id, state = case.run(dag_id, kind="Pipeline", name=case.pipeline, spec=spec)
    assert state == "success", case.airflow.api.task_log(dag_id, run_id, "resource")
    result = case.airflow.api.xcom(dag_id, run_id, "resource")
    assert (result["status"], result["changed"]) == ("Active", True)
    execution = {"pipelineName": case.pipeline}
    run_id, state = case.run(dag_id, kind="PipelineExecution", name=f"{case.pipeline}-1", spec=execution)
    assert state == "success", case.airflow.api.task_log(dag_id, run_id, "resource")
    assert case.statuses() == ["Succeeded"]
    another_id, state = case.run(dag_id, kind="PipelineExecution", name=f"{case.pipeline}-1", spec=execution)
    assert state == "failed", "its end would be reported for a run that has launched nothing"
    assert "A job runs once" in case.airflow.api.task_log(dag_id, another_id, "resource")
    assert case.statuses() == ["Succeeded"]
    run_id, state = case.run(dag_id, kind="Pod", name="x", spec={})
    assert state == "failed"
    assert "'Pod' is not a kind" in case.airflow.api.task_log(dag_id, run_id, "resource")


@pytest.mark.parametrize(("dag_id", "running"), [("resource_deferred", "deferred"), ("resource_held", "running")])
def test_a_user_who_marks_or_clears_the_task_stops_the_job(case: Case, dag_id: str, running: str) -> None:
    case.apply()
    case.script("Train=hold")
    api, spec = case.airflow.api, {"pipelineName": case.pipeline}
    runs = {
        action: case.start(dag_id, kind="PipelineExecution", name=f"{case.pipeline}-{action}", spec=spec)
        for action in ("failed", "success", "clear")
    }
    case.wait_statuses(*["Executing"] * 3)
    for run_id in runs.values():
        api.wait_task_state(dag_id, run_id, "resource", running)
        if running == "deferred":
            # Before its trigger has started Airflow calls nobody.
            wait_until(partial(_said, case, dag_id, run_id, " starting"), 60, "the trigger to start")
    for action in ("failed", "success"):
        api.mark_task(dag_id, runs[action], "resource", action)
    api.clear(dag_id, runs["clear"], ["resource"])
    # What was cleared starts anew under the same name, once the first has stopped.
    case.wait_statuses("Stopped", "Stopped", "Stopped", "Executing", timeout=120)
    case.control("POST", "release")
    assert api.wait_dag_run(dag_id, runs["clear"]) == "success"
    assert case.statuses()[3:] == ["Succeeded"]


def _said(case: Case, dag_id: str, run_id: str, text: str) -> bool:
    return text in case.airflow.api.task_log(dag_id, run_id, "resource")


@pytest.mark.parametrize("way", WAYS)
def test_sensors_wait_for_what_others_made(case: Case, way: str) -> None:
    dag_id = f"sense_{way}"
    name = f"{case.pipeline}-1"
    run_id = case.start(dag_id, execution=name)
    case.airflow.api.wait_task_state(dag_id, run_id, "pipeline", ["deferred", "running"])
    case.apply()
    case.script("Train=Failed:bad data")
    case.kubernetes(
        "POST",
        "pipelineexecutions",
        json={
            "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
            "kind": "PipelineExecution",
            "metadata": {"name": name},
            "spec": {"pipelineName": case.pipeline},
        },
    )
    assert case.airflow.api.wait_dag_run(dag_id, run_id) == "failed"
    states = case.airflow.api.states(dag_id, run_id)
    assert states["pipeline"] == "success"
    assert states["execution"] == "failed"
    assert states["resource"] == "skipped", "soft_fail"
    assert "AckExecutionFailed" in case.airflow.api.task_log(dag_id, run_id, "execution")
    run_id, state = case.run(dag_id, execution=name)
    assert state == "failed"
    assert case.airflow.api.states(dag_id, run_id) == states, "what has ended before the first look ends the same"


@pytest.mark.parametrize("way", WAYS)
def test_a_sensor_times_out(case: Case, way: str) -> None:
    dag_id = f"sense_nothing_{way}"
    run_id, state = case.run(dag_id)
    assert state == "failed"
    assert "AirflowSensorTimeout" in case.airflow.api.task_log(dag_id, run_id, "execution")


@pytest.mark.parametrize("way", WAYS)
def test_all_that_runs_is_stopped(case: Case, way: str) -> None:
    case.apply()
    case.script("Train=hold")
    run_id = case.start("launch_deferred_wait")
    case.wait_statuses("Executing")
    stop_id, state = case.run(f"stop_{way}")
    assert state == "success", case.airflow.api.task_log(f"stop_{way}", stop_id, "stop")
    assert len(case.airflow.api.xcom(f"stop_{way}", stop_id, "stop")["stopped"]) == 1
    assert case.statuses() == ["Stopped"]
    assert case.airflow.api.wait_dag_run("launch_deferred_wait", run_id) == "failed"
    again, state = case.run(f"stop_{way}")
    assert state == "success"
    assert case.airflow.api.xcom(f"stop_{way}", again, "stop")["stopped"] == []


def test_collecting_keeps_what_runs_and_the_newest(case: Case) -> None:
    case.apply()
    for _ in range(2):
        assert case.run("launch_deferred_wait")[1] == "success"
    case.script("Train=hold")
    case.run("launch_held_leave")
    run_id, state = case.run("collect", limit=1)
    assert state == "success"
    assert len(case.airflow.api.xcom("collect", run_id, "collect")["collected"]) == 1

    def left() -> list[str]:
        return sorted(item.get("status", {}).get("pipelineExecutionStatus", "") for item in case.resources())

    # What was collected goes when the controller has seen that it was deleted.
    wait_until(lambda: left() == ["Executing", "Succeeded"], HUNG, lambda: f"one to be gone: {left()}")
    assert case.statuses() == ["Succeeded", "Succeeded", "Executing"], "SageMaker keeps them all"
    case.control("POST", "release")


def test_an_outlet_asset_tells_which_execution_made_it(case: Case) -> None:
    case.apply()
    run_id, state = case.run("launch_outlet")
    assert state == "success"
    event = next(event for event in case.airflow.api.asset_events() if event["source_run_id"] == run_id)
    assert event["extra"]["arn"] == case.executions()[0]["PipelineExecutionArn"]

"""Every way in which a run can end is told apart, says why, and leaves what it should."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator
from functools import partial

import pytest

from harness.airflow_processes import AirflowProcesses
from harness.sandbox_process import SandboxProcess
from harness.waiting import wait_until
from tests.airflow.support import Case, definition

WAYS = ["deferred", "held"]


def _log(case: Case, dag_id: str, run_id: str, task: str = "launch", try_number: int | None = None) -> str:
    return case.airflow.api.task_log(dag_id, run_id, task, try_number)


def _said(case: Case, dag_id: str, run_id: str, text: str) -> bool:
    return text in _log(case, dag_id, run_id)


def test_a_failure_names_step_reason_and_resource(case: Case) -> None:
    case.apply()
    case.script("Train=Failed:AlgorithmError: out of memory")
    run_id, state = case.run("launch_deferred_wait")
    log = _log(case, "launch_deferred_wait", run_id)
    assert state == "failed"
    assert "AckExecutionFailed" in log
    assert "Step Train Failed" in log
    assert "AlgorithmError: out of memory" in log
    assert f"pipelineexecution/{case.resources()[0]['metadata']['name']}" in log
    assert case.executions()[0]["PipelineExecutionArn"] in log
    links = case.airflow.api.extra_links("launch_deferred_wait", run_id, "launch")
    assert case.executions()[0]["PipelineExecutionArn"] in (links["SageMaker Pipeline Execution"] or "")


@pytest.mark.parametrize("way", WAYS)
def test_stopped_in_sagemaker_is_no_success_and_no_retry(case: Case, way: str) -> None:
    case.apply()
    case.script("Train=hold")
    run_id = case.start(f"launch_retries_{way}")
    case.wait_statuses("Executing")
    arn = case.executions()[0]["PipelineExecutionArn"]
    case.sandbox.aws_client("sagemaker").stop_pipeline_execution(
        PipelineExecutionArn=arn, ClientRequestToken=uuid.uuid4().hex
    )
    assert case.airflow.api.wait_dag_run(f"launch_retries_{way}", run_id) == "failed"
    log = _log(case, f"launch_retries_{way}", run_id)
    assert "AckExecutionStopped" in log
    assert "was stopped" in log
    assert case.statuses() == ["Stopped"], "a retry must not start what somebody has stopped"


@pytest.mark.parametrize("way", WAYS)
def test_a_deleted_resource_is_stopped_and_not_launched_again(case: Case, way: str) -> None:
    case.apply()
    case.script("Train=hold")
    run_id = case.start(f"launch_retries_{way}")
    case.wait_statuses("Executing")
    case.kubernetes("DELETE", f"pipelineexecutions/{case.resources()[0]['metadata']['name']}")
    assert case.airflow.api.wait_dag_run(f"launch_retries_{way}", run_id) == "failed"
    assert "AckResourceGone" in _log(case, f"launch_retries_{way}", run_id)
    assert case.statuses() == ["Stopped"]


@pytest.mark.parametrize("way", WAYS)
def test_refused_by_aws_gives_up_in_time_and_withdraws(case: Case, way: str) -> None:
    case.apply()
    case.script("StartPipelineExecution=ValidationException:no such instance type")
    try:
        run_id, state = case.run(f"launch_refused_{way}")
    finally:
        case.control("DELETE", "script")
    log = _log(case, f"launch_refused_{way}", run_id)
    assert state == "failed"
    assert "AckStuckRecoverable" in log
    assert "no such instance type" in log
    assert case.resources() == [], "what is given up must not start later"
    assert case.executions() == []


@pytest.mark.parametrize("way", WAYS)
def test_nobody_reconciles(case: Case, way: str) -> None:
    case.apply()
    case.control("PUT", "controller", json={"paused": True})
    try:
        run_id, state = case.run(f"launch_unanswered_{way}")
        assert case.resources() == []
    finally:
        case.control("PUT", "controller", json={"paused": False})
    log = _log(case, f"launch_unanswered_{way}", run_id)
    assert state == "failed"
    assert "AckNotReconciled" in log
    assert "nobody reconciles" in log
    assert "kubectl logs" in log
    assert case.executions() == []


@pytest.fixture(scope="module")
def timed_out(airflow: AirflowProcesses, sandbox: SandboxProcess) -> Iterator[dict[str, tuple[Case, str]]]:
    """A run of each DAG whose time is over before its execution, all at once: the pipeline and the run's log."""
    dag_ids = [f"launch_brief_{way}_{policy}" for way in WAYS for policy in ("leave", "stop")]
    started: dict[str, tuple[Case, str]] = {}
    for dag_id in (*dag_ids, *(f"execution_timeout_{way}" for way in WAYS)):
        case = Case(airflow, sandbox)
        case.apply()
        case.script("Train=hold")
        started[dag_id] = (case, case.start(dag_id))
    ended = {}
    for dag_id, (case, run_id) in started.items():
        assert airflow.api.wait_dag_run(dag_id, run_id, 240) == "failed"
        ended[dag_id] = (case, _log(case, dag_id, run_id))
    yield ended
    case.control("POST", "release")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("policy", ["leave", "stop"])
def test_a_timeout_leaves_or_stops_as_asked(timed_out: dict[str, tuple[Case, str]], way: str, policy: str) -> None:
    case, log = timed_out[f"launch_brief_{way}_{policy}"]
    assert "AckTimeout" in log
    if policy == "leave":
        case.wait_statuses("Executing")
        assert "left running" in log
    else:
        assert "Confirmed: the execution is Stopped" in log
        case.wait_statuses("Stopped")


@pytest.mark.parametrize("way", WAYS)
def test_an_execution_timeout_is_no_kill(timed_out: dict[str, tuple[Case, str]], way: str) -> None:
    """Airflow enforces it while the task is in a worker, the trigger while it is deferred."""
    case, log = timed_out[f"execution_timeout_{way}"]
    assert "AirflowTaskTimeout" in log
    case.wait_statuses("Executing")


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_is_tried_again_with_a_new_execution(case: Case, way: str) -> None:
    case.apply()
    case.script("Train#1=Failed:spot capacity")
    run_id, state = case.run(f"launch_retries_{way}", timeout=120)
    assert state == "success", _log(case, f"launch_retries_{way}", run_id)
    assert case.statuses() == ["Failed", "Succeeded"]
    assert "spot capacity" in _log(case, f"launch_retries_{way}", run_id, try_number=1)
    names = sorted(item["metadata"]["name"] for item in case.resources())
    assert [name.rpartition("-")[2] for name in names] == ["1", "2"]
    assert names[0].rpartition("-")[0] == names[1].rpartition("-")[0]


def test_a_clear_of_a_success_runs_again_and_a_clear_of_a_failure_too(case: Case) -> None:
    case.apply()
    run_id, state = case.run("launch_deferred_wait")
    assert state == "success"
    case.airflow.api.clear("launch_deferred_wait", run_id, ["launch"])
    assert case.airflow.api.wait_dag_run("launch_deferred_wait", run_id) == "success"
    assert case.statuses() == ["Succeeded", "Succeeded"]


@pytest.mark.parametrize(
    ("dag_id", "running"), [("launch_retries_deferred", "deferred"), ("launch_retries_held", "running")]
)
def test_a_user_who_marks_or_clears_the_task_stops_the_execution(case: Case, dag_id: str, running: str) -> None:
    case.apply()
    case.script("Train=hold")
    api = case.airflow.api
    runs = {action: case.start(dag_id) for action in ("failed", "success", "clear")}
    case.wait_statuses(*["Executing"] * 3)
    for run_id in runs.values():
        api.wait_task_state(dag_id, run_id, "launch", running)
        if running == "deferred":
            # Before its trigger has started Airflow calls nobody.
            wait_until(partial(_said, case, dag_id, run_id, " starting"), 120, "the trigger to start")
    for action in ("failed", "success"):
        api.mark_task(dag_id, runs[action], "launch", action)
    api.clear(dag_id, runs["clear"], ["launch"])
    # What was cleared starts anew.
    case.wait_statuses("Stopped", "Stopped", "Stopped", "Executing")

    def logs() -> list[str]:
        # Of a cleared task either the first try hears of it in time, or the second stops what it left.
        tries = {"failed": (1,), "success": (1,), "clear": (1, 2)}
        return ["".join(_log(case, dag_id, runs[action], try_number=n) for n in tries[action]) for action in runs]

    wait_until(lambda: all("Confirmed: the execution is Stopped" in log for log in logs()), 120, lambda: str(logs()))
    case.control("POST", "release")
    assert api.wait_dag_run(dag_id, runs["clear"]) == "success"
    assert case.statuses()[3:] == ["Succeeded"]


def test_an_execution_that_the_controller_started_twice_is_reported(case: Case) -> None:
    case.apply()
    case.script("Train=hold")
    dag_id = "launch_report_duplicates"
    run_id = case.start(dag_id)
    case.wait_statuses("Executing")
    # As a controller does that crashed before it wrote down the first.
    again = case.sandbox.aws_client("sagemaker").start_pipeline_execution(
        PipelineName=case.pipeline,
        PipelineExecutionDisplayName=case.resources()[0]["metadata"]["name"],
        ClientRequestToken=uuid.uuid4().hex,
    )["PipelineExecutionArn"]
    case.control("POST", "release")
    assert case.airflow.api.wait_dag_run(dag_id, run_id) == "success"
    assert case.airflow.api.xcom(dag_id, run_id, "launch")["duplicates"] == [again]
    assert f"has another execution of pipelineexecution/{case.resources()[0]['metadata']['name']}" in _log(
        case, dag_id, run_id
    )


def test_a_restart_of_the_triggerer_stops_nothing(airflow: AirflowProcesses, case: Case) -> None:
    case.apply()
    case.script("Train=hold")
    run_id = case.start("launch_deferred_wait")
    case.wait_statuses("Executing")
    airflow.api.wait_task_state("launch_deferred_wait", run_id, "launch", "deferred")
    for number in (signal.SIGTERM, signal.SIGKILL):
        airflow.stop("triggerer", number=number)
        airflow.start("triggerer")
        airflow.wait_ready()
        assert case.statuses() == ["Executing"]
    case.control("POST", "release")
    assert airflow.api.wait_dag_run("launch_deferred_wait", run_id) == "success"
    assert case.statuses() == ["Succeeded"]


def test_a_killed_worker_process_is_resumed_not_repeated(airflow: AirflowProcesses, case: Case) -> None:
    import psutil

    case.apply()
    case.script("Train=hold")
    run_id = case.start("launch_retries_held")
    case.wait_statuses("Executing")
    pid = airflow.api.task_instance("launch_retries_held", run_id, "launch")["pid"]
    psutil.Process(pid).kill()
    wait_until(
        lambda: (
            airflow.api.task_instance("launch_retries_held", run_id, "launch")["try_number"] == 2
            and airflow.api.task_state("launch_retries_held", run_id, "launch") == "running"
        ),
        60,
        "the second try",
    )
    wait_until(lambda: "still active" in _log(case, "launch_retries_held", run_id), 60, "the second try to attach")
    case.control("POST", "release")
    assert airflow.api.wait_dag_run("launch_retries_held", run_id) == "success"
    assert case.statuses() == ["Succeeded"]


def test_the_pipeline_must_be_synced_before_it_is_launched(case: Case) -> None:
    case.apply()
    case.control("PUT", "controller", json={"paused": True})
    case.wait_for_the_next_second()
    try:
        case.kubernetes(
            "PATCH",
            f"pipelines/{case.pipeline}",
            json={"spec": {"pipelineDefinition": str(definition(rounds=99)).replace("'", '"')}},
            headers={"Content-Type": "application/merge-patch+json"},
        )
        run_id, state = case.run("launch_deferred_wait")
    finally:
        case.control("PUT", "controller", json={"paused": False})
    assert state == "failed"
    assert "not synced" in _log(case, "launch_deferred_wait", run_id)
    assert case.resources() == []

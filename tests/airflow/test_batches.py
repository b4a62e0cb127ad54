"""Many executions in one task: bounded, each launched once, each with its own outcome, all stopped by a user."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.airflow_processes import AirflowProcesses
from harness.sandbox_process import SandboxProcess
from harness.waiting import wait_until
from tests.airflow.support import Case, definition

WAYS = ["deferred", "held"]
BRIEF = "Train=seconds:20;Evaluate=seconds:20"
LONG = "Train=seconds:200;Evaluate=seconds:20"
"""Not over before it is known that another has failed."""


def batch_case(airflow: AirflowProcesses, sandbox: SandboxProcess) -> Case:
    """A pipeline whose executions are scripted by a parameter of their own."""
    case = Case(airflow, sandbox)
    parameters = [
        {"Name": "Rounds", "Type": "Integer", "DefaultValue": 1},
        {"Name": "SandboxOutcome", "Type": "String", "DefaultValue": BRIEF},
    ]
    case.apply(definition(Parameters=parameters))
    return case


def rounds(count: int = 6, **outcomes: str) -> list[dict[str, Any]]:
    """Executions of a batch, some of them with an outcome: ``_2="Train=hold"``."""
    given = {int(name[1:]): outcome for name, outcome in outcomes.items()}
    return [{"Rounds": index, **({"SandboxOutcome": given[index]} if index in given else {})} for index in range(count)]


class Run:
    """A run of a batch, started with the others."""

    def __init__(
        self, case: Case, dag_id: str, executions: list[dict[str, Any]], *rules: str, at_once: int = 2
    ) -> None:
        self.case, self.dag_id = case, dag_id
        if rules:
            case.script(*rules)
        self.run_id = case.start(dag_id, executions=executions, at_once=at_once)

    def ends(self, state: str) -> str:
        """Wait for its end, which must be this: the log of its last try."""
        ended = self.case.airflow.api.wait_dag_run(self.dag_id, self.run_id, 150)
        log = self.case.airflow.api.task_log(self.dag_id, self.run_id, "batch")
        assert ended == state, log
        return log

    def results(self, key: str = "return_value") -> list[dict[str, Any]]:
        return list(self.case.airflow.api.xcom(self.dag_id, self.run_id, "batch", key))


@pytest.fixture(scope="module")
def runs(airflow: AirflowProcesses, sandbox: SandboxProcess) -> dict[str, Run]:
    """All of them at once: most of their time is Airflow's."""

    def start(dag_id: str, executions: list[dict[str, Any]], *rules: str, at_once: int = 2) -> Run:
        return Run(batch_case(airflow, sandbox), dag_id, executions, *rules, at_once=at_once)

    return {
        "deferred": start("batch_deferred", rounds(), "Train#1=Failed:spot capacity", at_once=3),
        "held": start("batch_held", rounds(), "Train#1=Failed:spot capacity", at_once=3),
        "stop_rest": start("batch_stop_rest", rounds(5, _0="Train=Failed:bad data", _1="Train=hold")),
        "half": start("batch_half", rounds(4, _1="Train=Failed:bad data")),
        "fail_fast": start("batch_fail_fast", rounds(5, _0="Train=Failed:bad data", _1=LONG, _2=LONG, _3=LONG)),
        "later": start("batch_later", rounds(2, _0="Train=Failed:bad data")),
        "wrong": start("batch_deferred", [*rounds(5), {"Rouns": 1}]),
    }


@pytest.mark.parametrize("way", WAYS)
def test_a_retry_launches_only_what_failed(runs: dict[str, Run], way: str) -> None:
    run = runs[way]
    run.ends("success")
    results = run.results()
    assert [result["parameters"]["Rounds"] for result in results] == ["0", "1", "2", "3", "4", "5"]
    assert {result["state"] for result in results} == {"Succeeded"}
    assert sorted(result["attempt"] for result in results) == [1, 1, 1, 1, 1, 2]
    assert sorted(run.case.statuses()) == ["Failed", *["Succeeded"] * 6]
    first = run.case.airflow.api.task_log(run.dag_id, run.run_id, "batch", 1)
    assert "1 of 6 executions did not succeed" in first
    client = run.case.sandbox.aws_client("sagemaker")
    times: list[tuple[Any, int]] = []
    for execution in run.case.executions():
        described = client.describe_pipeline_execution(PipelineExecutionArn=execution["PipelineExecutionArn"])
        times += [(described["CreationTime"], 1), (described["LastModifiedTime"], -1)]
    active = most = 0
    for _, change in sorted(times):
        active += change
        most = max(most, active)
    assert most <= 3


def test_enough_may_succeed(runs: dict[str, Run]) -> None:
    run = runs["half"]
    run.ends("success")
    assert [result["state"] for result in run.results()] == ["Succeeded", "Failed", "Succeeded", "Succeeded"]
    assert run.results()[1]["reason"]


def test_no_more_are_launched_after_a_failure(runs: dict[str, Run]) -> None:
    run = runs["fail_fast"]
    log = run.ends("failed")
    assert "AckExecutionFailed" in log
    states = [result["state"] for result in run.results("executions")]
    assert states[0] == "Failed"
    assert states[-1] == "NotLaunched"
    assert "Executing" not in run.case.statuses()


def test_the_rest_is_stopped_after_a_failure(runs: dict[str, Run]) -> None:
    run = runs["stop_rest"]
    run.ends("failed")
    assert [result["state"] for result in run.results("executions")] == ["Failed", "Stopped", *["NotLaunched"] * 3]
    run.case.wait_statuses("Failed", "Stopped")


def test_one_wrong_of_many_creates_nothing(runs: dict[str, Run]) -> None:
    run = runs["wrong"]
    log = run.ends("failed")
    assert "AckInputError" in log
    assert "executions[5]" in log
    assert "Rouns" in log
    assert run.case.resources() == []
    assert run.case.airflow.api.task_instance(run.dag_id, run.run_id, "batch")["try_number"] == 1


def test_a_user_stops_all_and_a_lost_worker_none(airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    import psutil

    held = rounds(4, **{f"_{index}": "Train=hold" for index in range(4)})
    marked = {way: Run(batch_case(airflow, sandbox), f"batch_{way}", held) for way in WAYS}
    lost = Run(batch_case(airflow, sandbox), "batch_held", rounds(4, _0="Train=hold", _1="Train=hold"))
    for run in (*marked.values(), lost):
        run.case.wait_statuses("Executing", "Executing")
    for way, run in marked.items():
        airflow.api.wait_task_state(run.dag_id, run.run_id, "batch", "deferred" if way == "deferred" else "running")
    deferred = marked["deferred"]
    # Before its trigger has started Airflow calls nobody.
    wait_until(
        lambda: " starting" in airflow.api.task_log(deferred.dag_id, deferred.run_id, "batch"),
        30,
        "the trigger to start",
    )
    for run in marked.values():
        airflow.api.mark_task(run.dag_id, run.run_id, "batch", "failed")
    psutil.Process(airflow.api.task_instance(lost.dag_id, lost.run_id, "batch")["pid"]).kill()
    for run in marked.values():
        run.case.wait_statuses("Stopped", "Stopped")
    wait_until(
        lambda: (
            airflow.api.task_instance(lost.dag_id, lost.run_id, "batch")["try_number"] == 2
            and airflow.api.task_state(lost.dag_id, lost.run_id, "batch") == "running"
        ),
        60,
        "the second try",
    )
    assert lost.case.statuses() == ["Executing", "Executing"]
    lost.case.control("POST", "release")
    lost.ends("success")
    assert lost.case.statuses() == ["Succeeded"] * 4
    assert json.dumps(lost.results()).count('"attempt": 1') == 4


def test_what_a_retry_will_look_for_is_not_collected(runs: dict[str, Run]) -> None:
    run = runs["later"]
    api = run.case.airflow.api
    api.wait_task_state(run.dag_id, run.run_id, "batch", "up_for_retry", 150)

    def collected() -> list[str]:
        run_id, state = run.case.run("collect", limit=0)
        assert state == "success", api.task_log("collect", run_id, "collect")
        return list(api.xcom("collect", run_id, "collect")["collected"])

    assert collected() == [], "the retry would launch anew what has succeeded"
    assert len(run.case.resources()) == 2
    api.mark_task(run.dag_id, run.run_id, "batch", "failed")
    run.ends("failed")
    assert len(collected()) == 2

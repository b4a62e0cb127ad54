"""Asset watchers: a new definition, or the end of an execution, starts a DAG once."""

from __future__ import annotations

from typing import Any

from harness.waiting import wait_until
from tests.airflow.support import Case, definition


def _payloads(case: Case, dag_id: str, count: int) -> list[dict[str, Any]]:
    """What the watcher's events said, once the DAG has been started by so many of them."""

    def told() -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = []
        for run in case.airflow.api.dag_runs(dag_id):
            said += case.airflow.api.xcom(dag_id, run["dag_run_id"], "payloads") or []
        return said if len(said) >= count else []

    return wait_until(told, 90, f"{count} events for {dag_id}")


def _triggers_started(case: Case) -> int:
    return case.airflow.part("triggerer").tail(100_000).count(" starting ")


def _said(payload: dict[str, Any]) -> dict[str, Any]:
    """The trigger's own part of an asset event's extra."""
    inner: dict[str, Any] = payload.get("payload", payload)
    return inner


def test_a_new_definition_starts_a_dag(case: Case) -> None:
    case.pipeline = "watched"
    case.airflow.api.wait_for_dag("on_watched_definition")
    case.control("DELETE", "requests")
    case.airflow.api.unpause("on_watched_definition")
    wait_until(lambda: "S3:HEAD" in case.control("GET", "requests"), 60, "the watcher's first look")
    first = case.upload(definition(rounds=1))
    assert [_said(payload)["version_id"] for payload in _payloads(case, "on_watched_definition", 1)] == [first]
    second = case.upload(definition(rounds=2))
    versions = {_said(payload)["version_id"] for payload in _payloads(case, "on_watched_definition", 2)}
    assert versions == {first, second}


def test_an_execution_that_ends_starts_a_dag(case: Case) -> None:
    case.pipeline = "watched"
    case.airflow.api.wait_for_dag("on_watched_executions")
    triggers = _triggers_started(case)
    case.airflow.api.unpause("on_watched_executions")
    wait_until(lambda: _triggers_started(case) > triggers, 60, "the watcher to start")
    # A triggerer's first question to Airflow takes some seconds. When this execution's trigger has been answered, the
    # watcher, which asked before it, has been, too.
    other = Case(case.airflow, case.sandbox)
    other.apply()
    assert other.run("launch_deferred_wait")[1] == "success"
    case.apply()
    case.script("Train#1=Failed:no data")
    for expected in ("Failed", "Succeeded"):
        _, state = case.run("launch_deferred_wait")
        assert state == ("success" if expected == "Succeeded" else "failed")
    told = {_said(payload)["arn"]: _said(payload)["state"] for payload in _payloads(case, "on_watched_executions", 2)}
    assert told == {
        execution["PipelineExecutionArn"]: execution["PipelineExecutionStatus"] for execution in case.executions()
    }

"""Retries that build on what there is, runs of any name, and what a launch leaves of earlier runs."""

from __future__ import annotations

import json
from typing import Any

from tests.airflow.support import Case

ODD = "manual__2026-11-01 Ünïcode «run»: 7% + 1 = \N{SNOWMAN} 'quoted' \"twice\" ~" + "x" * 150
"""Of 250 characters at most, as Airflow's API and database allow; a slash it refuses itself."""


def test_a_retry_runs_only_the_failed_step_and_what_follows(case: Case) -> None:
    steps = [
        {"Name": "Prepare", "Type": "Processing", "Arguments": {}},
        {"Name": "Train", "Type": "Training", "DependsOn": ["Prepare"], "Arguments": {}},
        {"Name": "Evaluate", "Type": "Processing", "DependsOn": ["Train"], "Arguments": {}},
    ]
    case.apply({"Version": "2020-12-01", "Steps": steps})
    case.script("Train#1=Failed:spot capacity")
    run_id, state = case.run("retry_selectively", timeout=150)
    log = case.airflow.api.task_log("retry_selectively", run_id, "launch", 2)
    assert state == "success", log
    assert "Retrying from the failed step" in log
    assert case.statuses() == ["Failed", "Succeeded"]
    first, second = (execution["PipelineExecutionArn"] for execution in case.executions())
    client = case.sandbox.aws_client("sagemaker")
    ran = client.list_pipeline_execution_steps(PipelineExecutionArn=second)["PipelineExecutionSteps"]
    assert {step["StepName"] for step in ran if "SelectiveExecutionResult" not in step} == {"Train", "Evaluate"}
    result = case.airflow.api.xcom("retry_selectively", run_id, "launch")
    assert (result["selected_steps"], result["source_execution_arn"]) == (["Train", "Evaluate"], first)
    case.airflow.api.clear("retry_selectively", run_id, ["launch"])
    assert case.airflow.api.wait_dag_run("retry_selectively", run_id) == "success"
    assert "selected_steps" not in case.airflow.api.xcom("retry_selectively", run_id, "launch"), "a clear runs it all"


def test_earlier_runs_leave_as_many_as_they_may(case: Case) -> None:
    case.apply()
    patch = {"Content-Type": "application/merge-patch+json"}
    told: dict[str, Any] = {"airflow-ack-sagemaker/reported": json.dumps({"state": "Succeeded", "try": 1, "at": 1})}
    names = []
    for _ in range(3):
        run_id, state = case.run("keep_one")
        assert state == "success", case.airflow.api.task_log("keep_one", run_id, "launch")
        name = case.airflow.api.xcom("keep_one", run_id, "launch")["name"]
        names.append(name)
        assert name in {item["metadata"]["name"] for item in case.resources()}
        # As if it had been reported long ago: what was just reported stays for a while.
        body = {"metadata": {"annotations": told}}
        case.kubernetes("PATCH", f"pipelineexecutions/{name}", json=body, headers=patch)
    assert {item["metadata"]["name"] for item in case.resources()} == set(names[1:])
    assert case.statuses() == ["Succeeded"] * 3, "SageMaker keeps them all"


def test_runs_of_any_name_and_mapped_tasks_are_launched_once_each(case: Case) -> None:
    case.apply()
    case.airflow.api.wait_for_dag("mapped")
    case.airflow.api.unpause("mapped")
    assert case.airflow.api.trigger("mapped", case.conf(), run_id=ODD) == ODD
    assert case.airflow.api.wait_dag_run("mapped", ODD, 150) == "success", case.airflow.api.states("mapped", ODD)
    assert case.statuses() == ["Succeeded"] * 3
    found = {item["metadata"]["labels"]["airflow-ack-sagemaker/map-index"]: item for item in case.resources()}
    assert sorted(found) == ["0", "1", "2"]
    for index, item in found.items():
        identity = json.loads(item["metadata"]["annotations"]["airflow-ack-sagemaker/identity"])
        assert identity == ["mapped", ODD, "launch", int(index)]
        assert len(item["metadata"]["name"]) <= 63

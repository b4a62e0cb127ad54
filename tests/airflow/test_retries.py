"""Retries that build on what there is, runs of any name, and what a launch leaves of earlier runs."""

from __future__ import annotations

import json

import pytest

from harness.airflow_processes import AirflowProcesses
from harness.sandbox_process import SandboxProcess
from harness.waiting import HUNG, wait_until
from tests.airflow.support import Case

ODD = f"manual__1 of 2, Ünïcode «run»: 7% + 1 = \N{SNOWMAN} 'quoted' \"twice\" ~{'x' * 180}"
"""As odd and long as Airflow's database and web addresses allow; most installations allow less."""


STEPS = [
    {"Name": "Prepare", "Type": "Processing", "Arguments": {}},
    {"Name": "Train", "Type": "Training", "DependsOn": ["Prepare"], "Arguments": {}},
    {"Name": "Evaluate", "Type": "Processing", "DependsOn": ["Train"], "Arguments": {}},
]


@pytest.fixture(scope="module")
def runs(airflow: AirflowProcesses, sandbox: SandboxProcess) -> dict[str, tuple[Case, str]]:
    """All of them at once: most of their time is Airflow's."""
    retried, kept, mapped = (Case(airflow, sandbox) for _ in range(3))
    retried.apply({"Version": "2020-12-01", "Steps": STEPS})
    retried.script("Train#1=Failed:spot capacity")
    kept.apply()
    mapped.apply()
    started = {
        "retry_selectively": (retried, retried.start("retry_selectively")),
        "keep_none": (kept, kept.start("keep_none")),
    }
    airflow.api.wait_for_dag("mapped")
    airflow.api.unpause("mapped")
    return {**started, "mapped": (mapped, airflow.api.trigger("mapped", mapped.conf(), run_id=ODD))}


def test_a_retry_runs_only_the_failed_step_and_what_follows(runs: dict[str, tuple[Case, str]]) -> None:
    case, run_id = runs["retry_selectively"]
    state = case.airflow.api.wait_dag_run("retry_selectively", run_id, 150)
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


def test_runs_of_any_name_and_mapped_tasks_are_launched_once_each(runs: dict[str, tuple[Case, str]]) -> None:
    case, run_id = runs["mapped"]
    assert run_id == ODD
    assert case.airflow.api.wait_dag_run("mapped", ODD, 150) == "success", case.airflow.api.states("mapped", ODD)
    assert case.statuses() == ["Succeeded"] * 3
    found = {item["metadata"]["labels"]["airflow-ack-sagemaker/map-index"]: item for item in case.resources()}
    assert sorted(found) == ["0", "1", "2"]
    for index, item in found.items():
        identity = json.loads(item["metadata"]["annotations"]["airflow-ack-sagemaker/identity"])
        assert identity == ["mapped", ODD, "launch", int(index)]
        assert len(item["metadata"]["name"]) <= 63


def test_a_launch_collects_what_earlier_runs_have_left(runs: dict[str, tuple[Case, str]]) -> None:
    case, run_id = runs["keep_none"]
    assert case.airflow.api.wait_dag_run("keep_none", run_id, 150) == "success"
    (first,) = (item["metadata"]["name"] for item in case.resources())
    # As if it had been reported long ago: what was just reported stays for a while.
    told = {"airflow-ack-sagemaker/reported": json.dumps({"state": "Succeeded", "try": 1, "at": 1})}
    patch = {"Content-Type": "application/merge-patch+json"}
    # The API server's own note of when that was written goes, too.
    body = {"metadata": {"annotations": told, "managedFields": [{}]}}
    case.kubernetes("PATCH", f"pipelineexecutions/{first}", json=body, headers=patch)
    run_id, state = case.run("keep_none")
    assert state == "success", case.airflow.api.task_log("keep_none", run_id, "launch")
    launched = case.airflow.api.xcom("keep_none", run_id, "launch")["name"]
    assert launched != first

    def left() -> list[str]:
        return [item["metadata"]["name"] for item in case.resources()]

    # The launch deletes, and waits for nothing: the controller has to see it.
    wait_until(lambda: left() == [launched], HUNG, lambda: f"{first} to be gone, and {launched} to stay: {left()}")
    assert case.statuses() == ["Succeeded"] * 2, "SageMaker keeps them all"

"""All four combinations of ``deferrable`` and ``wait_for_completion``, for both operators."""

from __future__ import annotations

import pytest

from tests.airflow.support import Case

MODES = ["deferred_wait", "deferred_leave", "held_wait", "held_leave"]


@pytest.mark.floor
@pytest.mark.parametrize("mode", MODES)
def test_launch(case: Case, mode: str) -> None:
    case.apply()
    if mode.endswith("leave"):
        case.script("Train=hold")
    run_id, state = case.run(f"launch_{mode}", parameters={"Rounds": 7})
    log = case.airflow.api.task_log(f"launch_{mode}", run_id, "launch")
    assert state == "success", log
    result = case.airflow.api.xcom(f"launch_{mode}", run_id, "launch")
    (execution,) = case.executions()
    assert result["arn"] == execution["PipelineExecutionArn"]
    assert result["parameters"] == {"Rounds": "7"}
    if mode.endswith("leave"):
        assert result["status"] == execution["PipelineExecutionStatus"] == "Executing"
        case.control("POST", "release")
    else:
        assert result["status"] == execution["PipelineExecutionStatus"] == "Succeeded"
    assert ("on the triggerer" in log) == (mode == "deferred_wait")


@pytest.mark.floor
@pytest.mark.parametrize("mode", MODES)
def test_apply(case: Case, mode: str) -> None:
    version = case.upload()
    run_id, state = case.run(f"apply_{mode}")
    assert state == "success", case.airflow.api.task_log(f"apply_{mode}", run_id, "apply")
    result = case.airflow.api.xcom(f"apply_{mode}", run_id, "apply")
    assert result["definition_version_id"] == version
    assert result["name"] == case.pipeline
    if mode.endswith("wait"):
        assert result["status"] == "Active"
        assert result["arn"].endswith(f"pipeline/{case.pipeline}")
    annotations = case.resource("pipelines", case.pipeline)["metadata"]["annotations"]
    assert annotations["services.k8s.aws/deletion-policy"] == "retain"
    assert annotations["airflow-ack-sagemaker/definition-sha256"] == result["definition_sha256"]
    assert annotations["airflow-ack-sagemaker/definition-version-id"] == version


def test_the_task_group(case: Case) -> None:
    case.upload()
    run_id, state = case.run("group", parameters={"Rounds": 3})
    assert state == "success", case.airflow.api.states("group", run_id)
    assert case.statuses() == ["Succeeded"]

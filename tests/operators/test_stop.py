"""What could not be stopped is never told as stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_ack_sagemaker.core.resource.status import Outcome, State, gone
from airflow_ack_sagemaker.exceptions import AckResourceRefused
from airflow_ack_sagemaker.operators.stop import AckStopPipelineExecutionOperator
from harness.waiting import HUNG, wait_until
from tests.operators.stage import Stage
from tests.operators.tries import deferred, executed

API = "sagemaker.services.k8s.aws/v1alpha1"
DEFINITION = {"Version": "2020-12-01", "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}}]}


@pytest.fixture
def running(stage: Stage) -> Iterator[list[str]]:
    """Two executions, held, which SageMaker refuses to stop: that is Terminal, so that the controller gives up."""
    name = stage.name("stopped")
    role = "arn:aws:iam::123456789012:role/sagemaker"
    spec = {"pipelineName": name, "roleARN": role, "pipelineDefinition": json.dumps(DEFINITION)}
    stage.kubernetes("POST", "pipelines", json=_made("Pipeline", name, spec))
    wait_until(partial(_said, stage, f"pipelines/{name}", "pipelineStatus"), HUNG, "the pipeline")
    names = [f"{name}-{number}" for number in range(2)]
    try:
        stage.script(f"{name}/Train=hold", "StopPipelineExecution=InvalidParameterValue:it cannot be")
        for each in names:
            spec = {"pipelineName": name, "pipelineExecutionDisplayName": each}
            stage.kubernetes("POST", "pipelineexecutions", json=_made("PipelineExecution", each, spec))
        for each in names:
            path = f"pipelineexecutions/{each}"
            wait_until(partial(_said, stage, path, "pipelineExecutionStatus"), HUNG, "the execution")
        yield names
    finally:
        stage.control("DELETE", "script")  # it refuses the stops of all


def _made(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _said(stage: Stage, path: str, member: str) -> Any:
    return stage.kubernetes("GET", path).get("status", {}).get(member)


def test_a_retry_after_a_refused_deletion_is_no_success(stage: Stage, running: list[str]) -> None:
    with DAG("dag"):
        task = AckStopPipelineExecutionOperator(task_id="stop", name=running[0], deferrable=False)
    for number in (1, 2):
        with pytest.raises(AckResourceRefused, match="it cannot be"):
            executed(task, number=number)
    assert _said(stage, f"pipelineexecutions/{running[0]}", "pipelineExecutionStatus") == "Executing"


def test_the_others_are_looked_at_once_one_is_gone(stage: Stage, running: list[str]) -> None:
    with DAG("dag"):
        task = AckStopPipelineExecutionOperator(task_id="stop", pipeline_name=running[0].rpartition("-")[0])
    trigger = deferred(task)
    told = {"outcome": gone_of(trigger), "verdict": "reached", "echo": trigger.echo, "deadlines": trigger.deadlines}
    for name in running:
        wait_until(partial(_refused, stage, name), HUNG, "the controller to give up")
    assert deferred(task, event=told).name in running


def _refused(stage: Stage, name: str) -> bool:
    said = _said(stage, f"pipelineexecutions/{name}", "conditions") or []
    return any(one["type"] == "ACK.Terminal" and one["status"] == "True" for one in said)


def gone_of(trigger: Any) -> dict[str, Any]:
    """What the trigger would tell of its execution once it is gone."""
    last = Outcome(kind=trigger.kind, name=trigger.name, namespace=trigger.namespace, state=State.IN_PROGRESS)
    return gone(last).to_dict()

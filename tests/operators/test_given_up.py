"""An execution whose deletion the controller has given up runs on: no try, and no clear, launches another beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_ack_sagemaker.exceptions import AckClusterError, AckError, AckResourceRefused
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
from airflow_ack_sagemaker.operators.pipeline_executions import AckPipelineExecutionsOperator
from airflow_ack_sagemaker.operators.resource import AckResourceOperator
from harness.waiting import HUNG, wait_until
from tests.operators.stage import ROLE, Stage
from tests.operators.tries import deferred, executed
from tests.sandbox.specs import SPECS

DEFINITION = {"Version": "2020-12-01", "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}}]}


@dataclass
class Held:
    """A pipeline whose executions run until they are released; SageMaker refuses to stop them, which is Terminal."""

    stage: Stage
    pipeline: str

    def executions(self) -> list[dict[str, Any]]:
        items = self.stage.kubernetes("GET", "pipelineexecutions")["items"]
        return [item for item in items if item["spec"]["pipelineName"] == self.pipeline]

    def until_it_runs(self) -> None:
        wait_until(lambda: all(said(item) == "Executing" for item in self.executions()), HUNG, "the executions to run")

    def until_it_is_given_up(self) -> None:
        for item in self.executions():
            self.stage.kubernetes("DELETE", f"pipelineexecutions/{item['metadata']['name']}")
        wait_until(lambda: all(map(refused, self.executions())), HUNG, "the controller to give up")


def said(resource: dict[str, Any]) -> Any:
    return resource.get("status", {}).get("pipelineExecutionStatus")


def refused(resource: dict[str, Any]) -> bool:
    conditions = resource.get("status", {}).get("conditions") or []
    return any(one["type"] == "ACK.Terminal" and one["status"] == "True" for one in conditions)


@pytest.fixture
def held(stage: Stage) -> Iterator[Held]:
    name = stage.name("given-up")
    spec = {"pipelineName": name, "roleARN": ROLE, "pipelineDefinition": json.dumps(DEFINITION)}
    body = {"apiVersion": "sagemaker.services.k8s.aws/v1alpha1", "kind": "Pipeline", "metadata": {"name": name}}
    stage.kubernetes("POST", "pipelines", json={**body, "spec": spec})
    get = partial(stage.kubernetes, "GET", f"pipelines/{name}")
    wait_until(lambda: get().get("status", {}).get("pipelineStatus"), HUNG, "the pipeline")
    try:
        stage.script(f"{name}/Train=hold", "StopPipelineExecution=InvalidParameterValue:it cannot be")
        yield Held(stage, name)
    finally:
        stage.control("DELETE", "script")  # it refuses the stops of all


def launching(held: Held, *, many: bool) -> Any:
    options: dict[str, Any] = {"task_id": "launch", "pipeline_name": held.pipeline, "aws_conn_id": None}
    with DAG(f"dag-{held.pipeline}"):
        if many:
            return AckPipelineExecutionsOperator(executions=[{}], **options)
        return AckPipelineExecutionOperator(**options)


TRIES = {
    "retry": {"number": 2, "max_tries": 3},
    "later retry": {"number": 3, "max_tries": 3},
    "clear": {"number": 4, "max_tries": 6},
}


@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
def test_every_try_says_that_it_runs_on(held: Held, many: bool) -> None:
    task = launching(held, many=many)
    deferred(task, number=1, max_tries=3)
    held.until_it_runs()
    held.until_it_is_given_up()
    (running,) = held.executions()
    arn = running["status"]["ackResourceMetadata"]["arn"]
    for title, numbers in TRIES.items():
        with pytest.raises(AckError) as told:
            executed(task, **numbers)
        assert isinstance(told.value, AckResourceRefused) or many, title
        assert arn in str(told.value), title
        assert "may run on" in str(told.value), title
    assert [item["metadata"]["uid"] for item in held.executions()] == [running["metadata"]["uid"]]


def test_a_job_without_a_name_that_runs_on_is_said_too(stage: Stage) -> None:
    spec = {key: value for key, value in SPECS["TrainingJob"].items() if key != "trainingJobName"}
    with DAG(stage.name("job")):
        task = AckResourceOperator(task_id="train", kind="TrainingJob", spec=spec)
    try:
        stage.script("trainingjob/*=hold", "StopTrainingJob=InvalidParameterValue:it cannot be")
        path = f"trainingjobs/{deferred(task, number=1, max_tries=3).name}"
        get = partial(stage.kubernetes, "GET", path)
        wait_until(lambda: get().get("status", {}).get("trainingJobStatus"), HUNG, "the job to run")
        stage.kubernetes("DELETE", path)
        wait_until(lambda: refused(get()), HUNG, "the controller to give up")
        for numbers in TRIES.values():
            with pytest.raises(AckClusterError, match="may run on"):
                executed(task, **numbers)
        dag = stage.kubernetes("GET", path)["metadata"]["labels"]["airflow-ack-sagemaker/task"]
        items = stage.kubernetes("GET", f"trainingjobs?labelSelector=airflow-ack-sagemaker/task={dag}")["items"]
        assert len(items) == 1
    finally:
        stage.control("DELETE", "script")


@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
def test_a_clear_that_cannot_stop_it_launches_nothing(held: Held, many: bool) -> None:
    task = launching(held, many=many)
    deferred(task, number=1, max_tries=3)
    held.until_it_runs()
    (running,) = held.executions()
    with pytest.raises(AckClusterError, match="may run on") as told:
        executed(task, number=2, max_tries=4)
    assert running["status"]["ackResourceMetadata"]["arn"] in str(told.value)
    assert [item["metadata"]["uid"] for item in held.executions()] == [running["metadata"]["uid"]]

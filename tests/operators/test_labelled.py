"""A Pipeline of GitOps whose labels change: the time of its manager is renewed, and no answer follows."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from airflow.sdk import DAG, PokeReturnValue

from airflow_ack_sagemaker.core.definition.parse import parse_definition
from airflow_ack_sagemaker.core.resource.freshness import ANNOTATION_ANSWERED, answered, generation_of
from airflow_ack_sagemaker.exceptions import AckClusterError, AckNotReconciled
from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
from airflow_ack_sagemaker.operators.pipeline_executions import AckPipelineExecutionsOperator
from airflow_ack_sagemaker.sensors.pipeline import AckPipelineSensor
from harness.waiting import HUNG, wait_until
from tests.operators.stage import Stage
from tests.operators.tries import executed
from tests.support.gitops import ROLE, GitOps, times

DEFINITION = {
    "Version": "2020-12-01",
    "Parameters": [],
    "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}}],
}
NOBODY = None
"""No connection to SageMaker."""


@dataclass
class World:
    """A Pipeline at generation 2, which only others have written, and the tasks that look at it."""

    stage: Stage
    gitops: GitOps

    def label(self) -> None:
        """Somebody changes a label; the controller has nothing half-written then."""
        self.pause(True)
        self.gitops.label()
        self.pause(False)

    def pause(self, paused: bool) -> None:
        self.stage.control("PUT", "controller", json={"paused": paused})
        wait_until(lambda: self.stage.control("GET", "controller")["resting"] is paused, HUNG, "the controller")

    def senses(self, aws_conn_id: str | None) -> bool:
        """One look of a sensor."""
        sensor = AckPipelineSensor(task_id="sense", pipeline_name=self.gitops.name, aws_conn_id=aws_conn_id)
        sensor.name = self.gitops.name
        with DAG("dag"):
            return isinstance(sensor.poke(self.stage.context("run", task="sense")), PokeReturnValue)

    def launched(self, aws_conn_id: str | None, *, of: type[Any] = AckPipelineExecutionOperator, **options: Any) -> Any:
        """What a task returns that launches, and waits until SageMaker has it."""
        with DAG(f"dag-{self.gitops.name}"):
            task = of(
                task_id="launch",
                pipeline_name=self.gitops.name,
                aws_conn_id=aws_conn_id,
                deferrable=False,
                **options,
            )
        return executed(task, run_id=f"run-{uuid.uuid4().hex[:8]}")

    def applied(self, **options: Any) -> Any:
        """What a task returns that applies the same definition."""
        uri = f"s3://definitions/{self.gitops.name}.json"
        s3 = self.stage.sandbox.aws_client("s3")
        with closing(s3):
            s3.create_bucket(Bucket="definitions")
            s3.put_object(Bucket="definitions", Key=f"{self.gitops.name}.json", Body=json.dumps(DEFINITION).encode())
        with DAG(f"dag-{self.gitops.name}"):
            task = AckPipelineOperator(
                task_id="apply",
                pipeline_name=self.gitops.name,
                role_arn=ROLE,
                description=str(self.gitops.spec["pipelineDescription"]),
                definition_uri=uri,
                deferrable=False,
                **options,
            )
        return executed(task)

    @property
    def note(self) -> str | None:
        annotations: dict[str, str] = self.gitops.live["metadata"].get("annotations", {})
        return annotations.get(ANNOTATION_ANSWERED)


@pytest.fixture
def world(stage: Stage) -> Iterator[World]:
    client, sagemaker = stage.sandbox.kubernetes_client(), stage.sandbox.aws_client("sagemaker")
    with client, closing(sagemaker):
        text = parse_definition(json.dumps(DEFINITION), source="here").text
        gitops = GitOps(client, sagemaker, stage.sandbox.namespace, stage.name("p"), text)
        for description in ("first", "second"):
            gitops.apply(pipelineDescription=description)
            gitops.synced(description)
        assert gitops.live["metadata"]["generation"] == 2
        yield World(stage, gitops)
        stage.control("PUT", "controller", json={"paused": False})


@pytest.mark.parametrize(
    "look",
    [
        lambda world: world.launched(NOBODY, wait_for_completion=False),
        lambda world: world.launched(NOBODY, of=AckPipelineExecutionsOperator, executions=[{}]),
        lambda world: world.applied(),
    ],
    ids=["launch", "batch", "apply"],
)
def test_what_a_task_has_seen_is_known_until_the_spec_changes(world: World, look: Callable[[World], Any]) -> None:
    assert world.note is None
    look(world)
    assert world.note == generation_of(world.gitops.live)
    world.label()
    live = world.gitops.live
    assert times(live)["kubectl"] > times(live)["ack-sagemaker"], "by the times alone it would not be answered"
    assert answered(live)
    assert world.senses(NOBODY)
    world.pause(True)
    world.gitops.apply(pipelineDescription="third")
    world.gitops.label()
    assert not world.senses(NOBODY), "the note is of the generation before"
    with pytest.raises(AckClusterError, match="not synced"):
        world.launched(NOBODY)
    world.pause(False)
    world.gitops.synced("third")
    assert world.senses(NOBODY)


@pytest.mark.parametrize(
    "look",
    [
        lambda world: world.launched("aws_default", wait_for_completion=False),
        lambda world: world.launched("aws_default", of=AckPipelineExecutionsOperator, executions=[{}]),
        lambda world: world.applied(),
    ],
    ids=["launch", "batch", "apply"],
)
def test_what_nobody_has_seen_sagemaker_is_asked_for(world: World, look: Callable[[World], Any]) -> None:
    world.label()
    assert not world.senses(NOBODY)
    assert not world.senses("no_such_connection")
    assert world.senses("aws_default")
    assert world.note is None, "a sensor writes nothing"
    look(world)
    assert world.note == generation_of(world.gitops.live)
    assert world.senses(NOBODY)


def test_what_sagemaker_does_not_have_is_no_success(world: World) -> None:
    world.pause(True)
    world.gitops.apply(pipelineDescription="third")
    world.gitops.label()
    assert not world.senses("aws_default")
    with pytest.raises(AckClusterError, match="not synced"):
        world.launched("aws_default")
    with pytest.raises(AckNotReconciled):
        world.applied(reconcile_timeout=1)
    assert world.note is None


def test_an_answer_that_was_lost_is_found_when_nobody_waits_any_longer(world: World) -> None:
    """The controller's write met somebody else's: SageMaker has the change, and no status tells of it."""
    world.pause(True)
    world.gitops.spec["pipelineDescription"] = "ours"
    world.gitops.sagemaker.update_pipeline(PipelineName=world.gitops.name, PipelineDescription="ours")
    result = world.applied(reconcile_timeout=1)
    assert (result["changed"], result["status"]) == (True, "Active")
    assert world.stage.control("GET", "controller")["resting"] is not False
    assert world.note == generation_of(world.gitops.live)
    assert world.senses(NOBODY)


def test_a_sensor_that_cannot_ask_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.label()
    before = dict(world.gitops.live["metadata"])
    dead = {
        "conn_type": "aws",
        "extra": {"endpoint_url": "http://127.0.0.1:1", "config_kwargs": {"retries": {"max_attempts": 0}}},
    }
    monkeypatch.setenv("AIRFLOW_CONN_DEAD", json.dumps(dead))
    assert not world.senses("dead")
    assert world.gitops.live["metadata"] == before

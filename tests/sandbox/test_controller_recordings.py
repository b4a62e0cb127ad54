"""What the real ACK controller wrote, situation by situation, and what the sandbox's writes.

``recordings/pipelines.jsonl``: the controller of August 2026 (runtime v0.62.0) on kube-apiserver 1.37, with SageMaker
played by this package's endpoint. Nothing is excepted: each object must be the same but for times, identities and
SageMaker's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from airflow_ack_sagemaker.sandbox import ManualClock
from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint, Script
from airflow_ack_sagemaker.sandbox.controller import Controller
from tests.contract.servers import fresh_namespace
from tests.sandbox.conftest import client
from tests.sandbox.definitions import ROLE, definition, train
from tests.sandbox.replay import Look, Replay, lines, situations
from tests.sandbox.world import Object, World
from tests.support.api_servers import COLUMNS

PIPELINES = lines("pipelines.jsonl")
STEP_SECONDS = 5.0
LONG = "nowhere-18071"
"""The pipeline whose executions last until they are stopped."""


def _taken(name: str) -> Callable[[World], None]:
    def make(world: World) -> None:
        world.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=definition(train("T")), RoleArn=ROLE)

    return make


def _stop(world: World, line: Object) -> None:
    [running] = [
        each["PipelineExecutionArn"]
        for each in world.sagemaker.list_pipeline_executions(PipelineName=LONG)["PipelineExecutionSummaries"]
        if each["PipelineExecutionStatus"] == "Executing"
    ]
    world.sagemaker.stop_pipeline_execution(PipelineExecutionArn=running, ClientRequestToken="t" * 32)


def _still_there(world: World, line: Object) -> None:
    assert ("taken2-18071" in world.pipelines()) == line["value"]


BEFORE: dict[str, Callable[[World], None]] = {
    "pipeline whose name SageMaker has, without adoption": _taken("taken-18071"),
    "that refused resource deleted (does SageMaker keep the pipeline?)": _taken("taken2-18071"),
    "execution fails": lambda world: world.endpoint.script.add("p-18071/B=Failed"),
}
DEEDS = {"StopPipelineExecution": _stop, "SageMaker still has it": _still_there}


@pytest.fixture(scope="module", params=COLUMNS)
def replayed(request: pytest.FixtureRequest) -> Iterator[dict[str, list[Look]]]:
    """The whole recording, done once on each API server: its situations build on one another."""
    server, clock = request.getfixturevalue(f"{request.param}_server"), ManualClock()
    namespace = fresh_namespace(server).name
    script = Script([f"{LONG}/A=hold"], STEP_SECONDS)
    with (
        AwsEndpoint(clock=clock, script=script) as endpoint,
        Controller(server.kubeconfig, endpoint.url, clock, namespace=namespace) as controller,
    ):
        sagemaker = client("sagemaker", endpoint.url)
        world = World(server, namespace, endpoint, controller, clock, sagemaker)
        yield Replay(world, PIPELINES, BEFORE, DEEDS).run()
        sagemaker.close()


@pytest.mark.parametrize("situation", situations(PIPELINES))
def test_pipelines_and_executions(replayed: dict[str, list[Look]], situation: str) -> None:
    looks = replayed[situation]
    assert looks, "the recording shows no object"
    for look in looks:
        assert look.seen == look.recorded, look.at

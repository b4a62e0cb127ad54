"""An update is answered by the controller itself, whatever the API server's clock says and whoever writes ``Date``.

The sandbox's API server stamps what it stores by the clock of a test; the ``Date`` header of its answers is this
machine's, as that of a proxy on this machine would be.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from airflow_ack_sagemaker.core.resource.fields import status_written
from airflow_ack_sagemaker.core.resource.freshness import STATUS_RESOLUTION, observe
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE
from airflow_ack_sagemaker.core.resource.manifest import PipelineSpec
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import cluster_config
from airflow_ack_sagemaker.runs.apply import Applied, apply_resource
from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint
from airflow_ack_sagemaker.sandbox.controller import Controller
from harness.waiting import wait_until
from tests.support.shifted_clock import ShiftedClock

LOG = logging.getLogger(__name__)
NAMESPACE = "default"
MINUTE = 60.0


@dataclass
class World:
    """A cluster whose clock can be set, its controller and AWS; a pipeline of one's own."""

    clock: ShiftedClock
    client: KubeClient
    controller: Controller
    sagemaker: Any
    pipeline: str = field(default_factory=lambda: f"p-{uuid.uuid4().hex[:8]}")
    slept: list[float] = field(default_factory=list)

    def apply(self, version: int) -> Applied:
        """Bring the pipeline to a definition."""
        definition = {"Version": "2020-12-01", "Metadata": {"n": version}, "Parameters": [], "Steps": [STEP]}
        spec = PipelineSpec(self.pipeline, ROLE, json.dumps(definition))
        return apply_resource(self.client, PIPELINE, spec.manifest(NAMESPACE), log=LOG, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        """Sleep, and remember it; what nobody would wait for is an error at once."""
        self.slept.append(seconds)
        assert seconds <= STATUS_RESOLUTION.total_seconds()
        time.sleep(seconds)

    def look(self) -> Outcome:
        return observe(self.client.get(PIPELINE, self.pipeline, NAMESPACE))

    def wait_synced(self) -> None:
        wait_until(lambda: self.look().state is State.SUCCEEDED, 120, lambda: f"an answer: {self.look()}", every=0.05)

    def wait_for_a_later_second(self) -> None:
        written = status_written(self.client.get(PIPELINE, self.pipeline, NAMESPACE))
        assert written
        wait_until(lambda: self.clock.now() >= written + STATUS_RESOLUTION, 120, "the server's clock", every=0.05)

    def hold(self) -> None:
        """Have the controller answer nothing."""
        self.controller.pause()
        wait_until(lambda: self.controller.resting, 120, "the controller to rest", every=0.01)

    def version_in_sagemaker(self) -> int:
        answer = self.sagemaker.describe_pipeline(PipelineName=self.pipeline)
        version: int = json.loads(answer["PipelineDefinition"])["Metadata"]["n"]
        return version


ROLE = "arn:aws:iam::123456789012:role/sagemaker"
STEP = {"Name": "Train", "Type": "Training", "Arguments": {}}


@pytest.fixture(scope="module")
def shifted() -> Iterator[World]:
    clock = ShiftedClock()
    with ApiServer(now=clock.now) as server, AwsEndpoint() as aws, Controller(server.kubeconfig(), aws.url) as control:
        config = cluster_config({"kube_config": server.kubeconfig()}, conn_id="shifted", environ={})
        sagemaker = boto3.client(
            "sagemaker",
            endpoint_url=aws.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        with KubeClient(config) as client, closing(sagemaker):
            yield World(clock, client, control, sagemaker)


@pytest.fixture
def world(shifted: World) -> Iterator[World]:
    """With a clock that is right, and a controller that works."""
    shifted.clock.ahead = 0.0
    yield World(shifted.clock, shifted.client, shifted.controller, shifted.sagemaker)
    shifted.controller.resume()


@pytest.mark.parametrize(
    ("at_first", "at_change", "at_answer"),
    [
        (0.0, 0.0, 0.0),
        (-10 * MINUTE, -10 * MINUTE, -10 * MINUTE),
        (-5.0, -5.0, -5.0),
        (5.0, 5.0, 5.0),
        (10 * MINUTE, 10 * MINUTE, 10 * MINUTE),
        (60 * MINUTE, 0.0, 0.0),
        (60 * MINUTE, 60 * MINUTE, 0.0),
        (0.0, 60 * MINUTE, 0.0),
        (-10 * MINUTE, 0.0, -10 * MINUTE),
    ],
)
def test_only_the_answer_to_this_very_update_counts(
    world: World, at_first: float, at_change: float, at_answer: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.clock.ahead = at_first
    assert world.apply(1).changed
    world.wait_synced()
    world.hold()
    if at_change > at_first:  # a clock that jumps does so at any time but in the very second of the last status
        world.wait_for_a_later_second()
    world.clock.ahead = at_change
    applied = world.apply(2)
    assert applied.changed
    assert applied.outcome.state is State.UNSEEN, "the status is from before"
    assert sum(world.slept) <= STATUS_RESOLUTION.total_seconds()
    waits = [record for record in caplog.records if record.getMessage().startswith("Waiting")]
    assert len(waits) == len(world.slept), "each wait is told"
    assert world.version_in_sagemaker() == 1
    assert world.look().state is State.UNSEEN
    world.clock.ahead = at_answer
    world.controller.resume()
    world.wait_synced()
    assert world.version_in_sagemaker() == 2
    assert not world.apply(2).changed


def test_an_update_at_once_waits_until_the_answer_can_be_told(world: World) -> None:
    """The ``Date`` of the answers is ten minutes ahead of the server's clock here, which would be no reason to wait."""
    world.clock.ahead = -10 * MINUTE
    world.apply(1)
    world.wait_synced()
    world.apply(2)
    world.wait_synced()
    assert world.version_in_sagemaker() == 2

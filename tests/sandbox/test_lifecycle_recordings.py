"""What the real ACK controller wrote of models, endpoints, packages, jobs and schedules, and what the sandbox's writes.

``recordings/lifecycle.jsonl``: the controller of August 2026 (runtime v0.62.0) on kube-apiserver 1.37, with SageMaker
played by a small stand-in. What that stand-in left out of its answers is left out here, too (`LEFT_OUT`); nothing else
is excepted: each object must be the same but for times, identities and SageMaker's own words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.sandbox import ManualClock
from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint, Script
from airflow_ack_sagemaker.sandbox.controller import Controller
from tests.contract.servers import fresh_namespace
from tests.sandbox.conftest import client
from tests.sandbox.replay import Look, Replay, lines, situations
from tests.sandbox.world import Object, World
from tests.support.api_servers import COLUMNS

LIFECYCLE = lines("lifecycle.jsonl")
KINDS = tuple(kind_of(name) for name in sorted({line["kind"] for line in LIFECYCLE if "kind" in line}))
TRANSITION_SECONDS = 4.0
RULES = (
    "endpointconfig/rc-bad=rollback:The production variant did not pass the ping health check.",
    "endpointconfig/rc-silent=silent",
    "endpointconfig/rc-ise=rollback:Request to service failed. If failure persists, contact support.",
    "endpoint/re2=rollback:The primary container did not pass the ping health check.",
    "trainingjob/rt-fail=Failed:AlgorithmError: scripted",
    "monitoringschedule/rs=violations",
)
LEFT_OUT: dict[str, dict[str, Any]] = {
    "DescribeEndpoint": {
        "PendingDeploymentSummary": None,
        "ProductionVariants": dict.fromkeys(
            ("CurrentWeight", "DeployedImages", "DesiredInstanceCount", "DesiredWeight", "VariantStatus")
        ),
    },
    "DescribeTrainingJob": {
        "AlgorithmSpecification": {"EnableSageMakerMetricsTimeSeries": None},
        "EnableInterContainerTrafficEncryption": None,
        "EnableManagedSpotTraining": None,
        "EnableNetworkIsolation": None,
        "OutputDataConfig": {"CompressionType": None, "KmsKeyId": None},
    },
    "DescribeTransformJob": {"TransformInput": {"CompressionType": None, "SplitType": None}},
    "DescribeMonitoringSchedule": {
        "LastMonitoringExecutionSummary": dict.fromkeys(
            ("EndpointName", "MonitoringJobDefinitionName", "MonitoringType")
        )
    },
}
"""Members that the stand-in did not answer, by operation."""


class StandIn(AwsEndpoint):
    """The sandbox's AWS, which tells no more than the stand-in behind the recording."""

    def sagemaker(self, operation: str, body: bytes, authorization: str) -> tuple[int, dict[str, str], bytes] | None:
        answer = super().sagemaker(operation, body, authorization)
        if answer is None or operation not in LEFT_OUT:
            return answer
        status, headers, content = answer
        told = _without(json.loads(content), LEFT_OUT[operation])
        if told.get("TrainingJobStatus") in ("InProgress", "Stopping"):
            # Against the API model, which wants an S3 URI here at any time, and has a word for a job that stops.
            told |= {"ModelArtifacts": {"S3ModelArtifacts": ""}, "SecondaryStatus": "Training"}
        return status, headers, json.dumps(told).encode()


def _without(value: Any, left_out: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_without(item, left_out) for item in value]
    kept = {name: member for name, member in value.items() if left_out.get(name, {}) is not None}
    return {name: _without(member, left_out[name]) if name in left_out else member for name, member in kept.items()}


class Calls:
    """How often UpdateEndpoint was called since a situation began."""

    def __init__(self) -> None:
        self.before = 0

    def begin(self, world: World) -> None:
        self.before = world.count("UpdateEndpoint")

    def compare(self, world: World, line: Object) -> None:
        assert world.count("UpdateEndpoint") - self.before == line["value"]


@pytest.fixture(scope="module", params=COLUMNS)
def replayed(request: pytest.FixtureRequest) -> Iterator[dict[str, list[Look]]]:
    """The whole recording, done once on each API server: its situations build on one another."""
    server, clock, calls = request.getfixturevalue(f"{request.param}_server"), ManualClock(), Calls()
    namespace = fresh_namespace(server).name
    before: dict[str, Callable[[World], None]] = {
        line["situation"]: calls.begin for line in LIFECYCLE if line.get("did") == "UpdateEndpoint calls meanwhile"
    }
    with (
        StandIn(clock=clock, script=Script(RULES, TRANSITION_SECONDS)) as endpoint,
        Controller(server.kubeconfig, endpoint.url, clock, namespace=namespace) as controller,
    ):
        sagemaker = client("sagemaker", endpoint.url)
        world = World(server, namespace, endpoint, controller, clock, sagemaker, KINDS)
        yield Replay(world, LIFECYCLE, before, {"UpdateEndpoint calls meanwhile": calls.compare}).run()
        sagemaker.close()


@pytest.mark.parametrize("situation", situations(LIFECYCLE))
def test_lifecycle(replayed: dict[str, list[Look]], situation: str) -> None:
    # Deletions of which the recorder kept no look are there for the looks that follow.
    looks = replayed[situation]
    assert looks, "the recording shows no object"
    for look in looks:
        assert look.seen == look.recorded, look.at

"""What a launch asks of the cluster, counted, and that a process that dies at any request doubles nothing."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, SpecError
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.run.batch import FailurePolicy, Standing
from airflow_ack_sagemaker.core.run.batch_progress import Progress, Waits
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.retry import Effect, Send
from airflow_ack_sagemaker.runs.batch import Batch, advance, record_all
from airflow_ack_sagemaker.runs.collect import History
from airflow_ack_sagemaker.runs.end import record, withdraw
from airflow_ack_sagemaker.runs.launch import launch
from airflow_ack_sagemaker.runs.look import Run, resources_of
from airflow_ack_sagemaker.runs.stop import stop_run
from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from harness.plain_client import connect

LOG = logging.getLogger(__name__)
NAMESPACE = "default"
DEFINITION = {
    "Version": "2020-12-01",
    "Parameters": [{"Name": "Rounds", "Type": "Integer", "DefaultValue": 1}],
    "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}}],
}


class Killed(BaseException):
    """kill -9 of the process."""


class Mortal(KubeClient):
    """A client that counts its requests, and whose process dies before or after one of them."""

    def __init__(self, config: ClusterConfig, *, dies_at: int | None = None, sent: bool = False) -> None:
        super().__init__(config)
        self.sent: list[str] = []
        self._dies_at, self._after = dies_at, sent

    def _perform(self, effect: Effect) -> Any:
        if not isinstance(effect, Send):
            return super()._perform(effect)
        self.sent.append(effect.request.method)
        dies = len(self.sent) == self._dies_at
        if dies and not self._after:
            raise Killed
        answer = super()._perform(effect)
        if dies:
            raise Killed
        return answer


class Controller:
    """What the controller writes."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def says(self, plural: str, name: str, **status: str) -> None:
        body = {"status": {**status, "conditions": [{"type": "ACK.ResourceSynced", "status": "True"}]}}
        answer = self._http.patch(
            f"/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/{NAMESPACE}/{plural}/{name}/status",
            json=body,
            headers={"Content-Type": "application/merge-patch+json"},
        )
        answer.raise_for_status()

    def ends(self, outcome: Outcome | None, said: str) -> None:
        assert outcome is not None
        self.says("pipelineexecutions", outcome.name, pipelineExecutionStatus=said)


@pytest.fixture
def controller(api_server: ApiServer) -> Iterator[Controller]:
    with connect(api_server.kubeconfig()) as http:
        yield Controller(http)


@pytest.fixture
def pipeline(cluster: ClusterConfig, controller: Controller) -> str:
    """A pipeline of its own, synced."""
    name = f"p-{uuid.uuid4().hex[:8]}"
    with KubeClient(cluster) as client:
        spec = {
            "pipelineName": name,
            "roleARN": "arn:aws:iam::123456789012:role/sagemaker",
            "pipelineDefinition": json.dumps(DEFINITION),
        }
        client.create(PIPELINE, {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec})
    controller.says("pipelines", name, pipelineStatus="Active")
    return name


def _run(run_id: str, dag_id: str = "dag") -> RunIdentity:
    return RunIdentity(dag_id, run_id, "train")


def test_a_launch_and_its_report_are_four_requests_and_one_for_each_that_goes(
    cluster: ClusterConfig, controller: Controller, pipeline: str
) -> None:
    history = History(limit=2, ttl=None, keep_reported=timedelta(seconds=-1))
    counts = []
    for number in range(6):
        client = Mortal(cluster)
        with closing(client):
            launched = launch(
                client,
                ExecutionSpec(pipeline),
                Run(_run(f"run-{number}", pipeline), NAMESPACE),
                pipeline_resource_name=None,
                log=LOG,
                history=history,
            )
            record(client, launched.outcome, try_number=1, log=LOG)
            assert client.sent[-1] != "PATCH", "what has not ended cannot be reported"
            controller.ends(launched.outcome, "Succeeded")
            record(client, replace(launched.outcome, state=State.SUCCEEDED), try_number=1, log=LOG)
            counts.append(list(client.sent))
    assert counts[:3] == [["GET", "GET", "POST", "PATCH"]] * 3
    assert counts[3:] == [["GET", "GET", "POST", "DELETE", "PATCH"]] * 3
    with KubeClient(cluster) as looking:
        left = resources_of(looking, NAMESPACE, _run("any", pipeline), earlier_runs=True)
    assert len(left) == 3, "two earlier ones and the last run's own"


def test_what_the_controller_has_taken_up_is_not_withdrawn(
    cluster: ClusterConfig, controller: Controller, pipeline: str
) -> None:
    """Its finalizer comes first, then StartPipelineExecution, then its first word."""
    with closing(KubeClient(cluster)) as client:
        spec = ExecutionSpec(pipeline_name=pipeline)
        made = launch(client, spec, Run(_run("taken up"), NAMESPACE), pipeline_resource_name=None, log=LOG).outcome
        client.patch(PIPELINE_EXECUTION, made.name, {"metadata": {"finalizers": ["example.com/controller"]}}, NAMESPACE)
        left = withdraw(client, made, log=LOG)
        assert left is not None
        assert (left.state, left.started) == (State.IN_PROGRESS, False)
        assert client.get(PIPELINE_EXECUTION, made.name, NAMESPACE)["metadata"].get("deletionTimestamp") is None
        client.patch(PIPELINE_EXECUTION, made.name, {"metadata": {"finalizers": None}}, NAMESPACE)
        assert withdraw(client, made, log=LOG) is None, "nobody touches it"
        assert resources_of(client, NAMESPACE, _run("taken up")) == []


def _batch(pipeline: str, run_id: str, count: int = 5, *, max_active: int | None = 3, **wrong: Any) -> Batch:
    parameters = [[{"name": "Rounds", "value": str(index)}] for index in range(count)]
    parameters[-1:] = [[{"name": name, "value": value}] for name, value in wrong.items()] or parameters[-1:]
    return Batch(
        specs=[ExecutionSpec(pipeline, parameters=item) for item in parameters],
        run=Run(_run(run_id, pipeline), NAMESPACE),
        pipeline_resource_name=None,
        waits=Waits(),
        max_active=max_active,
        spare_failures=0,
        policy=FailurePolicy.RUN_ALL,
        on_timeout="leave",
    )


@pytest.mark.parametrize("sent", [False, True], ids=["before the request", "after it"])
def test_a_batch_that_dies_at_any_request_doubles_and_loses_nothing(
    cluster: ClusterConfig, controller: Controller, pipeline: str, sent: bool
) -> None:
    for dies_at in range(1, 6):
        batch = _batch(pipeline, f"run-{dies_at}-{sent}")
        with Mortal(cluster, dies_at=dies_at, sent=sent) as client, pytest.raises(Killed):
            advance(client, batch, Progress(0.0), log=LOG)
        for round_of in range(3):
            with Mortal(cluster) as client:
                progress = Progress(0.0)
                members = advance(client, batch, progress, log=LOG)
                active = [member for member in members if member.standing is Standing.ACTIVE]
                assert len(active) == (3 if round_of < 1 else 2 if round_of == 1 else 0)
                for member in active:
                    controller.ends(member.outcome, "Succeeded")
        with KubeClient(cluster) as client:
            names = [item["metadata"]["name"] for item in resources_of(client, NAMESPACE, batch.run.identity)]
        stem = batch.run.identity.stem(pipeline)
        assert sorted(names) == [f"{stem}-{index}-1" for index in range(5)]


def test_a_batch_tries_again_only_what_failed(cluster: ClusterConfig, controller: Controller, pipeline: str) -> None:
    batch = _batch(pipeline, "again", max_active=None)
    with Mortal(cluster) as client:
        for member in advance(client, batch, Progress(0.0), log=LOG):
            controller.ends(member.outcome, "Failed" if member.index in (1, 3) else "Succeeded")
        members = advance(client, batch, Progress(0.0), log=LOG)
        assert [member.failed for member in members] == [False, True, False, True, False]
        record_all(client, members, try_number=1, log=LOG)
        client.sent.clear()
        members = advance(client, batch, Progress(0.0), log=LOG)
    assert [member.index for member in members if member.standing is Standing.ACTIVE] == [1, 3]
    assert [member.attempt for member in members] == [1, 2, 1, 2, 1]
    assert client.sent == ["GET", "GET", "POST", "POST"]


@pytest.mark.parametrize("seen_by", ["the try that launched it", "a retry"])
def test_what_is_deleted_after_its_end_is_neither_lost_nor_launched_again(
    cluster: ClusterConfig, controller: Controller, pipeline: str, seen_by: str
) -> None:
    batch, progress = _batch(pipeline, f"deleted, {seen_by}"), Progress(0.0)
    with KubeClient(cluster) as client:
        first, *_ = advance(client, batch, progress, log=LOG)
        controller.ends(first.outcome, "Succeeded")
        if seen_by == "a retry":
            progress = Progress(0.0)
        advance(client, batch, progress, log=LOG)
        assert first.outcome is not None
        client.delete(PIPELINE_EXECUTION, first.outcome.name, NAMESPACE)
        while active := [m for m in advance(client, batch, progress, log=LOG) if m.standing is Standing.ACTIVE]:
            for member in active:
                controller.ends(member.outcome, "Succeeded")
        members = advance(client, batch, progress, log=LOG)
        assert [member.succeeded for member in members] == [True] * 5
        assert len(resources_of(client, NAMESPACE, batch.run.identity)) == 4


def test_one_wrong_of_a_batch_creates_nothing(cluster: ClusterConfig, pipeline: str) -> None:
    batch = _batch(pipeline, "wrong", Rouns="1")
    with KubeClient(cluster) as client:
        with pytest.raises(SpecError, match=r"executions\[4\].*Rouns"):
            advance(client, batch, Progress(0.0), log=LOG)
        assert resources_of(client, NAMESPACE, batch.run.identity) == []


def test_a_user_stops_all_of_a_batch_that_runs(cluster: ClusterConfig, controller: Controller, pipeline: str) -> None:
    batch = _batch(pipeline, "stop", max_active=None)
    with KubeClient(cluster) as client:
        members = advance(client, batch, Progress(0.0), log=LOG)
        controller.ends(members[0].outcome, "Succeeded")
        assert stop_run(client, NAMESPACE, batch.run.identity, log=LOG) == 4
        (left,) = resources_of(client, NAMESPACE, batch.run.identity)
        assert classify(left).sagemaker_status == "Succeeded"


def test_hundreds_of_executions_of_one_task(cluster: ClusterConfig, pipeline: str) -> None:
    batch = _batch(pipeline, "many", 600, max_active=None)
    progress = Progress(0.0)
    with Mortal(cluster) as client:
        advance(client, batch, progress, log=LOG)
        assert client.sent.count("POST") == 600
        client.sent.clear()
        members = advance(client, batch, progress, log=LOG)
    assert {member.standing for member in members} == {Standing.ACTIVE}
    assert len(client.sent) <= 2, "a look is one list of some pages"
    assert len(json.dumps(progress.to_dict())) < 200

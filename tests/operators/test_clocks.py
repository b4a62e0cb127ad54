"""No clock that is wrong, and none that is set right meanwhile, ends a wait: the API server's, a worker's, or a
triggerer's.

The API server here stamps by a clock of the test. What a worker with another clock would have written down for the
triggerer is what this machine's worker wrote, moved by as much.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.execution_time.context import set_current_context

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.status import State, classify
from airflow_ack_sagemaker.core.run.batch_progress import Progress, Waits
from airflow_ack_sagemaker.core.run.deadlines import DELETION_TIMEOUT, Deadlines, Goal, Verdict, next_deadline
from airflow_ack_sagemaker.follow.until import wait
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import cluster_config
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
from airflow_ack_sagemaker.operators.pipeline_executions import AckPipelineExecutionsOperator
from airflow_ack_sagemaker.operators.resource import AckResourceOperator
from airflow_ack_sagemaker.runs import apply
from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from airflow_ack_sagemaker.triggers.pipeline_executions import AckExecutionsTrigger
from airflow_ack_sagemaker.triggers.resource import AckResourceTrigger
from harness.plain_client import connect
from harness.waiting import HUNG
from tests.sandbox.specs import SPECS
from tests.support.shifted_clock import ShiftedClock

try:
    from airflow.sdk.exceptions import TaskDeferred
except ImportError:  # Airflow 3.1 has it elsewhere
    from airflow.exceptions import TaskDeferred  # type: ignore[no-redef]

NAMESPACE = "default"
MINUTE, HOUR = 60.0, 3_600.0
AHEAD = [-10 * MINUTE, -5.0, 5.0, 10 * MINUTE, HOUR]
LATER = [(ahead, ahead) for ahead in AHEAD] + [(HOUR, 0.0), (-10 * MINUTE, 0.0), (0.0, -10 * MINUTE)]
"""How far the API server's clock is ahead, at the launch and afterwards."""
BUSY = 4 * MINUTE
"""Seconds that a busy machine may lose between two lines: less than what a clock is wrong by."""
PATIENCE = HUNG


@dataclass
class World:
    """An API server whose clock can be set, and what a controller writes there."""

    clock: ShiftedClock
    client: KubeClient
    http: Any

    def says(self, name: str, status: str) -> None:
        path = f"/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/{NAMESPACE}/pipelineexecutions/{name}/status"
        synced = "False" if status in ("Executing", "Stopping") else "True"
        said = {"pipelineExecutionStatus": status, "conditions": [{"type": "ACK.ResourceSynced", "status": synced}]}
        headers = {"Content-Type": "application/merge-patch+json"}
        self.http.patch(path, json={"status": said}, headers=headers).raise_for_status()

    def deferred(self, task: Any, *, try_number: int = 1) -> Any:
        """The trigger that a try of a task leaves its waiting to. The run began a moment ago."""
        now = datetime.now(UTC)
        ti = SimpleNamespace(
            dag_id=task.dag_id,
            run_id="run",
            task_id=task.task_id,
            map_index=-1,
            try_number=try_number,
            max_tries=3,
            task=task,
            start_date=now,
            xcom_push=lambda **_: None,
        )
        run = SimpleNamespace(start_date=self.began, clear_number=0)
        context: Any = {"ti": ti, "dag_run": run}
        with set_current_context(context), pytest.raises(TaskDeferred) as deferred:
            task.execute(context)
        return deferred.value.trigger

    began = datetime.now(UTC) - timedelta(seconds=1)


@pytest.fixture(scope="module")
def shifted() -> Iterator[World]:
    clock = ShiftedClock()
    with ApiServer(now=clock.now) as server, connect(server.kubeconfig()) as http:
        config = cluster_config({"kube_config": server.kubeconfig()}, conn_id="shifted", environ={})
        with KubeClient(config) as client, pytest.MonkeyPatch.context() as patch:
            connection = {"conn_type": "kubernetes", "extra": {"kube_config": server.kubeconfig()}}
            patch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
            yield World(clock, client, http)


@pytest.fixture
def world(shifted: World) -> Iterator[World]:
    """With a clock that is right."""
    shifted.began = datetime.now(UTC) - timedelta(seconds=1)
    yield shifted
    shifted.clock.ahead = 0.0
    shifted.client.clock = None


def one(timeout: float) -> AckPipelineExecutionOperator:
    with DAG(f"d-{uuid.uuid4().hex[:8]}"):
        return AckPipelineExecutionOperator(task_id="t", pipeline_name="abalone", timeout=timeout, aws_conn_id=None)


def batch(timeout: float) -> AckPipelineExecutionsOperator:
    with DAG(f"d-{uuid.uuid4().hex[:8]}"):
        return AckPipelineExecutionsOperator(
            task_id="t", pipeline_name="abalone", executions=[{}, {}], timeout=timeout, aws_conn_id=None
        )


def left_of(trigger: Any) -> float:
    """How many seconds the run's timeout still has, as the worker has written it down."""
    if isinstance(trigger, AckResourceTrigger):
        deadlines = Deadlines.from_dict(trigger.deadlines)
    else:
        progress = Progress.from_dict(trigger.progress)
        made = SimpleNamespace(created=trigger.made_at)
        deadlines = progress.deadlines_of(0, made, Waits(**trigger.waits))  # type: ignore[arg-type]
    assert deadlines.finish_by is not None
    return deadlines.finish_by - time.time()


@pytest.mark.parametrize(("at_launch", "later"), LATER)
@pytest.mark.parametrize("of", [one, batch])
def test_a_try_that_attaches_goes_on_with_what_is_left(world: World, of: Any, at_launch: float, later: float) -> None:
    world.clock.ahead = at_launch
    task = of(HOUR)
    first = world.deferred(task)
    name = first.name if of is one else f"{first.stem}-0-1"
    created = world.client.get(PIPELINE_EXECUTION, name, NAMESPACE)["metadata"]["creationTimestamp"]
    world.clock.ahead = later
    again = world.deferred(task, try_number=2)
    for trigger in (first, again):
        trigger.made_at = created
        assert HOUR - BUSY < left_of(trigger) <= HOUR + 1  # the API server's stamps are whole seconds
    assert len([item for item in world.client.list(PIPELINE_EXECUTION).items if task.dag_id in str(item)]) == (
        1 if of is one else 2
    )


def test_what_is_left_counts_from_the_launch(world: World) -> None:
    """The run began an hour ago, and so did its execution, on a clock that is ten minutes ahead."""
    world.began = datetime.now(UTC) - timedelta(hours=1)
    world.clock.ahead = 10 * MINUTE - HOUR
    task = one(2 * HOUR)
    world.deferred(task)
    world.clock.ahead = 10 * MINUTE
    assert HOUR - BUSY < left_of(world.deferred(task, try_number=2)) <= HOUR + 2


def test_what_is_left_of_a_job_counts_from_its_creation(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "wait_shortly", partial(apply.wait_shortly, seconds=0.0))
    world.began = datetime.now(UTC) - timedelta(hours=1)
    world.clock.ahead = 10 * MINUTE - HOUR
    with DAG(f"d-{uuid.uuid4().hex[:8]}"):
        spec = {name: value for name, value in SPECS["TrainingJob"].items() if name != "trainingJobName"}
        task = AckResourceOperator(task_id="t", kind="TrainingJob", spec=spec, timeout=2 * HOUR)
    first = world.deferred(task)
    assert 2 * HOUR - BUSY < left_of(first) <= 2 * HOUR + 1
    world.clock.ahead = 10 * MINUTE
    again = world.deferred(task, try_number=2)
    assert again.uid == first.uid
    assert HOUR - BUSY < left_of(again) <= HOUR + 2


def moved(trigger: Any, seconds: float) -> Any:
    """The trigger as a worker would have written it whose clock is ahead by so much."""
    _, arguments = trigger.serialize()
    if isinstance(trigger, AckResourceTrigger):
        times: tuple[str, ...] = ("reconcile_by", "recover_by", "finish_by", "execution_by", "begun", "told")
        told = arguments["deadlines"]
        arguments["deadlines"] = {k: v + seconds if k in times and v is not None else v for k, v in told.items()}
        return AckResourceTrigger(**arguments)
    told = arguments["progress"]
    times = ("started", "told", "execution_by")
    told = {k: v + seconds if k in times and v is not None else v for k, v in told.items()}
    told["launched"] = [(moment + seconds, which) for moment, which in told.get("launched", ())]
    return AckExecutionsTrigger(**{**arguments, "progress": told})


async def looked(task: asyncio.Task[Any], trigger: Any) -> None:
    """Wait until the trigger has seen what it follows, or has ended."""
    async with asyncio.timeout(PATIENCE):
        while not task.done() and trigger._last is None:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("server", [0.0, -10 * MINUTE, HOUR])
@pytest.mark.parametrize("worker", AHEAD)
async def test_a_triggerer_with_another_clock_than_the_worker(world: World, worker: float, server: float) -> None:
    world.clock.ahead = server
    deferred = await asyncio.to_thread(world.deferred, one(2 * BUSY))
    world.says(deferred.name, "Executing")
    trigger = moved(deferred, worker)
    following = asyncio.create_task(trigger.payload())
    await looked(following, trigger)
    world.says(deferred.name, "Succeeded")
    payload = await asyncio.wait_for(following, PATIENCE)
    assert (payload["verdict"], payload["outcome"]["state"]) == (Verdict.REACHED, "Succeeded")


@pytest.mark.parametrize("worker", AHEAD)
async def test_a_deadline_that_has_passed_is_told_whatever_the_workers_clock_says(world: World, worker: float) -> None:
    """On a worker that is ahead it would be told too late, by as much."""
    deferred = await asyncio.to_thread(world.deferred, one(1.0))
    world.says(deferred.name, "Executing")
    payload = await asyncio.wait_for(moved(deferred, worker).payload(), PATIENCE)
    assert payload["verdict"] == Verdict.TIMED_OUT


@pytest.mark.parametrize("worker", [-10 * MINUTE, 10 * MINUTE])
async def test_a_batch_on_a_triggerer_with_another_clock(world: World, worker: float) -> None:
    world.clock.ahead = -10 * MINUTE
    deferred = await asyncio.to_thread(world.deferred, batch(2 * BUSY))
    names = [f"{deferred.stem}-{index}-1" for index in (0, 1)]
    for name in names:
        world.says(name, "Executing")
    following = asyncio.create_task(moved(deferred, worker).payload())
    for name in names:
        world.says(name, "Succeeded")
    payload = await asyncio.wait_for(following, PATIENCE)
    progress = Progress.from_dict(payload["progress"])
    assert abs(progress.started - time.time()) < BUSY, "on the clock of the triggerer"


@pytest.mark.parametrize(("at_deletion", "later"), LATER[:-2])
def test_a_deletion_has_its_whole_time(world: World, at_deletion: float, later: float) -> None:
    name = f"x-{uuid.uuid4().hex[:8]}"
    body = {"metadata": {"name": name, "finalizers": ["example.com/stays"]}, "spec": {"pipelineName": "abalone"}}
    world.client.create(PIPELINE_EXECUTION, body)
    world.client.clock = None
    world.clock.ahead = at_deletion
    world.client.delete(PIPELINE_EXECUTION, name)
    world.clock.ahead = later
    begun = time.time()
    outcome, verdict = wait(
        world.client,
        PIPELINE_EXECUTION,
        name,
        namespace=NAMESPACE,
        uid=None,
        deadlines=Deadlines(),
        goal=Goal.GONE,
        until=begun,
    )
    assert (outcome.state, verdict) == (State.DELETING, Verdict.TIMED_OUT), "that is only the end of this look"
    end = next_deadline(outcome, Deadlines(begun=begun), goal=Goal.GONE)
    assert end is not None
    assert DELETION_TIMEOUT - BUSY < end - begun < DELETION_TIMEOUT + BUSY
    world.client.patch(PIPELINE_EXECUTION, name, {"metadata": {"finalizers": None}})


def test_a_clock_that_is_set_while_a_task_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour forward: every deadline of this try would have passed."""
    name = f"x-{uuid.uuid4().hex[:8]}"
    made = world.client.create(PIPELINE_EXECUTION, {"metadata": {"name": name}, "spec": {"pipelineName": "abalone"}})
    world.says(name, "Executing")
    real, ahead = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + ahead[0])

    def then(_: Any) -> None:
        if not ahead[0]:
            ahead[0] = HOUR
            world.client.patch(PIPELINE_EXECUTION, name, {"metadata": {"labels": {"seen": "yes"}}})
            world.says(name, "Succeeded")

    outcome, verdict = wait(
        world.client,
        PIPELINE_EXECUTION,
        name,
        namespace=NAMESPACE,
        uid=classify({**made, "kind": "PipelineExecution"}).uid,
        deadlines=Deadlines(finish_by=time.time() + 2 * BUSY),
        on_change=then,
    )
    assert (outcome.state, verdict) == (State.SUCCEEDED, Verdict.REACHED)

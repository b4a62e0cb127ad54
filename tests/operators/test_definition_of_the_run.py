"""The definition that runs is the one that this run has applied, whoever applies another in between."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from airflow.sdk import DAG

from airflow_ack_sagemaker.core.resource.kinds import Kind
from airflow_ack_sagemaker.core.resource.status import State
from airflow_ack_sagemaker.core.run.batch_progress import Progress
from airflow_ack_sagemaker.exceptions import AckError, AckExecutionStopped, AckInputError
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.errors import Unreachable
from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
from airflow_ack_sagemaker.operators.pipeline_executions import AckPipelineExecutionsOperator
from airflow_ack_sagemaker.testing.sandbox import AckSandbox
from harness.plain_client import connect
from harness.waiting import HUNG, wait_until
from tests.operators.tries import deferred, executed, trying

DEFINITION = {
    "Version": "2020-12-01",
    "Parameters": [],
    "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {"Environment": {"DATE": "<<DATE>>"}}}],
}
MERGE = {"Content-Type": "application/merge-patch+json"}


@dataclass
class World:
    """A sandbox, and tasks of one pipeline of its own."""

    sandbox: AckSandbox
    pipeline: str = field(default_factory=lambda: f"p-{uuid.uuid4().hex[:8]}")

    @property
    def uri(self) -> str:
        return f"s3://definitions/{self.pipeline}.json"

    def tasks(self, dag_id: str, *, of: type[Any] = AckPipelineExecutionOperator, **options: Any) -> tuple[Any, Any]:
        """A task that applies the run's definition, and one that launches it; SageMaker may not be asked."""
        with DAG(f"{dag_id}-{self.pipeline}"):
            apply = self.applying("pipeline")
            launch = of(task_id="launch", pipeline_name=self.pipeline, aws_conn_id=None, deferrable=False, **options)
            apply >> launch
        return apply, launch

    def applying(self, task_id: str, date: str = "{{ run_id }}") -> AckPipelineOperator:
        return AckPipelineOperator(
            task_id=task_id,
            pipeline_name=self.pipeline,
            role_arn="arn:aws:iam::123456789012:role/sagemaker",
            definition_uri=self.uri,
            placeholders={"DATE": date},
            deferrable=False,
        )

    def write(self, date: str) -> None:
        """Somebody writes another definition into the Pipeline, and knows nothing of leases."""
        text = json.dumps(DEFINITION).replace("<<DATE>>", date)
        path = f"/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/default/pipelines/{self.pipeline}"
        with connect(Path(self.sandbox.environment["KUBECONFIG"])) as http:
            http.patch(path, json={"spec": {"pipelineDefinition": text}}, headers=MERGE).raise_for_status()

    def ran(self, result: dict[str, Any]) -> str:
        """The date of the definition that an execution ran, as SageMaker says."""
        sagemaker = self.sandbox.boto3("sagemaker")
        answer = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=result["arn"])
        return str(json.loads(answer["PipelineDefinition"])["Steps"][0]["Arguments"]["Environment"]["DATE"])

    def delete_executions(self) -> None:
        self.ask_to_stop()
        wait_until(lambda: not self.mine(), HUNG, "the controller to let them go")

    def all_refused(self) -> bool:
        """Whether the controller has given all executions up."""
        said = [one.get("status", {}).get("conditions") or [] for one in self.mine()]
        refused = [any(each["type"] == "ACK.Terminal" and each["status"] == "True" for each in one) for one in said]
        return bool(refused) and all(refused)

    def ask_to_stop(self) -> None:
        path = "/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/default/pipelineexecutions"
        names = [one["metadata"]["name"] for one in self.mine()]
        with connect(Path(self.sandbox.environment["KUBECONFIG"])) as http:
            for name in names:
                http.delete(f"{path}/{name}").raise_for_status()

    def mine(self) -> list[dict[str, Any]]:
        """The executions of the pipeline that are in the cluster."""
        return [one for one in self.sandbox.executions() if one["spec"]["pipelineName"] == self.pipeline]

    def all_told(self) -> bool:
        """Whether the cluster knows that all executions have succeeded."""
        return all(one.get("status", {}).get("pipelineExecutionStatus") == "Succeeded" for one in self.mine())

    def all_taken(self) -> bool:
        """Whether the cluster knows that SageMaker has all executions."""
        return all(one.get("status", {}).get("pipelineExecutionStatus") for one in self.mine())

    def has(self, date: str) -> bool:
        """Whether SageMaker has the definition of this date."""
        answer = self.sandbox.boto3("sagemaker").describe_pipeline(PipelineName=self.pipeline)
        return date in answer["PipelineDefinition"]

    def statuses(self) -> list[str]:
        return [one["PipelineExecutionStatus"] for one in self.sandbox.sagemaker_executions(self.pipeline)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[AckSandbox]:
    with AckSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def unstoppable(world: World) -> Iterator[None]:
    """Executions run until the end of the test, and SageMaker refuses each request to stop one."""
    try:
        world.sandbox.script(f"{world.pipeline}/Train=hold", "StopPipelineExecution=InvalidParameterValue:it cannot be")
        yield
    finally:
        url = f"{world.sandbox.environment['AWS_ENDPOINT_URL']}/_sandbox/script"
        httpx.delete(url, timeout=HUNG, trust_env=False).raise_for_status()


@pytest.fixture
def world(sandbox: AckSandbox, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    world = World(sandbox)
    sandbox.put_definition(world.uri, DEFINITION)
    return world


@pytest.mark.parametrize("dags", [("daily", "daily"), ("daily", "hourly")])
def test_another_run_or_dag_applies_its_own_in_between(world: World, dags: tuple[str, str]) -> None:
    tasks = {day: world.tasks(dag) for day, dag in zip(("monday", "tuesday"), dags, strict=True)}
    applied = {day: executed(apply, run_id=day) for day, (apply, _) in tasks.items()}
    for day, (_, launch) in tasks.items():
        result = executed(launch, run_id=day, pulled={"pipeline": applied[day]})
        assert world.ran(result) == day
    assert world.statuses() == ["Succeeded"] * 2, "nothing ran twice"


def test_two_branches_of_a_run_launch_what_each_has_applied(world: World) -> None:
    with DAG(f"branches-{world.pipeline}"):
        ends = {}
        for date in ("left", "right"):
            apply = world.applying(f"apply_{date}", date)
            launch = AckPipelineExecutionOperator(
                task_id=f"launch_{date}", pipeline_name=world.pipeline, aws_conn_id=None, deferrable=False
            )
            apply >> launch
            ends[date] = (apply, launch)
    applied = {f"apply_{date}": executed(apply) for date, (apply, _) in ends.items()}
    for date, (_, launch) in ends.items():
        assert world.ran(executed(launch, pulled=applied)) == date


def test_two_definitions_before_one_launch_are_an_error_that_names_both(world: World) -> None:
    with DAG(f"both-{world.pipeline}"):
        both = [world.applying("left", "left"), world.applying("right", "right")]
        launch = AckPipelineExecutionOperator(
            task_id="launch", pipeline_name=world.pipeline, aws_conn_id=None, deferrable=False
        )
        both >> launch
    applied = {apply.task_id: executed(apply) for apply in both}
    with pytest.raises(AckInputError, match="left, right"):
        executed(launch, pulled=applied)
    # SageMaker would have it a moment later.
    assert world.pipeline not in [made["spec"]["pipelineName"] for made in world.sandbox.executions()]
    assert world.statuses() == []


def test_the_late_members_of_a_batch_run_it_too(world: World) -> None:
    apply, launch = world.tasks(
        "batch", of=AckPipelineExecutionsOperator, executions=[{}, {}, {}], max_active_executions=1
    )
    applied = executed(apply, run_id="monday")
    over = threading.Event()

    def launched(count: int) -> bool:
        return over.is_set() or len(world.statuses()) >= count

    def others() -> None:
        """Whenever another member was launched, a run of another DAG applies its own."""
        for count in (1, 2, 3):
            wait_until(partial(launched, count), HUNG, "a launch", every=0.05)
            world.write(f"of others {count}")

    thread = threading.Thread(target=others)
    thread.start()
    try:
        results = executed(launch, run_id="monday", pulled={"pipeline": applied})
    finally:
        over.set()
        thread.join()
    assert [world.ran(result) for result in results] == ["monday"] * 3


def test_who_edits_the_pipeline_while_a_batch_runs_does_not_have_it_run_twice(world: World) -> None:
    apply, launch = world.tasks("edited", of=AckPipelineExecutionsOperator, executions=[{}, {}])
    launch.deferrable = True
    applied = executed(apply, run_id="monday")
    trigger = deferred(launch, run_id="monday", pulled={"pipeline": applied})
    for number in range(2):
        world.write(f"of others {number}")
    wait_until(world.all_told, HUNG, "the controller to tell the ends")
    with trying(launch, run_id="monday", pulled={"pipeline": applied}) as context:
        results = launch.execute_complete(context, {"progress": trigger.progress})
    assert [world.ran(result) for result in results] == ["monday"] * 2
    assert world.statuses() == ["Succeeded"] * 2, "nothing ran twice"


@pytest.mark.parametrize("of", [AckPipelineExecutionOperator, AckPipelineExecutionsOperator])
@pytest.mark.usefixtures("unstoppable")
def test_beside_what_cannot_be_stopped_the_own_definition_is_not_launched_either(world: World, of: type[Any]) -> None:
    options: dict[str, Any] = {"executions": [{}]} if of is AckPipelineExecutionsOperator else {}
    apply, launch = world.tasks("refused", of=of, **options)
    launch.deferrable = True
    pulled = {"pipeline": executed(apply, run_id="monday")}
    deferred(launch, run_id="monday", pulled=pulled)
    wait_until(world.all_taken, HUNG, "SageMaker to take it")
    world.write("of others")
    world.ask_to_stop()
    wait_until(world.all_refused, HUNG, "the controller to give up")
    for number in (2, 3):
        with pytest.raises(AckError, match="may run on"):
            executed(launch, run_id="monday", pulled=pulled, number=number, max_tries=4)
    assert world.statuses() == ["Executing"]


@pytest.mark.parametrize("ended", [False, True])
def test_what_a_lost_request_has_launched_is_looked_at_too(
    world: World, monkeypatch: pytest.MonkeyPatch, *, ended: bool
) -> None:
    apply, launch = world.tasks("lost")
    applied = executed(apply, run_id="monday")
    creates: list[str] = []

    def create(client: KubeClient, kind: Kind, manifest: dict[str, Any], **options: Any) -> dict[str, Any]:
        """The first request is slow: another definition is there by then; and its reply is lost."""
        creates.append(manifest["metadata"]["name"])
        if len(creates) > 1:
            return real(client, kind, manifest, **options)
        world.write("of others")
        wait_until(lambda: world.has("of others"), HUNG, "SageMaker to have it")
        real(client, kind, manifest, **options)
        wait_until(world.all_told if ended else world.all_taken, HUNG, "the controller's word")
        raise Unreachable("The reply was lost.", sent=True)

    real = KubeClient.create
    monkeypatch.setattr(KubeClient, "create", create)
    result = executed(launch, run_id="monday", pulled={"pipeline": applied})
    assert world.ran(result) == "monday"


def test_an_execution_of_a_batch_that_is_deleted_after_its_end_has_ended_so(world: World) -> None:
    apply, launch = world.tasks("deleted", of=AckPipelineExecutionsOperator, executions=[{}, {}])
    launch.deferrable = True
    applied = executed(apply, run_id="monday")
    trigger = deferred(launch, run_id="monday", pulled={"pipeline": applied})
    wait_until(world.all_told, HUNG, "the controller to tell the ends")
    progress = Progress.from_dict(trigger.progress)
    progress.ended = dict.fromkeys((0, 1), (1, State.SUCCEEDED))  # as its trigger has seen
    world.delete_executions()
    with trying(launch, run_id="monday", pulled={"pipeline": applied}) as context:
        results = launch.execute_complete(context, {"progress": progress.to_dict()})
        assert [result["state"] for result in results] == ["Succeeded"] * 2
        progress.proven.clear()
        with pytest.raises(AckExecutionStopped):  # and what may have run another's definition is no success
            launch.execute_complete(context, {"progress": progress.to_dict()})
    assert world.statuses() == ["Succeeded"] * 2, "nothing ran twice"


def test_a_version_that_is_asked_for_runs_whatever_was_applied(world: World) -> None:
    executed(world.tasks("before")[0], run_id="monday")
    apply, launch = world.tasks("pinned", pipeline_version_id=1)
    applied = executed(apply, run_id="tuesday")
    assert applied["changed"]
    launch.aws_conn_id = "aws_default"
    result = executed(launch, run_id="tuesday", pulled={"pipeline": applied})
    assert world.ran(result) == "monday"
    assert result["definition_sha256"] is None, "the Pipeline has another one by now"
    assert world.statuses() == ["Succeeded"]


def test_a_writer_that_respects_no_lease_leads_to_no_wrong_success(world: World) -> None:
    apply, launch = world.tasks("harassed")
    applied = executed(apply, run_id="monday")
    over = threading.Event()

    def harass() -> None:
        for number in range(12):
            world.write(f"of others {number}")
            over.wait(0.1)

    thread = threading.Thread(target=harass)
    thread.start()
    try:
        result = executed(launch, run_id="monday", pulled={"pipeline": applied})
    finally:
        over.set()
        thread.join()
    assert world.ran(result) == "monday"
    wait_until(lambda: "Executing" not in world.statuses(), HUNG, "what ran with another's to be stopped")

"""What a try attaches to, takes, or launches: this run's, and only what it asked for, whatever was edited meanwhile."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from structlog.testing import capture_logs

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_IDENTITY
from airflow_ack_sagemaker.exceptions import AckInputError
from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
from airflow_ack_sagemaker.operators.pipeline_executions import AckPipelineExecutionsOperator
from airflow_ack_sagemaker.operators.resource import AckResourceOperator
from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from harness.plain_client import connect
from tests.operators.tries import BEGAN, deferred, executed, trying

API = "/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/default"
MERGE = {"Content-Type": "application/merge-patch+json"}


@dataclass
class World:
    """What is in the cluster of one DAG, and what a controller writes there."""

    http: Any
    dag_id: str

    def executions(self) -> dict[str, dict[str, str]]:
        """Name -> parameters of each that is not being deleted."""
        items = self.http.get(f"{API}/pipelineexecutions").json()["items"]
        mine = [item for item in items if self.dag_id in json.dumps(item["metadata"].get("annotations", {}))]
        return {
            item["metadata"]["name"]: {p["name"]: p["value"] for p in item["spec"].get("pipelineParameters", [])}
            for item in mine
            if "deletionTimestamp" not in item["metadata"]
        }

    def raw(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"{API}/pipelineexecutions/{name}").json()
        return found

    def says(self, name: str, status: str, plural: str = "pipelineexecutions") -> None:
        synced = {"type": "ACK.ResourceSynced", "status": "False" if status == "Executing" else "True"}
        said = {"conditions": [synced]} | ({"pipelineExecutionStatus": status} if plural.startswith("pipe") else {})
        self.http.patch(f"{API}/{plural}/{name}/status", json={"status": said}, headers=MERGE).raise_for_status()

    def one(self, *, retries: int = 2, pipeline: str = "abalone", **options: Any) -> AckPipelineExecutionOperator:
        with DAG(self.dag_id):
            return AckPipelineExecutionOperator(
                task_id="t", pipeline_name=pipeline, retries=retries, aws_conn_id=None, **options
            )

    def batch(self, *rounds: int, **options: Any) -> AckPipelineExecutionsOperator:
        with DAG(self.dag_id):
            return AckPipelineExecutionsOperator(
                task_id="t",
                pipeline_name="abalone",
                executions=[{"Rounds": number} for number in rounds],
                retries=2,
                aws_conn_id=None,
                **options,
            )


@pytest.fixture
def world(api_server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    connection = {"conn_type": "kubernetes", "extra": {"kube_config": api_server.kubeconfig()}}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
    with connect(api_server.kubeconfig()) as http:
        yield World(http, f"d-{uuid.uuid4().hex[:8]}")


def test_retries_that_were_lowered_during_a_run_are_no_clear(world: World) -> None:
    """They stopped a healthy execution and launched a second."""
    name = deferred(world.one(retries=2)).name
    world.says(name, "Executing")
    assert deferred(world.one(retries=0), number=2).name == name
    assert list(world.executions()) == [name]


def test_a_clear_after_retries_were_raised_launches_again(world: World) -> None:
    """It did nothing, green. A clear at the first try, with the new file's three retries."""
    name = deferred(world.one(retries=2)).name
    world.says(name, "Succeeded")
    again = deferred(world.one(retries=4), number=2, max_tries=4).name
    assert again != name
    assert sorted(world.executions()) == sorted([name, again])


def test_a_run_that_was_deleted_and_made_again_launches_again(world: World) -> None:
    name = deferred(world.one()).name
    world.says(name, "Succeeded")
    again = deferred(world.one(), began=BEGAN + timedelta(hours=1)).name
    assert sorted(world.executions()) == sorted([name, again])


def test_a_copy_of_the_annotation_is_not_this_runs_success(world: World) -> None:
    victim = world.one()
    identity = json.dumps([world.dag_id, "run", "t", -1], separators=(",", ":"))
    made = world.raw(deferred(world.one(), run_id="another").name)
    annotations = {**made["metadata"]["annotations"], ANNOTATION_IDENTITY: identity}
    name = f"copy-{world.dag_id}"
    with DAG(world.dag_id):
        labels = world.raw(deferred(world.one()).name)["metadata"]["labels"]
    for mine in list(world.executions()):
        world.http.request("DELETE", f"{API}/pipelineexecutions/{mine}")
    body = {**made, "metadata": {"name": name, "labels": labels, "annotations": annotations}}
    body.pop("status", None)
    world.http.post(f"{API}/pipelineexecutions", json=body).raise_for_status()
    world.says(name, "Succeeded")
    with pytest.raises(AckInputError, match="copied"):
        executed(victim)
    assert list(world.executions()) == [name], "nothing was launched"


def test_a_dag_that_was_corrected_attaches_to_no_other_pipeline(world: World) -> None:
    name = deferred(world.one(pipeline="staging")).name
    with pytest.raises(AckInputError, match=r"staging.*production"):
        executed(world.one(pipeline="production"), number=2)
    assert list(world.executions()) == [name]


def test_two_airflows_in_one_namespace_do_not_meet(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    for instance in ("here", "there"):
        monkeypatch.setenv("AIRFLOW__ACK_SAGEMAKER__INSTANCE", instance)
        names.append(deferred(world.one()).name)
    assert len(set(names)) == 2
    assert sorted(world.executions()) == sorted(names)


def test_a_retry_after_an_edit_says_what_it_attached_to(world: World) -> None:
    deferred(world.one(parameters={"Rounds": 100, "ApiKey": "hunter2-hunter2"}))
    with capture_logs() as logs:
        deferred(world.one(parameters={"Rounds": 7, "ApiKey": "another-secret"}), number=2)
    text = str(logs)
    assert "Rounds='100', now '7'" in text
    assert "hunter2" not in text
    assert "another-secret" not in text


def test_a_list_that_was_edited_between_two_tries_trains_nothing_twice_and_nothing_never(world: World) -> None:
    deferred(world.batch(1, 2, 3))
    before = world.executions()
    for name in before:
        world.says(name, "Succeeded")
    result = executed(world.batch(3, 1, 2), number=2)
    assert world.executions() == before
    assert [line["parameters"]["Rounds"] for line in result] == ["3", "1", "2"]
    with pytest.raises(AckInputError, match="Rounds"):
        executed(world.batch(3, 1, 9), number=2)


LITERALS = ["1.10", "1_000", "0x1F", "1e3", "007", "True", "None", "[1]", "{'a': 1}", "'quoted'", "1 + 1", " 5", "0b1"]


@pytest.mark.parametrize("literal", LITERALS)
def test_a_literal_stays_what_it_is_also_with_native_objects(literal: str) -> None:
    with DAG("d", render_template_as_native_obj=True):
        task = AckPipelineExecutionOperator(
            task_id="t",
            pipeline_name="abalone",
            parameters={"Version": literal},
            display_name=literal,
            namespace=literal,
        )
        pipeline = AckPipelineOperator(
            task_id="p",
            pipeline_name="abalone",
            role_arn="r",
            definition_uri="s3://b/k",
            tags={"Version": literal},
            placeholders={"VERSION": literal},
        )
    for rendered in (task, pipeline):
        with trying(rendered) as context:
            rendered.render_template_fields(context)
    assert task.parameters == {"Version": literal}
    assert (task.display_name, task.namespace) == (literal, literal)
    assert (pipeline.tags, pipeline.placeholders) == ({"Version": literal}, {"VERSION": literal})


def test_an_empty_string_is_refused_before_anything_is_created(world: World) -> None:
    with pytest.raises(AckInputError, match="Name"):
        executed(world.one(parameters={"Name": ""}))
    assert world.executions() == {}


def test_what_looks_like_a_secret_is_masked_in_what_a_task_leaves(world: World) -> None:
    """The event that a trigger fires is what it was given, and becomes the XCom."""
    left = deferred(world.one(parameters={"ApiKey": "hunter2-hunter2", "Rounds": 3}))
    assert world.executions()[left.name]["ApiKey"] == "hunter2-hunter2"
    assert "hunter2" not in json.dumps(left.serialize()[1])
    assert left.echo["parameters"]["Rounds"] == "3"
    pushed: dict[str, Any] = {}
    trigger = deferred(world.batch(1, parameters={"ApiKey": "hunter2-hunter2"}), run_id="batch", pushed=pushed)
    assert "hunter2" not in json.dumps(trigger.serialize()[1])


def test_so_it_is_in_what_an_edited_list_is_told(world: World) -> None:
    deferred(world.batch(1, parameters={"ApiKey": "hunter2-hunter2"}))
    with pytest.raises(AckInputError, match="Rounds") as error:
        executed(world.batch(1, parameters={"ApiKey": "another-secret"}), number=2)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(("said", "waits"), [("False", False), ("True", True)])
def test_default_deferrable_is_obeyed(said: str, waits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", said)
    assert AckPipelineExecutionOperator(task_id="t", pipeline_name="p").deferrable is waits
    assert AckResourceOperator(task_id="t", kind="Model", name="m", spec={}).deferrable is waits

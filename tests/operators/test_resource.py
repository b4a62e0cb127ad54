"""Resources of any kind by the operators themselves, on the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_ack_sagemaker.core.resource.kinds import Kind
from airflow_ack_sagemaker.core.resource.manifest import resource_manifest
from airflow_ack_sagemaker.exceptions import AckClusterError, AckInputError
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.operators.delete_resource import AckDeleteResourceOperator
from airflow_ack_sagemaker.operators.resource import AckResourceOperator
from airflow_ack_sagemaker.testing import AckSandbox
from harness.waiting import HUNG, wait_until
from tests.operators.tries import executed
from tests.sandbox.specs import SPECS


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[AckSandbox]:
    with AckSandbox(speed=600) as sandbox:
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        yield sandbox


def manifest(kind: str, name: str = "before", **changes: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}, "spec": {**SPECS[kind], **changes}}


MANIFEST = [
    manifest("Endpoint", endpointName="before"),
    manifest("EndpointConfig", endpointConfigName="before"),
    manifest("Model", modelName="before"),
]


def applying(**options: Any) -> AckResourceOperator:
    with DAG("d"):
        return AckResourceOperator(task_id="t", deferrable=False, poll_interval=1, **options)


def deleting(**options: Any) -> AckDeleteResourceOperator:
    with DAG("d"):
        return AckDeleteResourceOperator(task_id="t", deferrable=False, poll_interval=1, **options)


def test_several_are_applied_in_order_and_deleted_in_the_reverse(sandbox: AckSandbox) -> None:
    done = executed(applying(manifest=MANIFEST))
    assert [each["kind"] for each in done] == ["Model", "EndpointConfig", "Endpoint"]
    assert done[2]["status"] == "InService"
    assert done[2]["productionVariants"][0]["variantName"] == "a"
    assert not any(each["changed"] for each in executed(applying(manifest=MANIFEST)))
    with pytest.raises(AckInputError, match="endpointconfig/before refer to it"):
        executed(deleting(kind="Model", name="before"))
    gone = executed(deleting(manifest=MANIFEST))
    assert [each["kind"] for each in gone] == ["Endpoint", "EndpointConfig", "Model"]
    assert all(each["deleted"] for each in gone)
    assert sandbox.resources("Model") == []


@pytest.mark.parametrize("rounds", [1, 99])
def test_what_is_made_anew_while_it_is_to_be_deleted_is_deleted(
    rounds: int, sandbox: AckSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed(applying(manifest=manifest("Model", modelName="before")))
    left, delete = [None] * rounds, KubeClient.delete

    def made_anew(client: KubeClient, kind: Kind, name: str, namespace: str, **options: Any) -> Any:
        if left:
            left.pop()
            delete(client, kind, name, namespace)
            wait_until(lambda: not sandbox.resources("Model"), HUNG, "the former one to be gone")
            body = resource_manifest("Model", name, namespace, SPECS["Model"], labels={}, annotations={})
            client.create(kind, body)
        return delete(client, kind, name, namespace, **options)

    monkeypatch.setattr(KubeClient, "delete", made_anew)
    task = deleting(kind="Model", name="before")
    if rounds == 1:
        assert executed(task)["deleted"]
        assert sandbox.resources("Model") == []
    else:
        with pytest.raises(AckClusterError, match="was made anew each of the 5 times"):
            executed(task)
        assert len(sandbox.resources("Model")) == 1


def test_a_job_without_a_name_is_its_runs(sandbox: AckSandbox) -> None:
    spec = {name: value for name, value in SPECS["TrainingJob"].items() if name != "trainingJobName"}
    done = executed(applying(kind="TrainingJob", spec=spec))
    assert done["status"] == "Completed"
    assert done["modelArtifacts"]["s3ModelArtifacts"].endswith("/output/model.tar.gz")
    assert executed(applying(kind="TrainingJob", spec=spec))["name"] == done["name"]
    assert len(sandbox.resources("TrainingJob")) == 1


def test_an_edit_that_a_kind_cannot_do_is_an_error_of_the_dags(sandbox: AckSandbox) -> None:
    executed(applying(manifest=manifest("Model", modelName="before")))
    with pytest.raises(AckInputError, match="give it a new name"):
        executed(applying(manifest=manifest("Model", modelName="before", primaryContainer={"image": "other:1"})))

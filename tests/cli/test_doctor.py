"""``ack-sagemaker doctor`` as a user calls it, against a cluster, a controller and SageMaker."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from airflow_ack_sagemaker.cli.main import main
from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, PipelineSpec
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import from_kubeconfig
from airflow_ack_sagemaker.sandbox import ManualClock, Sandbox
from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from harness.waiting import wait_until
from tests.kube.objects import kubeconfig, listed, stored
from tests.kube.servers import HttpServer, Seen

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "1",
}
DEFINITION = json.dumps({"Version": "2020-12-01", "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}}]})


class World:
    """A sandbox whose time stands still, with one pipeline."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.client = KubeClient(from_kubeconfig(str(sandbox.kubeconfig_path)))
        self.sagemaker: Any = boto3.client("sagemaker", region_name="us-east-1", **self.aws)
        spec = PipelineSpec("abalone", "arn:aws:iam::123456789012:role/sagemaker-pipelines", DEFINITION)
        self.client.create(PIPELINE, spec.manifest("default"))
        wait_until(lambda: self._status(PIPELINE, "abalone").get("pipelineStatus") == "Active", 120, "the pipeline")

    @property
    def aws(self) -> dict[str, Any]:
        return {
            "endpoint_url": self.sandbox.aws_endpoint_url,
            "aws_access_key_id": "sandbox",
            "aws_secret_access_key": "sandbox",
        }

    def launch(self, run: str) -> dict[str, Any]:
        """An execution as the operator launches it, running."""
        manifest = ExecutionSpec("abalone").manifest("default", RunIdentity("d", run, "t"), attempt=1, tried=Try())
        name = manifest["metadata"]["name"]
        self.client.create(PIPELINE_EXECUTION, manifest)
        wait_until(lambda: self._status(PIPELINE_EXECUTION, name).get("pipelineExecutionStatus"), 120, "the execution")
        return self.client.get(PIPELINE_EXECUTION, name)

    def start_again(self, display_name: str) -> str:
        """What a controller does that has lost the write of its status."""
        arn = self.sagemaker.start_pipeline_execution(
            PipelineName="abalone", PipelineExecutionDisplayName=display_name, ClientRequestToken="0" * 32
        )["PipelineExecutionArn"]
        return str(arn)

    def _status(self, kind: Any, name: str) -> dict[str, Any]:
        return dict(self.client.get(kind, name).get("status") or {})


@pytest.fixture
def world() -> Iterator[World]:
    # SageMaker's time stands an hour ago: what has only just been started is not judged.
    with Sandbox(clock=ManualClock(time.time() - 3600)) as sandbox:
        world = World(sandbox)
        yield world
        world.client.close()
        world.sagemaker.close()


class Doctor:
    """Calls the command; gives its exit status and what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: str, **environment: str) -> tuple[int, str]:
        with self._monkeypatch.context() as patch:
            for name, value in {**ENVIRONMENT, **environment}.items():
                patch.setenv(name, value)
            status = main(["doctor", *arguments])
        output = self._capsys.readouterr()
        return status, output.out + output.err


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    return Doctor(capsys, monkeypatch)


def test_an_execution_that_was_started_twice_is_found(world: World, doctor: Doctor) -> None:
    resource = world.launch("monday")
    at = ["--kubeconfig", str(world.sandbox.kubeconfig_path)]
    aws = {"AWS_ENDPOINT_URL": str(world.sandbox.aws_endpoint_url)}
    status, said = doctor(*at, **aws)
    assert status == 0
    assert str(world.sandbox.kubernetes_url) in said
    assert "1 pipelines, 1 executions  [namespace default]" in said
    assert "1 executions of 1 pipelines in 30 days" in said
    assert said.endswith("\nNothing is wrong.\n")
    extra = world.start_again(resource["metadata"]["name"])
    status, said = doctor(*at, **aws)
    assert status == 3
    assert f"2 executions have the display name {resource['metadata']['name']}" in said
    assert f"owns {resource['status']['ackResourceMetadata']['arn']} (Executing" in said
    assert f"no resource owns {extra} (Executing" in said
    assert f"aws sagemaker stop-pipeline-execution --pipeline-execution-arn {extra}" in said
    assert doctor(*at, "--pipeline", "another", **aws)[0] == 0
    assert doctor(*at, "--no-aws")[0] == 0
    status, said = doctor(*at, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert status == 1
    assert "unchecked  sagemaker   Executions of abalone in SageMaker: " in said


def test_findings_and_missing_permissions(doctor: Doctor, tmp_path: Path) -> None:
    """An execution that nobody has touched since 2026, and a user who may neither watch nor delete."""
    old = stored("old", 3)
    old["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    del old["status"]

    def behave(seen: Seen) -> None:
        if seen.path.endswith("/selfsubjectaccessreviews"):
            asked = json.loads(seen.body)["spec"]["resourceAttributes"]
            assert asked["group"] == "sagemaker.services.k8s.aws"
            assert asked["namespace"] == "ml"
            seen.answer({"status": {"allowed": asked["verb"] not in ("watch", "delete")}}, 201)
        elif seen.path == "/version":
            seen.answer({"gitVersion": "v1.37.2"})
        elif seen.path == "/apis/sagemaker.services.k8s.aws/v1alpha1":
            seen.answer({"resources": [{"kind": "Pipeline"}, {"kind": "PipelineExecution"}]})
        elif not seen.path.startswith("/apis/sagemaker"):
            seen.answer({"kind": "Status", "code": 403, "reason": "Forbidden"}, 403)
        else:
            seen.answer(listed(5, *([old] if seen.path.endswith("/pipelineexecutions") else [])))

    with HttpServer(behave) as server:
        (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig(server.url)))
        status, said = doctor("--kubeconfig", str(tmp_path / "kubeconfig"), "--namespace", "ml", "--no-aws")
    assert status == 3
    assert "PROBLEM    rights      This user may not watch, delete pipelines  [" in said
    assert "PROBLEM    rights      This user may not watch, delete pipelineexecutions  [" in said
    assert "Nobody reconciles this namespace" in said
    assert "Nobody reconciles 1 resource" in said
    assert "pipelineexecution/old" in said


def test_a_cluster_without_the_kinds(doctor: Doctor, tmp_path: Path) -> None:
    with ApiServer(crds=[]) as bare:
        (tmp_path / "kubeconfig").write_text(json.dumps(bare.kubeconfig()))
        status, said = doctor("--kubeconfig", str(tmp_path / "kubeconfig"))
    assert status == 3
    assert "PROBLEM    kinds       The cluster does not know Pipeline and PipelineExecution" in said
    assert "to do:      Install the ACK SageMaker controller" in said


def test_what_cannot_be_checked(doctor: Doctor, tmp_path: Path) -> None:
    status, said = doctor("--kubeconfig", str(tmp_path / "missing"))
    assert (status, said.startswith("unchecked  cluster ")) == (1, True)
    status, said = doctor("--pipeline", "not a name", "--kubeconfig", str(tmp_path / "missing"))
    assert (status, "is not a SageMaker pipeline name" in said) == (2, True)

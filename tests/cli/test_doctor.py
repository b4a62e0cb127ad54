"""``ack-sagemaker doctor`` as a user calls it, against a cluster, a controller and SageMaker."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from airflow_ack_sagemaker import __version__
from airflow_ack_sagemaker.cli.doctor import HISTORY_LIMIT
from airflow_ack_sagemaker.cli.main import main
from airflow_ack_sagemaker.core.doctor.rights import LIFECYCLE_KINDS
from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, PipelineSpec
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import from_kubeconfig
from airflow_ack_sagemaker.sandbox import ManualClock, Sandbox
from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from harness.real_cluster import RealCluster
from harness.waiting import HUNG, wait_until
from tests.cli.here import Here
from tests.cli.world import ROLE, Cli
from tests.kube.objects import kubeconfig as kubeconfig_of
from tests.kube.objects import listed, stored
from tests.kube.servers import HttpServer, Seen

DEPLOY = Path(__file__).parents[2] / "deploy" / "kubernetes"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "1",
}
DEFINITION = json.dumps({"Version": "2020-12-01", "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}}]})


class Still:
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
def still() -> Iterator[Still]:
    # SageMaker's time stands an hour ago: what has only just been started is not judged.
    with Sandbox(clock=ManualClock(time.time() - 3600)) as sandbox:
        still = Still(sandbox)
        yield still
        still.client.close()
        still.sagemaker.close()


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


def test_an_execution_that_was_started_twice_is_found(still: Still, doctor: Doctor) -> None:
    resource = still.launch("monday")
    at = ["--kubeconfig", str(still.sandbox.kubeconfig_path)]
    aws = {"AWS_ENDPOINT_URL": str(still.sandbox.aws_endpoint_url)}
    status, said = doctor(*at, **aws)
    assert status == 0
    assert str(still.sandbox.kubernetes_url) in said
    assert "1 pipelines, 1 executions  [namespace default]" in said
    assert "1 executions of 1 pipelines in 30 days" in said
    assert said.endswith("\nNothing wrong was found; 1 could not be looked at.\n"), "the role's trust"
    extra = still.start_again(resource["metadata"]["name"])
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


def told_of(
    doctor: Doctor, here: Here, folder: Path, *arguments: str, **environment: str
) -> tuple[int, list[dict[str, Any]]]:
    """The exit status and the lines."""
    with HttpServer(here) as server:
        (folder / "kubeconfig").write_text(json.dumps(kubeconfig_of(server.url)))
        status, said = doctor("--kubeconfig", str(folder / "kubeconfig"), "-o", "json", *arguments, **environment)
    return status, json.loads(said)["lines"]


def test_what_is_missing_hides_nothing_else(doctor: Doctor, tmp_path: Path) -> None:
    """Fields that the cluster does not have, pipelines that cannot be listed: all the rest is told."""
    refused = dict(stored("refused", 3), status={"conditions": [{"type": "ACK.Terminal", "status": "True"}]})
    here = Here(refused, refused={("GET", "pipelines")})
    status, lines = told_of(doctor, here, tmp_path, "--no-aws")
    levels = [(line["check"], line["level"]) for line in lines]
    assert status == 3
    assert [level for level in levels if level[1] == "unchecked"] == [("resources", "unchecked")]
    for check in ("fields", "executions"):
        assert (check, "problem") in levels
    assert ("rights", "ok") in levels
    assert "1 executions" in {line["what"] for line in lines if line["check"] == "resources"}
    assert lines[0]["what"] == f"airflow-ack-sagemaker {__version__}"


def test_executions_that_cannot_be_listed_are_not_taken_for_none(doctor: Doctor, tmp_path: Path) -> None:
    status, lines = told_of(doctor, Here(refused={("GET", "pipelineexecutions")}), tmp_path)
    unchecked = [line["what"] for line in lines if line["level"] == "unchecked"]
    assert status == 3, "of the fields"
    assert unchecked[0].startswith("Cannot list pipelineexecutions in default")
    assert unchecked[1].startswith("Executions in SageMaker have nothing to be compared with")
    assert "0 pipelines" in {line["what"] for line in lines if line["check"] == "resources"}


def test_a_pipeline_that_sagemaker_does_not_tell_of_hides_no_other(doctor: Doctor, tmp_path: Path) -> None:
    def aws(seen: Seen) -> None:
        if json.loads(seen.body)["PipelineName"] == "a":
            seen.answer({"__type": "AccessDeniedException", "message": "not of a"}, 400)
        else:
            seen.answer({"PipelineExecutionSummaries": []})

    executions = [{**stored(name, 1, "Succeeded"), "spec": {"pipelineName": name}} for name in ("a", "b")]
    with HttpServer(aws) as sagemaker:
        _, lines = told_of(doctor, Here(*executions), tmp_path, AWS_ENDPOINT_URL=sagemaker.url)
    said = [(line["level"], line["what"]) for line in lines if line["check"] == "sagemaker"]
    assert said[0] == ("ok", "0 executions of 1 pipelines in 30 days")
    assert (said[1][0], "not of a" in said[1][1], said[2:]) == ("unchecked", True, [])


def test_nothing_has_shown_a_controller(doctor: Doctor, tmp_path: Path) -> None:
    with ApiServer() as empty:
        (tmp_path / "kubeconfig").write_text(json.dumps(empty.kubeconfig()))
        status, said = doctor("--kubeconfig", str(tmp_path / "kubeconfig"), "--no-aws")
    assert (status, "skipped    controller " in said) == (0, True)
    assert said.endswith("\nNothing wrong was found; 1 could not be looked at.\n")


def test_a_namespace_that_is_not_there(cli: Cli) -> None:
    """Nothing is wrong in it."""
    assert cli.world is not None
    cli.world.namespace, there = "mistyped", cli.world.namespace
    try:
        said = cli("doctor", "--no-aws", "-o", "json")
    finally:
        cli.world.namespace = there
    assert said.status == 3
    assert [line["what"] for line in said.json["lines"] if line["level"] == "problem"] == [
        "There is no namespace mistyped"
    ]


def test_a_namespace_that_goes(doctor: Doctor, tmp_path: Path) -> None:
    class Going(Here):
        def __call__(self, seen: Seen) -> None:
            if seen.path == "/api/v1/namespaces/default":
                seen.answer({"kind": "Namespace", "status": {"phase": "Terminating"}})
            else:
                super().__call__(seen)

    status, lines = told_of(doctor, Going(), tmp_path, "--no-aws")
    assert status == 3
    assert "Namespace default is being deleted" in " ".join(line["what"] for line in lines)


@pytest.mark.parametrize("refused", [True, False])
def test_fixed_is_what_was_deleted(doctor: Doctor, tmp_path: Path, refused: bool) -> None:
    many = [stored(f"e{number:02}", number + 1, "Succeeded") for number in range(HISTORY_LIMIT + 3)]
    no = [("DELETE", "e02")] if refused else []
    here = Here(*many, gone="e01", refused=no)
    status, lines = told_of(doctor, here, tmp_path, "--fix", "--no-aws")
    found = [(line["level"], line["what"]) for line in lines if line["check"] == "fixed"]
    assert found[0] == ("ok", f"{1 if refused else 2} finished executions were collected")
    assert [level for level, _ in found[1:]] == (["unchecked"] if refused else [])
    assert status == 3, "of the fields"


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
        (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig_of(server.url)))
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
    assert (status, "\nunchecked  cluster " in said) == (1, True)
    status, said = doctor("--pipeline", "not a name", "--kubeconfig", str(tmp_path / "missing"))
    assert (status, "is not a SageMaker pipeline name" in said) == (2, True)


def test_on_each_api_server(cli: Cli) -> None:
    """All that it looks at, as JSON: the same lines by the sandbox's API server and a real one."""
    world = cli.world
    assert world is not None
    cli.done("apply", str(world.definition), "--pipeline", "doctored", "--role-arn", ROLE)
    told = cli.done("doctor", "-o", "json").json
    assert set(told) == {"server", "namespace", "result", "lines"}
    assert (told["namespace"], told["result"]) == (world.namespace, "ok")
    assert all(set(line) == {"check", "level", "what", "where", "todo", "fixable"} for line in told["lines"])
    found = {line["check"]: line["level"] for line in told["lines"]}
    wanted = ("cluster", "kinds", "fields", "rights", "resources", "controller", "sagemaker")
    assert {check: found.get(check) for check in wanted} == dict.fromkeys(wanted, "ok")
    models = ", ".join(kind.plural for kind in LIFECYCLE_KINDS)
    assert f"And the same of {models}" in {line["what"] for line in told["lines"]}


def test_fix_collects_finished_executions_and_a_dry_run_does_not(cli: Cli) -> None:
    world = cli.world
    assert world is not None
    cli.done("apply", str(world.definition), "--pipeline", "fixed", "--role-arn", ROLE)
    many = [f"fixed-{number}" for number in range(HISTORY_LIMIT + 2)]
    for name in many:
        cli.done("run", "fixed", "--name", name, "--no-wait")
    cli.done("wait", *many)
    listed = ("list", "--pipeline", "fixed", "-o", "name")
    for dry in ("client", "server"):
        lines = cli("doctor", "--fix", "--dry-run", dry, "--no-aws", "-o", "json").json["lines"]
        assert [line["what"] for line in lines if line["check"] == "fixed"] == [
            "2 finished executions would be collected"
        ]
        assert len(cli.done(*listed).out.splitlines()) == len(many)
    cli("doctor", "--fix", "--no-aws")
    wait_until(lambda: len(cli.done(*listed).out.splitlines()) == HISTORY_LIMIT, HUNG, "two of them to be gone")


def test_as_a_user_of_pipelines_alone(real_cluster: RealCluster, doctor: Doctor) -> None:
    """With the rights of deploy/kubernetes/rbac.yaml, which are enough for pipelines."""
    rights = yaml.safe_load_all((DEPLOY / "rbac.yaml").read_text())
    kubeconfig = real_cluster.add_namespace(f"doctor-{secrets.token_hex(4)}", rights)
    status, said = doctor("--kubeconfig", str(kubeconfig), "--no-aws")
    assert "ok         rights      This user may get, list, watch, create, patch, delete pipelines and exec" in said
    assert "ok         rights      This user may not write models, modelpackages, " in said
    assert "skipped    resources   This user may not list models, modelpackages, " in said
    assert "skipped    lease       The leader's Lease cannot be read: " in said
    assert said.endswith("\nNothing wrong was found; 3 could not be looked at.\n"), "and no controller was seen"
    assert (status, "PROBLEM" in said) == (0, False), said


def test_as_a_user_without_rights(real_cluster: RealCluster, doctor: Doctor) -> None:
    status, said = doctor("--kubeconfig", str(real_cluster.airflow_kubeconfig), "--no-aws", "-n", "kube-system")
    assert "PROBLEM    rights      This user may not get, list, watch, create, patch, delete pipelines " in said
    for plural in ("pipelines", "pipelineexecutions"):
        assert f"unchecked  resources   Cannot list {plural} in kube-system" in said
    assert status == 3, "what is known to be wrong counts more than what could not be looked at"

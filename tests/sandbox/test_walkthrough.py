"""The walk-through by hand: stock kubectl against the running command, with files as a user has them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.plain_client import connect
from harness.waiting import HUNG
from tests.sandbox.conftest import client, http, until
from tests.sandbox.definitions import CHAIN, ROLE
from tests.support.kubectl import Kubectl

PIPELINE = f"""\
apiVersion: sagemaker.services.k8s.aws/v1alpha1
kind: Pipeline
metadata:
  name: abalone
spec:
  pipelineName: abalone
  pipelineDisplayName: abalone
  parallelismConfiguration:
    maxParallelExecutionSteps: 2
  roleARN: {ROLE}
  pipelineDefinition: |
    {CHAIN}
"""

EXECUTION = """\
apiVersion: sagemaker.services.k8s.aws/v1alpha1
kind: PipelineExecution
metadata:
  name: {name}
spec:
  pipelineName: abalone
  pipelineExecutionDescription: "Run by hand."
  parallelismConfiguration:
    maxParallelExecutionSteps: 2
"""


class Command:
    """A running ``ack-sagemaker sandbox``."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory
        command = [
            sys.executable,
            "-m",
            "airflow_ack_sagemaker.cli.main",
            "sandbox",
            "--directory",
            str(directory),
            *arguments,
        ]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )

    def about(self) -> dict[str, Any]:
        """What it wrote down once it was ready."""
        file = self.directory / "sandbox.json"

        def ready() -> bool:
            assert self.process.poll() is None, self.process.communicate()[0]
            return file.exists()

        until(ready, "the sandbox is ready")
        return dict(json.loads(file.read_text()))

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End it; gives its exit status and what it printed."""
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=HUNG)
        return self.process.returncode, output


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    # Runs of the pipeline wait in their step Train until a test lets them go on.
    command = Command(tmp_path_factory.mktemp("sandbox"), "--speed", "60", "--script", "abalone/Train=hold")
    try:
        command.about()
        yield command
    finally:
        status, output = command.end()
    assert status == 0
    assert "Traceback" not in output
    assert "The sandbox runs (aws, controller, kubernetes)" in output
    assert f"source {tmp_path_factory.getbasetemp()}" in output


def words(output: Path) -> list[list[str]]:
    """What is in a file by now, line by line."""
    return [line.split() for line in output.read_text().splitlines()]


def test_the_walk_through(sandbox: Command, tmp_path: Path, kubectl_binary: Path) -> None:
    about = sandbox.about()
    kubectl = Kubectl(kubectl_binary, Path(about["kubeconfig"]), tmp_path)
    sagemaker = client("sagemaker", about["aws_endpoint_url"])
    files = {
        "pipeline.yaml": PIPELINE,
        "run-1.yaml": EXECUTION.format(name="run-1"),
        "run-2.yaml": EXECUTION.format(name="run-2"),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    assert "pipeline.sagemaker.services.k8s.aws/abalone created" in kubectl(
        "apply", "-f", str(tmp_path / "pipeline.yaml")
    )
    kubectl(
        "wait", "--for=condition=ACK.ResourceSynced", "pipelines.sagemaker.services.k8s.aws/abalone", "--timeout=600s"
    )
    assert "unchanged" in kubectl("apply", "-f", str(tmp_path / "pipeline.yaml"))
    seen = tmp_path / "seen"
    with kubectl.going_on(seen, "get", "pipelineexecutions", "-w"):
        kubectl("apply", "-f", str(tmp_path / "run-1.yaml"))
        kubectl(
            "wait",
            "--for=jsonpath={.status.pipelineExecutionStatus}=Executing",
            "pipelineexecution/run-1",
            "--timeout=600s",
        )
        listed = kubectl("get", "pipelineexecution", "run-1").splitlines()
        assert [line.split() for line in listed] == [["NAME", "STATUS"], ["run-1", "Executing"]]
        arn = kubectl("get", "pipelineexecution", "run-1", "-o", "jsonpath={.status.ackResourceMetadata.arn}")
        steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        assert [step["StepName"] for step in steps][-1] == "Prepare"
        http("POST", f"{about['aws_endpoint_url']}/_sandbox/release")
        kubectl(
            "wait",
            "--for=jsonpath={.status.pipelineExecutionStatus}=Succeeded",
            "pipelineexecution/run-1",
            "--timeout=600s",
        )
        # What it prints comes after what the other command has waited for.
        until(lambda: words(seen)[-1:] == [["run-1", "Succeeded"]], "the watch to print the end")
    assert words(seen)[0] == ["NAME", "STATUS"]
    assert ["run-1", "Executing"] in words(seen)
    described = kubectl("describe", "pipelineexecution", "run-1")
    assert "Pipeline Execution Status:  Succeeded" in described
    assert "PipelineExecution is in Succeeded status." in described

    kubectl("apply", "--server-side", "-f", str(tmp_path / "run-2.yaml"))
    kubectl(
        "wait",
        "--for=jsonpath={.status.pipelineExecutionStatus}=Executing",
        "pipelineexecution/run-2",
        "--timeout=600s",
    )
    stopped = kubectl("get", "pipelineexecution", "run-2", "-o", "jsonpath={.status.ackResourceMetadata.arn}")
    # kubectl waits until it is gone: until SageMaker has stopped it.
    kubectl("delete", "pipelineexecution", "run-2", "--timeout=600s")
    assert sagemaker.describe_pipeline_execution(PipelineExecutionArn=stopped)["PipelineExecutionStatus"] == "Stopped"
    kubectl("delete", "-f", str(tmp_path / "run-1.yaml"), "-f", str(tmp_path / "pipeline.yaml"), "--timeout=600s")
    assert "NotFound" in kubectl.error("get", "pipelines.sagemaker.services.k8s.aws", "abalone")
    assert sagemaker.list_pipelines()["PipelineSummaries"] == []
    sagemaker.close()


def test_outcomes_are_scripted_while_it_runs(sandbox: Command) -> None:
    url = sandbox.about()["aws_endpoint_url"]
    rules = ["Train=Failed:out of memory"]
    assert http("PUT", f"{url}/_sandbox/script", {"rules": rules, "step_seconds": 1}) == {
        "rules": rules,
        "step_seconds": 1.0,
    }
    sagemaker = client("sagemaker", url)
    sagemaker.create_pipeline(PipelineName="scripted", PipelineDefinition=CHAIN, RoleArn=ROLE)
    arn = sagemaker.start_pipeline_execution(PipelineName="scripted")["PipelineExecutionArn"]

    def failed() -> bool:
        described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return bool(described["PipelineExecutionStatus"] == "Failed")

    until(failed, "the execution fails")
    assert http("DELETE", f"{url}/_sandbox/script")["rules"] == []
    sagemaker.close()


def test_the_files_are_private_and_the_token_is_needed(sandbox: Command, tmp_path: Path) -> None:
    about = sandbox.about()
    for name in ("kubeconfig", "environment.sh", "sandbox.json"):
        assert (sandbox.directory / name).stat().st_mode & 0o077 == 0
    assert about["pid"] == sandbox.process.pid
    assert about["token"] in Path(about["kubeconfig"]).read_text()


def test_a_port_that_is_taken_is_said(sandbox: Command, tmp_path: Path) -> None:
    port = sandbox.about()["aws_endpoint_url"].rpartition(":")[2]
    for option in ("--aws-port", "--kubernetes-port"):
        second = Command(tmp_path / option, option, port)
        output, _ = second.process.communicate(timeout=HUNG)
        assert second.process.returncode == 1
        assert (
            f"cannot listen on 127.0.0.1:{port} (Address already in use). Choose another port with {option}" in output
        )
        assert "Traceback" not in output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--components", "controller"], "name one with --kubeconfig"),
        (["--components", "controller,kubernetes"], "name one with --aws-endpoint-url"),
        (["--components", "database"], "There are kubernetes, controller, aws."),
        (["--script", "nonsense"], "is not a rule"),
        (["--speed", "0"], "must be above 0"),
    ],
)
def test_wrong_arguments_are_said(arguments: list[str], said: str, tmp_path: Path) -> None:
    command = Command(tmp_path, *arguments)
    output, _ = command.process.communicate(timeout=HUNG)
    assert command.process.returncode == 2
    assert said in output
    assert len(output.splitlines()) == 1


def test_each_part_starts_alone_and_ends_on_a_signal(tmp_path: Path, kubectl_binary: Path) -> None:
    """Three processes, one for each part, run a pipeline together; Ctrl-C ends each."""
    parts = [
        Command(tmp_path / "aws", "--components", "aws"),
        Command(tmp_path / "kubernetes", "--components", "kubernetes"),
    ]
    try:
        aws, kubernetes = parts[0].about(), parts[1].about()
        assert aws["kubeconfig"] is None
        assert kubernetes["aws_endpoint_url"] is None
        arguments = ("--kubeconfig", kubernetes["kubeconfig"], "--aws-endpoint-url", aws["aws_endpoint_url"])
        parts.append(Command(tmp_path / "controller", "--components", "controller", *arguments))
        parts[2].about()
        url = f"{aws['aws_endpoint_url']}/_sandbox/requests"
        until(lambda: http("GET", url).get("GetCallerIdentity"), "the controller asks for the account")
        kubectl = Kubectl(kubectl_binary, Path(kubernetes["kubeconfig"]), tmp_path)
        kubectl("apply", "-f", "-", text=PIPELINE)
        kubectl(
            "wait",
            "--for=jsonpath={.status.pipelineStatus}=Active",
            "pipelines.sagemaker.services.k8s.aws/abalone",
            "--timeout=600s",
        )
    finally:
        ends = [part.end(signal.SIGINT) for part in parts]
    assert [status for status, _ in ends] == [0] * len(parts)
    assert "Traceback" not in "".join(output for _, output in ends)
    assert not (tmp_path / "aws" / "sandbox.json").exists()


def test_the_command_imports_no_airflow() -> None:
    code = (
        "import sys; import airflow_ack_sagemaker.cli.main;"
        "from airflow_ack_sagemaker.sandbox import aws, controller, run;"
        "print([name for name in sys.modules if name.split('.')[0] == 'airflow'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=HUNG)
    assert done.stdout.strip() == "[]"


def test_a_missing_extra_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "moto.py").write_text("raise ModuleNotFoundError(\"No module named 'moto'\", name='moto')\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.getcwd()}"}
    command = [sys.executable, "-m", "airflow_ack_sagemaker.cli.main", "sandbox"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HUNG, env=environment, check=False)
    assert done.returncode == 1
    assert (
        done.stderr == "The sandbox is not installed (moto is missing): pip install 'airflow-ack-sagemaker[sandbox]'\n"
    )


def test_nothing_is_left_in_process(tmp_path: Path) -> None:
    code = (
        "import threading, pathlib; from airflow_ack_sagemaker.sandbox import Sandbox\n"
        "with Sandbox(speed=60) as s:\n"
        "    directory = s.directory; assert s.kubeconfig_path.exists() and s.aws_endpoint_url\n"
        "print(threading.enumerate(), directory.exists())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=HUNG, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[<_MainThread(MainThread, ")
    assert done.stdout.endswith(")>] False\n")


def test_a_clock_that_starts_late_makes_a_history(tmp_path: Path) -> None:
    """What is made before the clock is moved up was made then, in the cluster as in SageMaker."""
    start = datetime(2026, 9, 6, tzinfo=UTC)
    command = Command(tmp_path / "sandbox", "--start", start.isoformat())
    try:
        about = command.about()
        clock = f"{about['aws_endpoint_url']}/_sandbox/clock"
        # An hour is more than any machine takes for all of this, and less than what tells the times apart.
        assert 0 <= http("GET", clock)["time"] - start.timestamp() < 3600
        sagemaker = client("sagemaker", about["aws_endpoint_url"])
        with connect(Path(about["kubeconfig"])) as cluster:
            path = "/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/default"

            def status(plural: str, name: str) -> dict[str, Any]:
                return dict(cluster.get(f"{path}/{plural}/{name}").json().get("status", {}))

            for plural, text in (("pipelines", PIPELINE), ("pipelineexecutions", EXECUTION.format(name="run-1"))):
                body = yaml.safe_load(text)
                cluster.post(f"{path}/{plural}", json=body).raise_for_status()
                until(
                    partial(lambda *which: status(*which).get("conditions"), plural, body["metadata"]["name"]), plural
                )
            week_later = (start + timedelta(weeks=1)).timestamp()
            assert http("PUT", clock, {"time": week_later})["time"] - week_later < 3600
            until(lambda: status("pipelineexecutions", "run-1")["pipelineExecutionStatus"] == "Succeeded", "the end")
            execution = cluster.get(f"{path}/pipelineexecutions/run-1").json()
        assert execution["metadata"]["creationTimestamp"].startswith("2026-09-06T00:")
        assert execution["status"]["conditions"][0]["lastTransitionTime"].startswith("2026-09-13T00:")
        arn = execution["status"]["ackResourceMetadata"]["arn"]
        ended = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["LastModifiedTime"]
        assert start < ended < start + timedelta(hours=1)
        # It goes forward only, and not beyond the time that it is.
        assert http("PUT", clock, {"time": 0})["time"] > week_later
        before = time.time()
        assert before - 1 <= http("PUT", clock, {"time": 9e9})["time"] <= time.time() + 1
        sagemaker.close()
    finally:
        assert command.end()[0] == 0

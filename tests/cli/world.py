"""The command line as a user calls it, on a cluster with a controller, and with AWS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from airflow_ack_sagemaker.cli.main import main
from airflow_ack_sagemaker.sandbox import Sandbox

ROLE = "arn:aws:iam::123456789012:role/sagemaker"
DEFINITION = json.dumps(
    {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "Count", "Type": "Integer", "DefaultValue": 1}],
        "Steps": [
            {"Name": "Prepare", "Type": "Processing", "Arguments": {}},
            {
                "Name": "Train",
                "Type": "Training",
                "Arguments": {"N": {"Get": "Parameters.Count"}},
                "DependsOn": ["Prepare"],
            },
        ],
    },
    indent=2,
)


@dataclass
class Said:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its result, asked for with ``-o json``."""
        return json.loads(self.out)


class World:
    """A sandbox (its API server or a real one), and the environment that leads to it."""

    def __init__(self, sandbox: Sandbox, kubeconfig: Path, namespace: str, folder: Path) -> None:
        self.sandbox = sandbox
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        self.folder = folder
        self.definition = folder / "abalone.json"
        self.definition.write_text(DEFINITION)

    @property
    def environment(self) -> dict[str, str]:
        """What a user exports."""
        return {
            "KUBECONFIG": str(self.kubeconfig),
            "AWS_ENDPOINT_URL": str(self.sandbox.aws_endpoint_url),
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_MAX_ATTEMPTS": "1",
        }

    @contextmanager
    def sagemaker(self) -> Iterator[Any]:
        """What a person uses who goes past the cluster."""
        client = boto3.client(
            "sagemaker",
            region_name="us-east-1",
            endpoint_url=self.sandbox.aws_endpoint_url,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
        )
        with closing(client):
            yield client


class Cli:
    """Calls ``ack-sagemaker`` in this process, with ``--namespace`` where the command speaks to a cluster."""

    def __init__(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, world: World | None = None
    ) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch
        self.world = world

    def __call__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Said:
        variables = {**(self.world.environment if self.world else {}), **(environment or {})}
        more = ["--namespace", self.world.namespace] if self.world else []
        self._capsys.readouterr()
        with self._monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            status = main([*arguments, *more])
        output = self._capsys.readouterr()
        return Said(status, output.out, output.err)

    def done(self, *arguments: str) -> Said:
        """A command that succeeds."""
        said = self(*arguments)
        assert said.status == 0, (arguments, said)
        return said


def started(world: World, *arguments: str, **streams: Any) -> subprocess.Popen[str]:
    """The command as a process of its own, which Ctrl-C ends also where a shell's background job ignores it."""

    def heed_ctrl_c() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    command = [sys.executable, "-m", "airflow_ack_sagemaker.cli.main", *arguments, "--namespace", world.namespace]
    environment = {**os.environ, **world.environment}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.Popen(command, env=environment, text=True, preexec_fn=heed_ctrl_c, **streams)

"""The sandbox as processes, alone or on a real API server, and the Airflow connections that lead to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from harness.plain_client import connect
from harness.process import GuardedProcess
from harness.real_cluster import RealCluster
from harness.servers import Servers

REGION = "us-east-1"


class SandboxProcess(Servers):
    """`ack-sagemaker sandbox` with more `options` ("--speed", "60"), its files in `directory`.

    On a `cluster` its controller and AWS run without an API server of its own. `aws_endpoint_url` is there once it is
    ready, which entering the context waits for. `kubeconfig` is the administrator's, `airflow_kubeconfig` the one for
    Airflow.
    """

    names = ("sandbox",)
    asked_every = 0.05

    def __init__(self, directory: Path, *options: str, cluster: RealCluster | None = None) -> None:
        super().__init__(directory)
        self.directory = self.folder
        self.namespace = "default"
        self.kubeconfig = self.airflow_kubeconfig = self.directory / "kubeconfig"
        self.aws_endpoint_url = ""
        self._options = options
        if cluster is not None:
            self.namespace = cluster.namespace
            self.kubeconfig, self.airflow_kubeconfig = cluster.kubeconfig, cluster.airflow_kubeconfig
            mine = ("--components", "controller,aws", "--kubeconfig", str(self.kubeconfig))
            self._options = (*mine, "--namespace", self.namespace, *options)

    def _command(self, name: str) -> Sequence[str]:
        self._addresses.unlink(missing_ok=True)
        command = [sys.executable, "-m", "airflow_ack_sagemaker.cli.main", "sandbox"]
        return [*command, "--directory", str(self.directory), *self._options]

    def _is_ready(self, name: str) -> bool:
        try:
            self.aws_endpoint_url = json.loads(self._addresses.read_text())["aws_endpoint_url"]
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        return True

    @property
    def process(self) -> GuardedProcess:
        """The running process."""
        return self.part("sandbox")

    def connections(self) -> dict[str, dict[str, Any]]:
        """The Airflow connections `kubernetes_default` and `aws_default` that lead to it."""
        return {
            "kubernetes_default": kubernetes_connection(self.airflow_kubeconfig, self.namespace),
            "aws_default": aws_connection(self.aws_endpoint_url),
        }

    def kubernetes_client(self) -> httpx.Client:
        """The administrator's plain HTTP client of its Kubernetes API server."""
        return connect(self.kubeconfig)

    def aws_client(self, service: str) -> Any:
        """A boto3 client of its AWS endpoint: s3, sagemaker or sts."""
        return aws_client(self.aws_endpoint_url, service)

    @property
    def _addresses(self) -> Path:
        return self.directory / "sandbox.json"


def kubernetes_connection(kubeconfig: Path, namespace: str = "default") -> dict[str, Any]:
    """An Airflow connection to the cluster of a kubeconfig."""
    extra = {"kube_config_path": str(kubeconfig), "namespace": namespace}
    return {"conn_type": "kubernetes", "extra": extra}


def aws_connection(endpoint_url: str) -> dict[str, Any]:
    """An Airflow connection to a sandbox's AWS endpoint."""
    extra = {"endpoint_url": endpoint_url, "region_name": REGION}
    return {"conn_type": "aws", "login": "sandbox", "password": "sandbox", "extra": extra}


def aws_client(endpoint_url: str, service: str) -> Any:
    """A boto3 client of a sandbox's AWS endpoint: s3, sagemaker or sts."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
        config=Config(proxies={}, retries={"total_max_attempts": 2}),
    )

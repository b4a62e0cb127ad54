"""The sandbox for these tests, and clients that know nothing of the package: boto3 and kubectl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from airflow_ack_sagemaker.sandbox import ManualClock
from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint, Script
from airflow_ack_sagemaker.sandbox.controller import Controller
from tests.contract.servers import Namespace, Server
from tests.sandbox.world import World

KUBECTL = shutil.which("kubectl")


def client(service: str, url: str, region: str = "us-east-1") -> Any:
    """A boto3 client of a local endpoint."""
    return boto3.client(
        service, endpoint_url=url, region_name=region, aws_access_key_id="test", aws_secret_access_key="test"
    )


def http(method: str, url: str, body: Any = None) -> Any:
    """JSON over HTTP, without proxies."""
    data = None if body is None else json.dumps(body).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data, method=method), timeout=10) as answer:
        return json.load(answer)


def until(condition: Callable[[], Any], what: str, seconds: float = 10.0) -> Any:
    """Wait for a condition; gives what it gave."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {seconds:g} s")


class Kubectl:
    """Stock kubectl against one kubeconfig."""

    def __init__(self, kubeconfig: Path, home: Path) -> None:
        self.environment = {"KUBECONFIG": str(kubeconfig), "HOME": str(home), "PATH": os.environ["PATH"]}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command that goes on."""
        assert KUBECTL
        return subprocess.Popen([KUBECTL, *arguments], env=self.environment, stdout=subprocess.PIPE, text=True)

    def __call__(self, *arguments: str, stdin: str | None = None, fails: bool = False) -> str:
        """Run a command; gives what it wrote."""
        assert KUBECTL
        done = subprocess.run(
            [KUBECTL, *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def endpoint(clock: ManualClock) -> Iterator[AwsEndpoint]:
    """An AWS endpoint whose time stands still until it is moved."""
    with AwsEndpoint(clock=clock, script=Script()) as endpoint:
        yield endpoint


@pytest.fixture
def sagemaker(endpoint: AwsEndpoint) -> Iterator[Any]:
    found = client("sagemaker", endpoint.url)
    yield found
    found.close()


@pytest.fixture
def world(
    server: Server, namespace: Namespace, endpoint: AwsEndpoint, clock: ManualClock, sagemaker: Any
) -> Iterator[World]:
    """A controller of a fresh namespace, on each of the two API servers."""
    with Controller(server.kubeconfig, endpoint.url, clock, namespace=namespace.name) as controller:
        yield World(server, namespace.name, endpoint, controller, clock, sagemaker)

"""The sandbox for these tests, and clients that know nothing of the package: boto3 and plain HTTP."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from airflow_ack_sagemaker.sandbox import ManualClock
from airflow_ack_sagemaker.sandbox.aws import AwsEndpoint, Script
from airflow_ack_sagemaker.sandbox.controller import Controller
from harness.waiting import wait_until
from tests.contract.servers import Namespace, Server
from tests.sandbox.executions import Executions
from tests.sandbox.shapes import Checked
from tests.sandbox.world import World


def client(service: str, url: str, region: str = "us-east-1", access_key: str = "test") -> Any:
    """A boto3 client of a local endpoint."""
    return boto3.client(
        service, endpoint_url=url, region_name=region, aws_access_key_id=access_key, aws_secret_access_key="test"
    )


def http(method: str, url: str, body: Any = None) -> Any:
    """JSON over HTTP, without proxies."""
    data = None if body is None else json.dumps(body).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data, method=method), timeout=60) as answer:
        return json.load(answer)


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for a condition; gives what it gave."""
    return wait_until(condition, 120, what, every=0.01)


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
def api(sagemaker: Any) -> Checked:
    return Checked(sagemaker)


@pytest.fixture
def executions(api: Checked, clock: ManualClock) -> Executions:
    return Executions(api, clock)


@pytest.fixture
def world(
    server: Server, namespace: Namespace, endpoint: AwsEndpoint, clock: ManualClock, sagemaker: Any
) -> Iterator[World]:
    """A controller of a fresh namespace, on each of the two API servers."""
    with Controller(server.kubeconfig, endpoint.url, clock, namespace=namespace.name) as controller:
        yield World(server, namespace.name, endpoint, controller, clock, sagemaker)

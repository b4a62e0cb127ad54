"""The sandbox's API server, and one way to call the blocking and the asynchronous client."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_ack_sagemaker.kube.client import AsyncKubeClient, KubeClient
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig, cluster_config
from airflow_ack_sagemaker.sandbox.apiserver import ApiServer

Call = Callable[..., Any]


@pytest.fixture(scope="session")
def api_server() -> Iterator[ApiServer]:
    server = ApiServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def server_without_kinds() -> Iterator[ApiServer]:
    server = ApiServer(crds=[])
    server.start()
    yield server
    server.stop()


@pytest.fixture
def cluster(api_server: ApiServer) -> ClusterConfig:
    return cluster_config({"kube_config": api_server.kubeconfig()}, conn_id="sandbox", environ={})


@pytest.fixture(params=["blocking", "asynchronous"])
def caller(request: pytest.FixtureRequest) -> Iterator[Callable[..., Call]]:
    """``caller(config)(method, *arguments)`` is the method's result; pauses between tries are recorded, not slept."""
    if request.param == "blocking":
        clients: list[KubeClient] = []

        def make(config: ClusterConfig, pauses: list[float] | None = None) -> Call:
            client = KubeClient(config, sleep=(pauses if pauses is not None else []).append)
            clients.append(client)

            def call(method: str, *arguments: Any, **options: Any) -> Any:
                result = getattr(client, method)
                result = result(*arguments, **options) if callable(result) else result
                return list(result) if inspect.isgenerator(result) else result

            return call

        yield make
        for client in clients:
            client.close()
        return
    with asyncio.Runner() as runner:
        opened: list[AsyncKubeClient] = []

        def make_async(config: ClusterConfig, pauses: list[float] | None = None) -> Call:
            slept = pauses if pauses is not None else []

            async def sleep(seconds: float) -> None:
                slept.append(seconds)

            async_client = AsyncKubeClient(config, sleep=sleep)
            opened.append(async_client)

            async def run(method: str, *arguments: Any, **options: Any) -> Any:
                result = getattr(async_client, method)
                result = result(*arguments, **options) if callable(result) else result
                if inspect.isasyncgen(result):
                    return [item async for item in result]
                return await result if inspect.isawaitable(result) else result

            return lambda *arguments, **options: runner.run(run(*arguments, **options))

        yield make_async
        for each in opened:
            runner.run(each.close())

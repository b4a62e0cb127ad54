"""What is read of a cluster at once is bounded, whatever lies there and whoever answers: it is decoded in one go, on an
event loop that others wait for.
"""

from __future__ import annotations

import json
import zlib
from contextlib import aclosing
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION, Kind
from airflow_ack_sagemaker.follow.loop import PAGE_BYTES
from airflow_ack_sagemaker.follow.watch import follow_all, without_bulk
from airflow_ack_sagemaker.kube.async_client import AsyncKubeClient
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import TooLarge
from airflow_ack_sagemaker.kube.requests import OBJECT_BYTES
from tests.kube.servers import HttpServer, Seen

KIND: Kind = PIPELINE_EXECUTION
COUNT = 40
MEGABYTE = 1_000_000


def execution(number: int) -> dict[str, Any]:
    """One with a parameter of a megabyte, as the API server takes it."""
    parameters = [{"name": "Text", "value": "x" * MEGABYTE}]
    return {"metadata": {"name": f"run-{number}", "resourceVersion": "7"}, "spec": {"pipelineParameters": parameters}}


def pages(seen: Seen) -> None:
    """A list in pages, and a watch that brings nothing."""
    if "watch" in seen.query:
        seen.stream()
        return
    begin, limit = int(seen.query.get("continue", 0)), int(seen.query["limit"])
    end = min(begin + limit, COUNT)
    metadata = {"resourceVersion": "7", "continue": str(end) if end < COUNT else ""}
    seen.answer({"metadata": metadata, "items": [execution(number) for number in range(begin, end)]})


async def test_a_page_of_large_objects_is_asked_for_again_with_fewer() -> None:
    with HttpServer(pages) as server:

        async def connect() -> AsyncKubeClient:
            return AsyncKubeClient(ClusterConfig(server.url))

        names = set()
        async with aclosing(
            follow_all(connect, key="bounds", kind=KIND, namespace="ml", prune=without_bulk)
        ) as follower:
            async for resource in follower:
                if resource is None:
                    break
                names.add(resource["metadata"]["name"])
        assert names == {f"run-{number}" for number in range(COUNT)}
        limits = [int(seen.query["limit"]) for seen in server.seen if "limit" in seen.query]
        assert limits[0] == 500
        assert limits[-1] * MEGABYTE <= PAGE_BYTES
        assert len(set(limits)) <= 4


def bomb(seen: Seen) -> None:
    """A small answer that is a gigabyte once it is unpacked."""
    packer = zlib.compressobj(wbits=31)
    block = b" " * (1 << 20)
    packed = b"".join([packer.compress(block) for _ in range(1024)] + [packer.flush()])
    seen.handler.send_response(200)
    seen.handler.send_header("Content-Encoding", "gzip")
    seen.handler.send_header("Content-Length", str(len(packed)))
    seen.handler.end_headers()
    seen.handler.wfile.write(packed)


def endless(seen: Seen) -> None:
    """A line of a watch without an end, or an answer without one."""
    seen.handler.send_response(200)
    seen.handler.send_header("Connection", "close")
    seen.handler.end_headers()
    for _ in range(4 * OBJECT_BYTES >> 16):
        seen.handler.wfile.write(b"x" * (1 << 16))


@pytest.mark.parametrize("behaviour", [bomb, endless])
async def test_an_answer_without_an_end_is_not_read_to_its_end(behaviour: Any) -> None:
    with HttpServer(behaviour) as server:
        async with AsyncKubeClient(ClusterConfig(server.url)) as client:
            with pytest.raises(TooLarge):
                await client.get(KIND, "run", "ml")
        with KubeClient(ClusterConfig(server.url)) as blocking, pytest.raises(TooLarge):
            blocking.get(KIND, "run", "ml")


async def test_nor_is_an_event() -> None:
    with HttpServer(endless) as server:
        async with AsyncKubeClient(ClusterConfig(server.url)) as client:
            with pytest.raises(TooLarge):
                async for _ in client.watch(KIND, "ml", resource_version="7"):
                    pass


def test_an_answer_of_usual_length_is_read() -> None:
    with (
        HttpServer(lambda seen: seen.answer(json.dumps(execution(1)))) as server,
        KubeClient(ClusterConfig(server.url)) as client,
    ):
        assert len(client.get(KIND, "run-1", "ml")["spec"]["pipelineParameters"][0]["value"]) == MEGABYTE

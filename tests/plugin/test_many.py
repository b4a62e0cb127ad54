"""Ten thousand executions and a hundred viewers: what a page takes, and what the cluster is asked.

However many there are, a page is of fifty rows and asks the cluster nothing. How long it takes is for `make bench`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_IDENTITY, RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, PipelineSpec
from harness.waiting import wait_until
from tests.plugin.definitions import definition
from tests.plugin.site import PREFIX, ROLE, Site

EXECUTIONS, PIPELINES, VIEWERS = 10_000, 50, 100
FIRST_PAGE = 0.3
"""Seconds."""
ON_THE_CLUSTER = 2.0
"""Requests a second."""
_AT_ONCE = 32
_WATCHED = 20.0
"""Seconds for which a hundred viewers look."""
_STATUSES = ("Succeeded", "Succeeded", "Succeeded", "Failed", "Stopped")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A cluster without a controller, whose executions look as one has left them."""
    with Site(tmp_path_factory.mktemp("many"), "--components", "kubernetes", aws=False) as site:
        asyncio.run(fill(site))
        yield site


@asynccontextmanager
async def plain(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    config = json.loads(site.sandbox.kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    async with httpx.AsyncClient(
        base_url=f"{cluster['server']}/apis/{API_VERSION}/namespaces/default",
        verify=ssl.create_default_context(cadata=authority),
        headers={"Authorization": f"Bearer {user['token']}"},
        trust_env=False,
        timeout=120,
    ) as client:
        yield client


async def fill(site: Site) -> None:
    """Create the pipelines and the executions, each with a status."""
    turns = asyncio.Semaphore(_AT_ONCE)
    async with plain(site) as client:

        async def add(number: int) -> None:
            async with turns:
                answer = await client.post("/pipelineexecutions", json=manifest(number))
                answer.raise_for_status()
                path = f"/pipelineexecutions/{answer.json()['metadata']['name']}/status"
                headers = {"Content-Type": "application/merge-patch+json"}
                body = json.dumps({"status": status(number)})
                (await client.patch(path, content=body, headers=headers)).raise_for_status()

        for number in range(PIPELINES):
            pipeline = PipelineSpec(f"pipeline-{number}", ROLE, definition(epochs=number)).manifest("default")
            (await client.post("/pipelines", json=pipeline)).raise_for_status()
        await asyncio.gather(*(add(number) for number in range(EXECUTIONS)))


def identity(number: int) -> RunIdentity:
    return RunIdentity("retraining" if number % 2 else "other_team", f"scheduled__{number:05}", "launch")


def shown(client: httpx.Client, number: int) -> bool:
    run_id = identity(number + EXECUTIONS).run_id
    return bool(client.get("/api/executions", params={"run_id": run_id}).json()["total"])


def manifest(number: int) -> dict[str, Any]:
    parameters = [{"name": "Note", "value": f"run {number}"}, {"name": "ApiToken", "value": "hunter2"}]
    spec = ExecutionSpec(f"pipeline-{number % PIPELINES}", parameters)
    return spec.manifest("default", identity(number), attempt=1, tried=Try())


def status(number: int) -> dict[str, Any]:
    said, minute = _STATUSES[number % len(_STATUSES)], f"{number % 60:02}"
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/pipeline-{number % PIPELINES}/execution/{number:012}"
    time = {"lastTransitionTime": "2026-11-01T04:00:00Z"}
    return {
        "ackResourceMetadata": {"arn": arn, "region": "us-east-1", "ownerAccountID": "123456789012"},
        "conditions": [
            {"type": "ACK.ResourceSynced", "status": "True", **time},
            {"type": "Ready", "status": "True", **time},
        ],
        "creationTime": "2026-11-01T03:00:00Z",
        "lastModifiedTime": f"2026-11-01T04:{minute}:00Z",
        "pipelineExecutionStatus": said,
        **({"failureReason": f"Step Train of run {number} failed"} if said == "Failed" else {}),
    }


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    """A client, once the plugin has read everything."""
    with site.client() as client:
        wait_until(lambda: loaded(client), 120, "all to be read")
        yield client


def loaded(client: httpx.Client) -> bool:
    answer = client.get("/api/executions").raise_for_status().json()
    return answer["total"] == EXECUTIONS and not answer["loading"]


def test_the_first_page_comes_at_once(site: Site, client: httpx.Client) -> None:
    """Each time for another version of the list, so that no answer is from memory."""
    taken = []
    for number in range(10):
        another = {"metadata": {"annotations": {ANNOTATION_IDENTITY: identity(number + EXECUTIONS).text}}}
        site.patch("pipelineexecutions", name_of(number), another)
        wait_until(lambda number=number: shown(client, number), 10, "the change to be seen", every=0.05)  # type: ignore[misc]
        queries: list[dict[str, str | int]] = [
            {},
            {"sort": "-duration"},
            {"search": "run failed", "state": "Failed"},
            {"sort": "pipeline", "offset": 1_000 * number},
        ]
        for query in queries:
            began = time.perf_counter()
            answer = client.get("/api/executions", params={"limit": 50, **query})
            taken.append(time.perf_counter() - began)
            assert len(answer.json()["items"]) == 50
    print(f"\nfirst page: median {statistics.median(taken) * 1000:.0f} ms, longest {max(taken) * 1000:.0f} ms")
    assert max(taken) < FIRST_PAGE


def name_of(number: int) -> str:
    return str(manifest(number)["metadata"]["name"])


def test_a_hundred_viewers_cost_the_cluster_next_to_nothing(site: Site, client: httpx.Client) -> None:
    began = time.monotonic()
    asked, slowest = asyncio.run(look(site))
    print(f"\n{asked} answers to {VIEWERS} viewers in {_WATCHED:.0f} s, p95 {slowest * 1000:.0f} ms")
    sent = [moment for moment, _, _ in site.requests if moment >= began]
    print(f"{len(sent)} requests on the cluster: {[path for moment, _, path in site.requests if moment >= began][:3]}")
    assert asked > VIEWERS * 5
    # No window of five seconds has more than ten.
    for start in sent:
        assert sum(start <= moment < start + 5.0 for moment in sent) <= 5 * ON_THE_CLUSTER


async def look(site: Site) -> tuple[int, float]:
    """A hundred open pages, each polling its routes every two seconds; how many answers, and their 95th percentile."""
    tokens = [site.token(user) for user in ("admin", "viewer", "user", "partial")]
    taken: list[float] = []
    end = time.monotonic() + _WATCHED
    async with httpx.AsyncClient(
        base_url=site.airflow.url + PREFIX, trust_env=False, timeout=60, limits=httpx.Limits(max_connections=VIEWERS)
    ) as client:

        async def viewer(number: int) -> None:
            headers = {"Authorization": f"Bearer {tokens[number % 4]}"}
            # Of the DAG that each of them may read; no two look at the same.
            name = name_of(2 * number + 1)
            kinds = (
                ["/api/executions", "/api/health"],
                [f"/api/executions?search=pipeline-{number}", "/api/health"],
                ["/api/pipelines", "/api/health"],
                [f"/api/executions/default/{name}"],
                [f"/api/executions/default/{name}", f"/api/executions/default/{name}/diff"],
            )
            tags: dict[str, str] = {}
            await asyncio.sleep(number * 2.0 / VIEWERS)
            while time.monotonic() < end:
                turn = time.monotonic()
                for path in kinds[number // 4 % len(kinds)]:
                    known = {"If-None-Match": tags[path]} if path in tags else {}
                    began = time.perf_counter()
                    answer = await client.get(path, headers={**headers, **known})
                    taken.append(time.perf_counter() - began)
                    assert answer.status_code in (200, 304), (path, answer.status_code, answer.text[:500])
                    tags[path] = answer.headers.get("etag", "")
                await asyncio.sleep(max(0.0, turn + 2.0 - time.monotonic()))

        await asyncio.gather(*(viewer(number) for number in range(VIEWERS)))
    return len(taken), statistics.quantiles(taken, n=20)[-1]

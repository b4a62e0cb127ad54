"""Ten thousand executions and a hundred viewers: what a page takes, and what the cluster is asked.

However many there are, a page is of fifty rows and asks the cluster nothing. How long it takes is for `make bench`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from airflow_ack_sagemaker.core.lifecycle.registry import version_manifest
from airflow_ack_sagemaker.core.lifecycle.serving import EndpointSpec
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_IDENTITY, RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, PipelineSpec
from airflow_ack_sagemaker.kube.requests import PAGE_SIZE
from harness.waiting import HUNG, wait_until
from tests.plugin.definitions import definition
from tests.plugin.served import PACKAGE
from tests.plugin.site import PREFIX, ROLE, Site

EXECUTIONS, PIPELINES, VIEWERS = 10_000, 50, 100
VERSIONS, ENDPOINTS = 2_000, 500
TURNS = 6
"""How often each of the viewers looks."""
_AT_ONCE = 32
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
        await asyncio.gather(*(add_to(client, turns, *each) for each in served()))


async def add_to(
    client: httpx.AsyncClient, turns: asyncio.Semaphore, plural: str, body: dict[str, Any], said: dict[str, Any]
) -> None:
    """Create a resource, and what a controller says of it."""
    async with turns:
        (await client.post(f"/{plural}", json=body)).raise_for_status()
        path = f"/{plural}/{body['metadata']['name']}/status"
        headers = {"Content-Type": "application/merge-patch+json"}
        (await client.patch(path, content=json.dumps({"status": said}), headers=headers)).raise_for_status()


def served() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Versions of fifty groups, and endpoints of which each serves one: plural, manifest and status."""
    synced = [{"type": "ACK.ResourceSynced", "status": "True", "lastTransitionTime": "2026-11-01T04:00:00Z"}]
    for number in range(VERSIONS):
        group = f"group-{number % PIPELINES}"
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{group}/{number // PIPELINES + 1}"
        body = version_manifest(group, PACKAGE, "default", identity(number), attempt=1, tried=Try(), metrics={"mse": 1})
        metadata = {"arn": arn, "ownerAccountID": "123456789012", "region": "us-east-1"}
        said = {"ackResourceMetadata": metadata, "modelPackageStatus": "Completed", "conditions": synced}
        yield "modelpackages", body, said
        if number < ENDPOINTS:
            model = {"primaryContainer": {"modelPackageName": arn}}
            spec = EndpointSpec(f"endpoint-{number}", model, variant={"instanceType": "ml.m5.large"})
            config = spec.config_manifest("default", identity(number), 1, tried=Try(), former=None)
            yield "endpointconfigs", config, {"conditions": synced}
            asked = spec.endpoint_manifest("default", config["spec"]["endpointConfigName"])
            yield "endpoints", asked, {"endpointStatus": "InService", "conditions": synced}


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


def test_a_page_is_fifty_rows_and_asks_the_cluster_nothing(site: Site, client: httpx.Client) -> None:
    """Each time for another version of the list, so that no answer is from memory."""
    for number in range(3):
        another = {"metadata": {"annotations": {ANNOTATION_IDENTITY: identity(number + EXECUTIONS).text}}}
        site.patch("pipelineexecutions", name_of(number), another)
        wait_until(lambda number=number: shown(client, number), 120, "the change to be seen", every=0.05)  # type: ignore[misc]
        queries: list[dict[str, str | int]] = [
            {},
            {"sort": "-duration"},
            {"search": "run failed", "state": "Failed"},
            {"sort": "pipeline", "offset": 1_000 * number},
        ]
        for query in queries:
            before = len(site.requests)
            answer = client.get("/api/executions", params={"limit": 50, **query})
            assert len(answer.json()["items"]) == 50
            assert len(answer.content) < 100_000
            assert looks(site, before) == []


def test_models_and_endpoints_are_followed_by_one_watch_a_kind(site: Site, client: httpx.Client) -> None:
    def whole() -> bool:
        lists = [client.get(path).raise_for_status().json() for path in ("/api/models", "/api/endpoints")]
        # What they are made of beside what they list has to be there, too.
        return [(one["total"], one["loading"]) for one in lists] == [(VERSIONS, False), (ENDPOINTS, False)]

    wait_until(whole, 120, "all to be read")
    before = len(site.requests)
    queries: list[dict[str, str | int]] = [
        {},
        {"search": "group-7"},
        {"group": "group-7", "limit": 40},
        {"offset": 1_900},
    ]
    for query in queries:
        answer = client.get("/api/models", params=query).raise_for_status()
        assert len(answer.json()["items"]) in (40, 50)
        assert len(answer.content) < 100_000
    answer = client.get("/api/endpoints").raise_for_status()
    assert [len(answer.json()["items"]), answer.json()["items"][0]["rollouts"][0]["end"]] == [50, "Serves"]
    assert len(answer.content) < 100_000
    assert looks(site, before) == []
    for plural, count in (("modelpackages", VERSIONS), ("endpoints", ENDPOINTS), ("endpointconfigs", ENDPOINTS)):
        mine = [path for _, _, path in site.requests if f"/{plural}?" in path]
        assert len([path for path in mine if "watch=" not in path]) == -(-count // PAGE_SIZE)
        # One, which begins a moment after the list, and anew every few minutes.
        wait_until(lambda plural=plural: watches(site, plural), HUNG, f"the watch of {plural}")  # type: ignore[misc]
        assert watches(site, plural) < 5


def watches(site: Site, plural: str) -> int:
    """How many watches of a kind the cluster has been asked for."""
    return len([path for _, _, path in list(site.requests) if f"/{plural}?" in path and "watch=" in path])


def looks(site: Site, since: int) -> list[str]:
    """What the cluster was asked since then, beside the watches, which begin anew now and then."""
    return [path for _, _, path in site.requests[since:] if "watch=" not in path]


def name_of(number: int) -> str:
    return str(manifest(number)["metadata"]["name"])


def test_a_hundred_viewers_cost_the_cluster_no_more_than_one(site: Site, client: httpx.Client) -> None:
    before = len(site.requests)
    answers = asyncio.run(view(site))
    assert answers == {
        # All five kinds of viewers look at two routes but one, which looks at one.
        "/api/executions": TURNS * VIEWERS * 2 // 5,
        "/api/health": TURNS * VIEWERS * 3 // 5,
        "/api/pipelines": TURNS * VIEWERS // 5,
        "/api/executions/default": TURNS * VIEWERS * 2 // 5,
        "/api/executions/default/diff": TURNS * VIEWERS // 5,
    }
    # The definitions of the pipelines are read once, for whoever looks first.
    asked = looks(site, before)
    assert len(asked) <= PIPELINES
    assert len(set(asked)) == len(asked)
    # The watches of all begin anew every few minutes, two of them; one for each viewer would be a hundred at once.
    watches = [path for _, _, path in site.requests[before:] if "watch=" in path]
    assert len(watches) < VIEWERS // 2


async def view(site: Site) -> Counter[str]:
    """A hundred open pages, each polling its routes again and again; how many answers of which route there were."""
    tokens = [site.token(user) for user in ("admin", "viewer", "user", "partial")]
    answers: Counter[str] = Counter()
    async with httpx.AsyncClient(
        base_url=site.airflow.url + PREFIX, trust_env=False, timeout=300, limits=httpx.Limits(max_connections=VIEWERS)
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
            for _ in range(TURNS):
                for path in kinds[number // 4 % len(kinds)]:
                    known = {"If-None-Match": tags[path]} if path in tags else {}
                    answer = await client.get(path, headers={**headers, **known})
                    assert answer.status_code in ((200, 304) if known else (200,)), (path, answer.text[:500])
                    tags[path] = answer.headers.get("etag", "")
                    answers[path.partition("?")[0].replace(f"/{name}", "")] += 1

        await asyncio.gather(*(viewer(number) for number in range(VIEWERS)))
    return answers

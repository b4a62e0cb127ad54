"""Whether all of Airflow's API answers while the pages are at work: the time that `/api/v2/version` takes.

    python -m tests.bench.bench_api_server

An API server, a cluster with twenty Pipelines of a megabyte (by hand, not canonical) and ten thousand executions, a
hundred open pages, and twelve differences of two definitions of a megabyte asked for at once. Measured from the first
look on.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path

import httpx

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_DEFINITION_SHA256
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, PipelineSpec
from tests.bench.results import bound, publish, quantile, seconds, table
from tests.plugin.definitions import step
from tests.plugin.site import PREFIX, ROLE, Site
from tests.plugin.test_many import EXECUTIONS, identity, plain, status

PIPELINES, DIFFERENCES, VIEWERS = 20, 12, 100
P99 = 0.3
_SECONDS = 30.0
_EVERY = 0.05
_AT_ONCE = 32
_STATUS = {"Content-Type": "application/merge-patch+json"}


def definition(number: int) -> str:
    """A definition of a megabyte, not in canonical form."""
    steps = [step(f"Step{at}", Environment={"TEXT": f"{number} " * 300}) for at in range(1_000)]
    return json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": steps}, indent=1)


def compared(site: Site) -> list[str]:
    """Executions of one pipeline, each with another definition than the one before; their names, oldest first."""
    pipeline = site.pipeline(definition(0), "compared")
    names: list[str] = []
    for number in range(DIFFERENCES + 1):
        if number:
            site.patch_definition(pipeline, definition(number))
            site.next_second(names[-1])
        names.append(site.execution(pipeline))
        site.wait_status(names[-1], "Executing")
    return names


async def fill(site: Site) -> list[str]:
    """Create all else; the names of the executions."""
    turns = asyncio.Semaphore(_AT_ONCE)
    async with plain(site) as client:

        async def add(number: int) -> None:
            async with turns:
                parameters = [{"name": "Note", "value": f"run {number}"}]
                spec = ExecutionSpec(f"pipeline-{number % PIPELINES}", parameters)
                manifest = spec.manifest("default", identity(number), attempt=1, first_try=1)
                made = (await client.post("/pipelineexecutions", json=manifest)).raise_for_status().json()
                path = f"/pipelineexecutions/{made['metadata']['name']}/status"
                body = json.dumps({"status": status(number)})
                (await client.patch(path, content=body, headers=_STATUS)).raise_for_status()
                names.append(made["metadata"]["name"])

        names: list[str] = []
        for number in range(PIPELINES):
            manifest = PipelineSpec(f"pipeline-{number}", ROLE, definition(number)).manifest("default")
            manifest["metadata"].setdefault("annotations", {})[ANNOTATION_DEFINITION_SHA256] = "0" * 64
            (await client.post("/pipelines", json=manifest)).raise_for_status()
        await asyncio.gather(*(add(number) for number in range(EXECUTIONS)))
    return names


async def measure(site: Site, names: list[str], changed: list[str]) -> tuple[list[float], int]:
    """The times of `/api/v2/version` while everybody looks, and how many answers the pages got."""
    headers = {"Authorization": f"Bearer {site.token('admin')}"}
    limits = httpx.Limits(max_connections=VIEWERS + DIFFERENCES)
    answers = 0
    async with (
        httpx.AsyncClient(
            base_url=site.airflow.url, trust_env=False, timeout=120, headers=headers, limits=limits
        ) as pages,
        httpx.AsyncClient(base_url=site.airflow.url, trust_env=False, timeout=120) as probe,
    ):
        await probe.get("/api/v2/version")
        end = time.monotonic() + _SECONDS

        async def get(path: str) -> None:
            nonlocal answers
            (await pages.get(f"{PREFIX}{path}")).raise_for_status()
            answers += 1

        async def viewer(number: int) -> None:
            paths = ("/api/executions", "/api/pipelines", f"/api/executions/default/{names[number]}")
            while time.monotonic() < end:
                await get(paths[number % len(paths)])
                await asyncio.sleep(2.0)

        async def compare() -> None:
            while time.monotonic() < end:
                await asyncio.gather(*(get(f"/api/executions/default/{name}/diff") for name in changed[1:]))
                await asyncio.sleep(1.0)

        async def version() -> list[float]:
            taken = []
            while time.monotonic() < end:
                began = time.perf_counter()
                (await probe.get("/api/v2/version")).raise_for_status()
                taken.append(time.perf_counter() - began)
                await asyncio.sleep(_EVERY)
            return taken

        looking = asyncio.gather(compare(), *(viewer(number) for number in range(VIEWERS)))
        taken = await version()
        await looking
    return taken, answers


def main() -> None:
    """Measure and print."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Site(Path(folder), "--step-seconds", "86400") as site,
    ):
        changed = compared(site)
        site.control("PUT", "controller", {"paused": True})
        names = asyncio.run(fill(site))
        taken, answers = asyncio.run(measure(site, names, changed))
    p99 = quantile(taken, 0.99)
    row = [str(len(taken)), seconds(quantile(taken, 0.5)), seconds(p99), seconds(max(taken)), str(answers)]
    publish(
        "api-server",
        table(
            "`/api/v2/version` while the pages are at work",
            ["", "requests", "median", "p99", "longest", "answers of the pages meanwhile"],
            [["twenty Pipelines of 1 MB, 10,000 executions, 100 viewers, 12 differences", *row]],
        ),
        bound("p99 of /api/v2/version", p99, P99, "s"),
    )


if __name__ == "__main__":
    main()

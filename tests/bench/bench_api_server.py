"""Whether all of Airflow's API answers while the pages are at work: the time that `/api/v2/version` takes.

    python -m tests.bench.bench_api_server

An API server, a cluster with twenty Pipelines of a megabyte (by hand, not canonical) and ten thousand executions, a
hundred open pages, and twelve differences of two definitions of a megabyte asked for at once. Measured from the first
look on. Beside it, of the same process: nobody looks, and as many people look as often at Airflow's own list of DAG
runs. What they differ in is ours; what they have in common is the machine's.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_DEFINITION_SHA256
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, PipelineSpec
from tests.bench.results import bound, publish, quantile, seconds, table
from tests.plugin.definitions import step
from tests.plugin.site import PREFIX, ROLE, Site
from tests.plugin.test_many import EXECUTIONS, identity, plain, status

PIPELINES, DIFFERENCES, VIEWERS = 20, 12, 100
P99 = 0.3
_SECONDS = 30.0
_EVERY = 0.05
_LOOK_EVERY = 2.0
"""Seconds between two looks of a viewer, as the page has them."""
_AT_ONCE = 32
_AIRFLOWS_OWN = "/api/v2/dags/~/dagRuns?limit=50"
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
                manifest = spec.manifest("default", identity(number), attempt=1, tried=Try())
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


async def measured(site: Site, look: Callable[[httpx.AsyncClient, float], Awaitable[int]]) -> tuple[list[float], int]:
    """The times of `/api/v2/version` while something is done, and how many answers that got.

    :param look: gets a client and the (monotonic) time at which to end.
    """
    headers = {"Authorization": f"Bearer {site.token('admin')}"}
    limits = httpx.Limits(max_connections=VIEWERS + DIFFERENCES)
    url = f"{site.airflow.url}/api/v2/version"
    async with httpx.AsyncClient(
        base_url=site.airflow.url, trust_env=False, timeout=300, headers=headers, limits=limits
    ) as client:
        prober = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.prober", url, str(_SECONDS), str(_EVERY)),
            stdout=asyncio.subprocess.PIPE,
        )
        answers = await look(client, time.monotonic() + _SECONDS)
        printed, _ = await prober.communicate()
    if prober.returncode:
        raise RuntimeError("The prober has failed.")
    return json.loads(printed), answers


async def nobody(_: httpx.AsyncClient, end: float) -> int:
    """Nothing is done."""
    await asyncio.sleep(end - time.monotonic())
    return 0


async def airflows_own(client: httpx.AsyncClient, end: float) -> int:
    """As many viewers look as often at what Airflow itself has."""
    return sum(await asyncio.gather(*(_view(client, _AIRFLOWS_OWN, end) for _ in range(VIEWERS))))


def pages(names: list[str], changed: list[str]) -> Callable[[httpx.AsyncClient, float], Awaitable[int]]:
    """The viewers look at ours, and the differences are asked for."""

    kinds = ("/api/executions", "/api/pipelines", "/api/executions/default/{name}")
    viewed = [kinds[number % len(kinds)].format(name=name) for number, name in enumerate(names[:VIEWERS])]
    compared = [f"/api/executions/default/{name}/diff" for name in changed[1:]]

    async def look(client: httpx.AsyncClient, end: float) -> int:
        return sum(await asyncio.gather(*(_view(client, f"{PREFIX}{path}", end) for path in viewed + compared)))

    return look


async def _view(client: httpx.AsyncClient, path: str, end: float) -> int:
    answers = 0
    while time.monotonic() < end:
        # Airflow's own may fail where too many ask at once: it has five connections to its database.
        answers += (await client.get(path)).is_success
        await asyncio.sleep(_LOOK_EVERY)
    return answers


def row(what: str, taken: list[float], answers: int) -> list[str]:
    """A row of the table."""
    shown = [seconds(quantile(taken, share)) for share in (0.5, 0.99)]
    return [what, f"{len(taken):,}", *shown, seconds(max(taken)), f"{answers:,}"]


def main() -> None:
    """Measure and print."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Site(Path(folder), "--step-seconds", "86400") as site,
    ):
        changed = compared(site)
        site.control("PUT", "controller", {"paused": True})
        names = asyncio.run(fill(site))
        httpx.get(f"{site.airflow.url}/api/v2/version", trust_env=False, timeout=120).raise_for_status()
        load = os.getloadavg()[0]
        found = {
            "nobody looks": asyncio.run(measured(site, nobody)),
            f"{VIEWERS} look at ours, {DIFFERENCES} differences: from the first look on": asyncio.run(
                measured(site, pages(names, changed))
            ),
            "the same, the half minute after": asyncio.run(measured(site, pages(names, changed))),
            "nobody looks, again": asyncio.run(measured(site, nobody)),
            # Last, since Airflow goes on with it after its viewers have given up.
            f"{VIEWERS} people look at Airflow's own DAG runs": asyncio.run(measured(site, airflows_own)),
        }
    first = next(taken for what, (taken, _) in found.items() if "first look" in what)
    publish(
        "api-server",
        table(
            "`/api/v2/version` of an API server",
            ["", "requests", "median", "p99", "longest", "answers to the viewers"],
            [row(what, *measured) for what, measured in found.items()],
        ),
        f"Load of the machine before: {load:.1f} on {os.cpu_count()} cores.",
        bound("p99 of /api/v2/version, from the first look on", quantile(first, 0.99), P99, "s"),
    )


if __name__ == "__main__":
    main()

"""Nothing that the size of a resource decides is done on the API server's event loop.

All of Airflow's API waits for that loop. What is counted here is the work of one turn of it; the time that it takes is
measured by ``tests/bench/bench_api_server.py``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_ack_sagemaker.core.pages.pipelines import drift_of, needs_canonical
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_DEFINITION_SHA256
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from airflow_ack_sagemaker.core.resource.manifest import PipelineSpec
from airflow_ack_sagemaker.plugin.detail import Details
from airflow_ack_sagemaker.plugin.reader import Board
from airflow_ack_sagemaker.plugin.settings import ClusterSetting
from airflow_ack_sagemaker.plugin.single_flight import NotYet
from harness.sandbox_process import SandboxProcess, kubernetes_connection
from harness.waiting import HUNG
from tests.plugin.definitions import step
from tests.plugin.site import ROLE
from tests.support.turns import counted

PIPELINES = 20
MEGABYTE = 1_000_000
CALLS = 30_000
"""Calls of functions in one turn: some ten milliseconds. To read one definition of a megabyte takes a million."""


def large(number: int) -> str:
    """A definition of a megabyte that somebody has written by hand: it is not in canonical form."""
    steps = [step(f"Step{number}x{at}", Environment={"TEXT": "x" * 800}) for at in range(1_000)]
    return json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": steps}, indent=1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """Twenty Pipelines of a megabyte."""
    folder = tmp_path_factory.mktemp("large")
    with SandboxProcess(folder, "--components", "kubernetes") as sandbox, sandbox.kubernetes_client() as client:
        for number in range(PIPELINES):
            manifest = PipelineSpec(f"large-{number}", ROLE, large(number)).manifest("default")
            manifest["metadata"].setdefault("annotations", {})[ANNOTATION_DEFINITION_SHA256] = "0" * 64
            assert len(manifest["spec"]["pipelineDefinition"]) > 0.9 * MEGABYTE
            path = f"/apis/{API_VERSION}/namespaces/default/pipelines"
            client.post(path, json=manifest, timeout=60).raise_for_status()
        yield sandbox


@pytest.fixture
def connected(cluster: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection, in this process."""
    connection = kubernetes_connection(cluster.kubeconfig)
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW__ACK_SAGEMAKER__KUBE_CONFIG_PATHS", str(cluster.kubeconfig))


@pytest.mark.usefixtures("connected")
async def test_twenty_pipelines_of_a_megabyte_are_read_in_pieces() -> None:
    board = Board(ClusterSetting("kubernetes_default"))
    try:
        await board.connect()  # what is imported once is no work of the loop's
        with counted() as turns:
            await board.wait(HUNG)
            assert not board.loading, board.trouble
            rows = board.now.pipelines
        assert len(rows) == PIPELINES
        assert turns.calls < CALLS
        assert turns.decoded < 6 * MEGABYTE
    finally:
        await board.close()


@pytest.mark.usefixtures("connected")
async def test_a_definition_is_made_canonical_elsewhere() -> None:
    board, details = Board(ClusterSetting("kubernetes_default")), Details()
    try:
        await board.connect()
        await board.wait(HUNG)
        (row, *_) = board.now.pipelines
        assert needs_canonical(row)

        async def canonical() -> str:
            while True:
                try:
                    return await details.canonical(row, lambda: board.definition(row))
                except NotYet:
                    await asyncio.sleep(0.05)

        with counted() as turns:
            digest = await asyncio.wait_for(canonical(), HUNG)
        assert drift_of(row, None, None, digest).state == "edited"
        assert turns.calls < CALLS
        assert turns.decoded < 2 * MEGABYTE
    finally:
        await board.close()


async def test_twelve_differences_at_once_are_made_elsewhere_and_once() -> None:
    details = Details()
    old, new = large(1), large(2)

    async def difference() -> Any:
        while True:
            try:
                return await details.difference(old, new, ("old", "new"))
            except NotYet:
                continue

    with counted() as turns:
        first, *others = await asyncio.wait_for(asyncio.gather(*(difference() for _ in range(12))), HUNG)
    assert first.same is False
    assert all(one is first for one in others)
    assert turns.calls < CALLS
    assert turns.decoded == 0


async def test_the_first_look_is_waited_for_without_looking_again_and_again(tmp_path: Path) -> None:
    """One wake-up for the news, where there was one each 20 ms."""
    board = Board(ClusterSetting("no_such_connection"))
    try:
        with counted() as turns:
            await board.wait(HUNG)
        assert board.trouble is not None
        assert turns.calls < CALLS
    finally:
        await board.close()

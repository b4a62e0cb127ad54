"""A cluster with a controller, once on the sandbox's API server and once on a real one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from airflow_ack_sagemaker.sandbox import Sandbox
from harness.real_cluster import make_namespace
from tests.cli.stage import Stage
from tests.cli.world import Cli, World
from tests.support.api_servers import COLUMNS

SPEED, STEP_SECONDS = 30.0, 5.0


@pytest.fixture(scope="module", params=COLUMNS)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("cli")
    with ExitStack() as stack:
        if request.param == "sandbox":
            sandbox = stack.enter_context(Sandbox(speed=SPEED, step_seconds=STEP_SECONDS))
            yield World(sandbox, sandbox.kubeconfig_path, "default", folder)
            return
        cluster = request.getfixturevalue("real_cluster")
        namespace = f"cli-{secrets.token_hex(4)}"
        with cluster.client() as client:
            make_namespace(client, namespace)
        sandbox = stack.enter_context(
            Sandbox(
                components=("controller", "aws"),
                kubeconfig=str(cluster.kubeconfig),
                namespace=namespace,
                speed=SPEED,
                step_seconds=STEP_SECONDS,
            )
        )
        yield World(sandbox, cluster.kubeconfig, namespace, folder)


@pytest.fixture
def cli(
    request: pytest.FixtureRequest,
    world: World,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:
    request.node.user_properties.append(("api server", request.node.callspec.params["world"]))
    return Cli(capsys, monkeypatch, world)


@pytest.fixture
def alone(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line without any cluster."""
    return Cli(capsys, monkeypatch)


@pytest.fixture(scope="module")
def stages() -> Iterator[dict[int, Stage]]:
    """One stage for each world."""
    made: dict[int, Stage] = {}
    yield made
    for stage in made.values():
        stage.close()


@pytest.fixture
def stage(cli: Cli, world: World, stages: dict[int, Stage]) -> Stage:
    if id(world) not in stages:
        stages[id(world)] = Stage(cli, world)
    return stages[id(world)]

"""The world of this folder's tests, started once."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from harness.controlplane import NoControlPlane, binaries
from tests.chaos.kills import Killer
from tests.chaos.ledger import Ledger
from tests.chaos.world import World


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A real API server and an Airflow of many nodes. Without Go there is none; in CI that is a failure."""
    try:
        binaries()
    except NoControlPlane as missing:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"In CI tests/chaos must run on a real API server: {missing}", pytrace=False)
        pytest.skip(f"tests/chaos needs a real API server: {missing}")
    with World(tmp_path_factory.mktemp("chaos")) as world:
        yield world


@pytest.fixture(scope="package")
def ledger(world: World) -> Ledger:
    """The books of all runs."""
    return Ledger(world)


@pytest.fixture(scope="package")
def killer(world: World) -> Killer:
    """Kills workers and their processes."""
    return Killer(world.fleet)

"""Operators in this process, with what Airflow would give them: a sandbox behind its connections, and a context."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from harness.controlplane import NoControlPlane
from harness.real_cluster import RealCluster
from harness.sandbox_process import SandboxProcess
from tests.operators.stage import Stage
from tests.support.sandbox_cluster import api_server, cluster

__all__ = ["api_server", "cluster", "stage"]


@pytest.fixture(scope="session", params=["sandbox", "real"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """An ACK controller and AWS, on the sandbox's API server and on a real one."""
    cluster: RealCluster | None = None
    if request.param == "real":
        found: RealCluster | NoControlPlane = request.getfixturevalue("control_plane")
        if isinstance(found, NoControlPlane):
            pytest.skip(str(found))
        cluster = found
    options = ("--speed", "10", "--step-seconds", "20")
    with SandboxProcess(tmp_path_factory.mktemp(request.param), *options, cluster=cluster) as sandbox:
        variables = {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in sandbox.connections().items()}
        before = dict(os.environ)
        os.environ.update(variables)
        yield Stage(sandbox)
        os.environ.clear()
        os.environ.update(before)

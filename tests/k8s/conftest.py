"""One cluster with Airflow for all tests here; where it cannot be had they are skipped, and in CI they fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from demo.run import upload
from harness.controlplane import NoControlPlane
from harness.node import OUTSIDE, Cluster, NoNode
from harness.postgresql import PostgreSQL
from harness.sandbox_process import SandboxProcess
from harness.servers import NotInstalled
from tests.compose.engine import NoDocker
from tests.k8s.image import archive
from tests.k8s.installed import Installed

SPEED = 10


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Airflow on the cluster; its database and AWS are outside, as they are for who has a managed database."""
    folder = tmp_path_factory.mktemp("k8s")
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(Cluster([archive()]))
            postgresql = stack.enter_context(PostgreSQL(OUTSIDE))
        except (NoControlPlane, NoDocker, NoNode, NotInstalled) as missing:
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(f"In CI the cluster must run: {missing}", pytrace=False)
            pytest.skip(str(missing))
        options = ("--components=aws", f"--host={OUTSIDE}", f"--speed={SPEED}")
        sandbox = stack.enter_context(SandboxProcess(folder / "sandbox", *options))
        upload(sandbox.aws_client("s3"))
        found = Installed(cluster, sandbox, postgresql)
        stack.callback(found.api.close)
        found.install()
        yield found

"""An Airflow with dag-factory, which has a folder of its own (`make test-dag-factory`): beside Airflow, its plugin
would be loaded in every process of every other test. Its telemetry is off.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.airflow_processes import AirflowProcesses
from harness.postgresql import PostgreSQL
from harness.sandbox_process import SandboxProcess
from tests.airflow.examples import put_definitions

EXAMPLE = Path(__file__).parents[2] / "dags" / "from_yaml"


@pytest.fixture(scope="session")
def dag_factory() -> Path:
    """The folder in which dag-factory is installed."""
    folder = Path(sys.prefix) / "dag-factory"
    assert folder.exists(), "dag-factory is not installed: make .venv/dag-factory"
    return folder


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """A cluster and AWS with the example definitions, whose steps take two seconds."""
    with SandboxProcess(tmp_path_factory.mktemp("sandbox"), "--speed", "20", "--step-seconds", "40") as sandbox:
        s3 = sandbox.aws_client("s3")
        s3.create_bucket(Bucket="ml-models")
        s3.put_bucket_versioning(Bucket="ml-models", VersioningConfiguration={"Status": "Enabled"})
        put_definitions(sandbox)
        yield sandbox


@pytest.fixture(scope="session")
def dags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's folder, as a user has copied it."""
    return Path(shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("airflow") / "dags"))


@pytest.fixture(scope="session")
def airflow(sandbox: SandboxProcess, dags: Path, dag_factory: Path) -> Iterator[AirflowProcesses]:
    """An Airflow with that folder."""
    with (
        PostgreSQL() as server,
        AirflowProcesses(
            dags.parent / "home",
            dags,
            connections=sandbox.connections(),
            settings={("dag_factory", "enable_telemetry"): "False"},
            environment={"PYTHONPATH": str(dag_factory)},
            database_url=server.create("airflow"),
        ) as airflow,
    ):
        yield airflow

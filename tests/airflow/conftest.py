"""A real Airflow beside a cluster, its ACK controller and AWS, started once for all tests of this folder.

The cluster's API server is a real one, where Airflow has just the rights of ``rbac.yaml`` and ``rbac-lifecycle.yaml``
of ``deploy/kubernetes``. With ``CLUSTER=sandbox``, or where kube-apiserver cannot be had, it is the sandbox's; with
``CI=true`` that is a failure.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from harness.airflow_processes import AirflowProcesses
from harness.controlplane import NoControlPlane
from harness.postgresql import PostgreSQL
from harness.real_cluster import RealCluster
from harness.sandbox_process import SandboxProcess
from tests.airflow.examples import copy_examples
from tests.airflow.support import BUCKET, Case

_ran_on: list[str] = []
_said: Counter[str] = Counter()


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> RealCluster | None:
    """The real API server, or None where the sandbox has one of its own."""
    if os.environ.get("CLUSTER", "real") == "sandbox":
        _ran_on.append("the sandbox's API server, as CLUSTER=sandbox asks for")
        return None
    found: RealCluster | NoControlPlane = request.getfixturevalue("control_plane")
    if isinstance(found, NoControlPlane):
        _ran_on.append(f"the sandbox's API server only: {found}")
        return None
    _ran_on.append("a real API server, under deploy/kubernetes/rbac.yaml")
    return found


@pytest.fixture(scope="session")
def sandbox(cluster: RealCluster | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """An ACK controller and AWS whose steps take two seconds."""
    options = ("--speed", "20", "--step-seconds", "40")
    with SandboxProcess(tmp_path_factory.mktemp("sandbox"), *options, cluster=cluster) as sandbox:
        s3 = sandbox.aws_client("s3")
        for bucket in (BUCKET, "ml-models"):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        yield sandbox


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """An empty database."""
    with PostgreSQL() as server:
        yield server.create("airflow")


@pytest.fixture(scope="session")
def airflow(
    sandbox: SandboxProcess, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowProcesses]:
    """An Airflow with the example DAGs and those of tests/airflow/dags, its connections leading to the cluster."""
    folder = tmp_path_factory.mktemp("airflow")
    dags = folder / "dags"
    copy_examples(dags)
    shutil.copytree(Path(__file__).parent / "dags", dags, dirs_exist_ok=True)
    connections = dict(sandbox.connections())
    with ApiServer(crds=[]) as bare:
        config = bare.kubeconfig()
        connections["no_crds"] = {"conn_type": "kubernetes", "extra": {"kube_config": json.dumps(config)}}
        config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
        connections["unreachable"] = {"conn_type": "kubernetes", "extra": {"kube_config": json.dumps(config)}}
        settings = {("scheduler", "allowed_run_id_pattern"): ".+"}  # an organisation may allow any names for its runs
        with AirflowProcesses(
            folder / "home", dags, connections=connections, settings=settings, database_url=database_url
        ) as airflow:
            yield airflow


@pytest.fixture
def case(airflow: AirflowProcesses, sandbox: SandboxProcess) -> Case:
    """A pipeline that only this test uses."""
    return Case(airflow, sandbox)


@pytest.fixture(autouse=True)
def _told(request: pytest.FixtureRequest) -> Iterator[None]:
    """The closing lines are written by the process that has started those which run the tests."""
    yield
    request.node.user_properties += [("airflow ran on", server) for server in _ran_on]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "teardown":
        _said.update(str(value) for name, value in report.user_properties if name == "airflow ran on")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for server, tests in _said.items():
        terminalreporter.write_line(f"tests/airflow: {tests} tests ran on {server}")

"""A real Airflow beside a sandbox, started once for all tests of this folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from demo.airflow_processes import AirflowProcesses
from demo.sandbox_process import SandboxProcess
from tests.airflow.support import BUCKET, Case

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """A sandbox whose steps take four seconds.

    Not less: Airflow takes a task that is resumed within some seconds of its deferral, on a busy machine, for one that
    was killed
    (its scheduler reads the end of the first process after the start of the second)."""
    with SandboxProcess(tmp_path_factory.mktemp("sandbox"), "--speed", "20", "--step-seconds", "80") as sandbox:
        s3 = sandbox.aws_client("s3")
        for bucket in (BUCKET, "ml-models"):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        yield sandbox


@pytest.fixture(scope="session")
def airflow(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowProcesses]:
    """An Airflow with the example DAGs and those of tests/airflow/dags, its connections leading to the sandbox."""
    folder = tmp_path_factory.mktemp("airflow")
    dags = folder / "dags"
    shutil.copytree(ROOT / "dags", dags)
    shutil.copytree(Path(__file__).parent / "dags", dags, dirs_exist_ok=True)
    connections = sandbox.connections()
    with ApiServer(crds=[]) as bare:
        config = bare.kubeconfig()
        connections["no_crds"] = {"conn_type": "kubernetes", "extra": {"kube_config": json.dumps(config)}}
        config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
        connections["unreachable"] = {"conn_type": "kubernetes", "extra": {"kube_config": json.dumps(config)}}
        with AirflowProcesses(folder / "home", dags, connections=connections) as airflow:
            yield airflow


@pytest.fixture
def case(airflow: AirflowProcesses, sandbox: SandboxProcess) -> Case:
    """A pipeline that only this test uses."""
    return Case(airflow, sandbox)

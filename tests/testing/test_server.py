"""A DAG to its end on a real Airflow, its connections leading to the kit's sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_ack_sagemaker.testing import AckSandbox, run_on_server
from harness.airflow_processes import AirflowProcesses
from harness.postgresql import PostgreSQL
from tests.cli.world import DEFINITION


@pytest.fixture
def airflow(ack_sandbox: AckSandbox, tmp_path: Path) -> Iterator[AirflowProcesses]:
    connections = {
        name: json.loads(ack_sandbox.environment[f"AIRFLOW_CONN_{name.upper()}"])
        for name in ("kubernetes_default", "aws_default")
    }
    with PostgreSQL() as server:
        url = server.create("airflow")
        dags = Path(__file__).parent / "dags"
        with AirflowProcesses(tmp_path / "home", dags, connections=connections, database_url=url) as airflow:
            yield airflow


def test_a_dag_on_a_real_airflow(ack_sandbox: AckSandbox, airflow: AirflowProcesses) -> None:
    ack_sandbox.put_definition("s3://definitions/abalone.json", DEFINITION)
    airflow.api.wait_for_dag("team_retraining")
    user, password = airflow.username, airflow.password
    result = run_on_server(airflow.url, "team_retraining", {"count": 4}, username=user, password=password)
    assert result.succeeded, result
    assert result.tasks == {"apply": "success", "run": "success"}
    assert result.returned["run"]["parameters"] == {"Count": "4"}
    ack_sandbox.script("Train=hold")
    with pytest.raises(TimeoutError, match=r"team_retraining .* is (queued|running) after 1 s"):
        run_on_server(airflow.url, "team_retraining", timeout=1, username=user, password=password)

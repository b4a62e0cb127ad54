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
from tests.kube.servers import HttpServer, Seen


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


def test_all_tasks_are_told_and_a_restart_is_waited_out() -> None:
    """150 mapped tasks of an Airflow that once breaks a connection."""
    polled = 0

    def behave(seen: Seen) -> None:
        nonlocal polled
        match seen.path.rpartition("/")[2]:
            case "token":
                seen.answer({"access_token": "x"}, 201)
            case "dagRuns":
                seen.answer({"dag_run_id": "r", "state": "queued"})
            case "r":
                polled += 1
                seen.hang_up() if polled == 1 else seen.answer({"dag_run_id": "r", "state": "success"})
            case "taskInstances":
                first, size = int(seen.query["offset"]), int(seen.query["limit"])
                tasks = [
                    {"task_id": "t", "map_index": index, "state": "success"}
                    for index in range(first, min(first + size, 150))
                ]
                seen.answer({"task_instances": tasks, "total_entries": 150})
            case "return_value":
                index = int(seen.query["map_index"])
                seen.answer({"value": index}) if index % 2 else seen.refuse(404)
            case _:
                seen.answer({})

    with HttpServer(behave) as server:
        result = run_on_server(server.url, "d", username="u", password="p")
    assert polled == 2
    assert result.tasks == {f"t[{index}]": "success" for index in range(150)}
    assert result.returned == {f"t[{index}]": index for index in range(1, 150, 2)}

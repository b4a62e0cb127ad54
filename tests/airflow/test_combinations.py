"""The retraining DAG runs on every combination of the sandbox's parts with the real API server."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from harness.airflow_processes import AirflowProcesses
from harness.real_cluster import RealCluster
from tests.airflow.combinations import NAMES, Combinations
from tests.airflow.support import BUCKET, definition


@pytest.fixture(scope="module")
def combinations(
    airflow: AirflowProcesses, cluster: RealCluster | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Combinations]:
    """All of them, and Airflow's connections to them."""
    with Combinations(tmp_path_factory.mktemp("combinations"), cluster) as combinations:
        for name, fields in combinations.connections().items():
            extra = json.dumps(fields.get("extra", {}))
            airflow.api.request("POST", "/connections", json={**fields, "connection_id": name, "extra": extra})
        yield combinations


@pytest.fixture(scope="module")
def runs(airflow: AirflowProcesses, combinations: Combinations) -> dict[str, str]:
    """A run of the retraining DAG on each of them."""
    airflow.api.wait_for_dag("group")
    airflow.api.unpause("group")
    for process in combinations.aws.values():
        s3 = process.aws_client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="retrained.json", Body=json.dumps(definition()).encode())
    return {
        name: airflow.api.trigger(
            "group",
            {
                "pipeline": f"on-{name.replace('_', '-')}",
                "definition_uri": f"s3://{BUCKET}/retrained.json",
                "kubernetes_conn_id": f"kubernetes_{name}",
                "aws_conn_id": f"aws_{name}",
            },
        )
        for name in combinations.aws
    }


@pytest.mark.parametrize("name", NAMES)
def test_retraining(airflow: AirflowProcesses, combinations: Combinations, runs: dict[str, str], name: str) -> None:
    if name not in runs:
        assert os.environ.get("CI", "").lower() != "true", "in CI all combinations must be there"
        pytest.skip("No real API server to run on: see the last lines of this run")
    assert airflow.api.wait_dag_run("group", runs[name]) == "success", airflow.api.states("group", runs[name])
    pipeline = f"on-{name.replace('_', '-')}"
    answer = combinations.aws[name].aws_client("sagemaker").list_pipeline_executions(PipelineName=pipeline)
    assert [entry["PipelineExecutionStatus"] for entry in answer["PipelineExecutionSummaries"]] == ["Succeeded"]

"""The testing kit, as a team's own tests use it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_ack_sagemaker.exceptions import AckInputError
from airflow_ack_sagemaker.testing import AckSandbox, run_dag
from harness.waiting import HUNG
from tests.cli.world import DEFINITION


@pytest.fixture
def dag(ack_sandbox: AckSandbox) -> Any:
    ack_sandbox.put_definition("s3://definitions/abalone.json", DEFINITION)
    from tests.testing.dags.retraining import dag

    return dag


def test_the_dag_retrains(ack_sandbox: AckSandbox, dag: Any) -> None:
    before = signal.getsignal(signal.SIGTERM)
    result = run_dag(dag, {"count": 3})
    assert signal.getsignal(signal.SIGTERM) is before
    assert result.succeeded, result
    assert result.tasks == {"apply": "success", "run": "success"}
    assert result.returned["run"]["parameters"] == {"Count": "3"}
    (execution,) = ack_sandbox.executions()
    assert execution["status"]["pipelineExecutionStatus"] == "Succeeded"


def test_a_failure_is_retried_at_once(ack_sandbox: AckSandbox, dag: Any) -> None:
    ack_sandbox.script("Train#1=Failed:out of memory")
    result = run_dag(dag)
    assert result.succeeded, result
    assert len(ack_sandbox.sagemaker_executions("abalone")) == 2


def test_a_failure_that_stays(ack_sandbox: AckSandbox, dag: Any) -> None:
    ack_sandbox.script("Train=Failed:no such image")
    result = run_dag(dag)
    assert (result.state, result.tasks["run"]) == ("failed", "failed")


def test_a_dag_that_a_function_makes_is_told(ack_sandbox: AckSandbox) -> None:
    from airflow.sdk import DAG

    with pytest.raises(AckInputError, match=r"does not find the DAG 'made_here' in .*test_kit\.py: make it at the top"):
        run_dag(DAG("made_here", schedule=None))


@pytest.mark.ack_sandbox(speed=1000, step_seconds=3600, script=["Prepare=seconds:7200"])
def test_hours_take_seconds(ack_sandbox: AckSandbox, dag: Any) -> None:
    assert run_dag(dag).succeeded


def test_the_plugin_costs_nothing_where_it_is_not_used() -> None:
    code = (
        "import sys, airflow_ack_sagemaker.testing.plugin;"
        "print([n for n in sys.modules if n.split('.')[0] in ('airflow', 'httpx', 'moto', 'boto3')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=HUNG)
    assert done.stdout.strip() == "[]"


def test_the_fixture_is_there_by_installing(tmp_path: Path) -> None:
    """In an empty project, without any conftest.py."""
    (tmp_path / "test_mine.py").write_text("def test_it(ack_sandbox):\n    assert ack_sandbox.executions() == []\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=HUNG, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

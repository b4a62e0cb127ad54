"""The pipelines of dags/from_yaml run, made by dag-factory; and what it does where a file is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_ack_sagemaker.testing.yaml_file import CALLBACKS, DAG_KEYS
from harness.airflow_processes import AirflowProcesses
from harness.sandbox_process import SandboxProcess
from harness.waiting import HUNG, wait_until
from tests.airflow.examples import first_run
from tests.airflow.support import Case
from tests.ui.browser import Chromium
from tests.ui.graphs import draw


@pytest.mark.parametrize(
    ("dag_id", "wanted"),
    [
        ("abalone_small", [{"Rounds": "20"}]),
        ("abalone_large", [{"Rounds": "200", "MaxDepth": "8"}]),
        ("abalone_by_depth", [{"MaxDepth": "3"}, {"MaxDepth": "6"}]),
    ],
)
def test_each_dag_runs(
    airflow: AirflowProcesses, sandbox: SandboxProcess, dag_id: str, wanted: list[dict[str, str]]
) -> None:
    case = Case(airflow, sandbox, dag_id.replace("_", "-"))
    airflow.api.wait_for_dag(dag_id)
    airflow.api.unpause(dag_id)
    first_run(airflow, dag_id)
    assert case.statuses() == ["Succeeded"] * len(wanted)
    found = [case.parameters(each["PipelineExecutionArn"]) for each in case.executions()]
    assert all(any(values.items() <= each.items() for each in found) for values in wanted), found


def test_the_example_has_a_picture(airflow: AirflowProcesses, tmp_path: Path) -> None:
    with Chromium(airflow, tmp_path / "chromium") as chromium:
        draw("abalone_by_depth", chromium, airflow, tmp_path)


def test_a_wrong_line_is_an_import_error_of_its_file_alone(airflow: AirflowProcesses, dags: Path) -> None:
    text = (dags / "retraining.yaml").read_text().replace("\nabalone_", "\nbroken_")
    line = text.splitlines().index("      parameters: {Rounds: 20}") + 1
    (dags / "broken.yaml").write_text(text.replace("parameters: {Rounds: 20}", "paramters: {Rounds: 20}"))
    (dags / "broken.py").write_text((dags / "retraining.py").read_text())
    errors = wait_until(airflow.api.import_errors, 120, "the import error")
    ((name, told),) = errors.items()
    assert name.endswith("broken.py")
    assert f"broken.yaml:{line}: AckPipelineExecutionOperator has no argument 'paramters'." in told
    assert "Did you mean 'parameters'?" in told
    for dag_id in ("abalone_small", "abalone_large", "abalone_by_depth"):  # in whichever order the files are read
        wait_until(lambda dag_id=dag_id: dag_id in airflow.api.dag_ids(), HUNG, dag_id)  # type: ignore[misc]


def test_dag_factory_tells_nobody(airflow: AirflowProcesses) -> None:
    asked = [sys.executable, "-c", "from dagfactory.telemetry import should_emit; print(should_emit())"]
    said = subprocess.run(asked, env=airflow.environment, capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == "False"


def test_the_keys_of_a_dag_are_those_that_dag_factory_reads(dag_factory: Path) -> None:
    source = (dag_factory / "dagfactory" / "dagbuilder.py").read_text()
    read = set(re.findall(r'dag_params(?:\.get\(|\[)\s*"(\w+)"', source))
    read |= set(re.findall(r'check_dict_key\(dag_params, "(\w+)"\)', source))
    read |= {"concurrency", "max_active_tasks", "catchup", "max_active_runs"}  # looked for in other ways
    read -= {"dag_id", "schedule_interval", "sla_miss_callback", "sla_miss_callback_name", "sla_miss_callback_file"}
    read -= {"default_view", "orientation"}  # of Airflow 2
    named = {key for key in DAG_KEYS if not key.startswith(tuple(CALLBACKS))}
    assert named == read - {"on_success_callback", "on_failure_callback"}

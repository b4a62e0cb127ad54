"""What Airflow's settings say is obeyed, with the oldest and the newest Airflow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_ack_sagemaker.compat import masked_parameters

pytestmark = pytest.mark.floor

WHAT_IS_SAID = """
from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
from airflow_ack_sagemaker.operators.stop import AckStopPipelineExecutionOperator
from airflow_ack_sagemaker.sensors.pipeline import AckPipelineSensor
of = {"task_id": "t", "pipeline_name": "p"}
made = [
    AckPipelineOperator(**of, role_arn="r", definition_uri="u"),
    AckStopPipelineExecutionOperator(**of),
    AckPipelineSensor(**of),
    AckPipelineSensor(**of, deferrable=True),
    AckPipelineSensor(**of, deferrable=False),
]
print([task.deferrable for task in made])
"""


@pytest.mark.parametrize(
    ("in_file", "in_environment", "deferrable"),
    [
        (None, None, True),
        ("False", None, True),  # as Airflow itself writes it into the file
        ("True", "False", False),
        ("False", "True", True),
    ],
)
def test_default_deferrable_is_obeyed_where_it_is_set(
    tmp_path: Path, in_file: str | None, in_environment: str | None, deferrable: bool
) -> None:
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path)}
    if in_file is not None:
        (tmp_path / "airflow.cfg").write_text(f"[operators]\ndefault_deferrable = {in_file}\n")
    if in_environment is not None:
        environment["AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE"] = in_environment
    done = subprocess.run(
        [sys.executable, "-c", WHAT_IS_SAID], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str([deferrable] * 3 + [True, False])


def test_what_looks_like_a_secret_is_masked_by_its_name() -> None:
    given = {"ApiKey": "k", "db_password": "p", "Rounds": "5", "Nested": {"secret": "s", "n": 1}}
    shown = masked_parameters(given)
    assert shown == {"ApiKey": "***", "db_password": "***", "Rounds": "5", "Nested": shown["Nested"]}
    assert shown["Nested"] == {"secret": "***", "n": 1}
    assert given["ApiKey"] == "k"

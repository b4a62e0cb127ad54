"""The wheel in empty environments, and its bill of materials: `make test-release`, which has made both."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from airflow_ack_sagemaker import __version__
from harness.environment import clean_environment
from tests.release.artifacts import ROOT
from tests.release.environments import CONSTRAINTS, PAIRS, folder

SBOM = ROOT / "dist" / "sbom.cdx.json"


@pytest.mark.parametrize(("python", "airflow"), PAIRS)
def test_a_retraining_runs(python: str, airflow: str, tmp_path: Path) -> None:
    binaries = folder(python, airflow) / "bin"
    script = shutil.copy(Path(__file__).with_name("smoke.py"), tmp_path)
    variables = clean_environment(tmp_path / "home") | {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    done = subprocess.run(
        [str(binaries / "python"), script], cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == f"Python {python}, Airflow {airflow}: success"
    asked = [str(binaries / "ack-sagemaker"), "--version"]
    said = subprocess.run(asked, env=variables, capture_output=True, text=True, check=True).stdout
    assert said.strip() == f"ack-sagemaker {__version__}"


def test_both_ends_of_what_is_supported_are_there() -> None:
    for airflow, constraints in CONSTRAINTS.items():
        assert f"\napache-airflow=={airflow}." in (ROOT / "constraints" / f"{constraints}.txt").read_text()


def test_the_bill_of_materials_names_what_is_installed() -> None:
    bill = json.loads(SBOM.read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "airflow-ack-sagemaker")
    named = {component["name"].lower().replace("_", "-"): component["version"] for component in bill["components"]}
    pinned = dict(
        line.split(" ;")[0].strip().split("==")
        for line in (ROOT / "constraints" / "newest.txt").read_text().splitlines()
        if "==" in line
    )
    for name in ("apache-airflow", "apache-airflow-providers-amazon", "boto3", "httpx", "typer"):
        assert named[name] == pinned[name]
    assert "pytest" not in named, "only what the wheel brings"

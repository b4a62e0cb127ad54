"""`path.sh`, with the wheel in an empty environment, from an empty directory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.environment import clean_environment
from harness.servers import free_port
from tests.support.kubectl import NoKubectl, find

ENVIRONMENT = Path(sys.prefix) / "newcomer" / "venv"
"""Where `make test-newcomer` has put the wheel and what it brings, and pytest."""


def test_the_whole_path(tmp_path: Path) -> None:
    try:
        kubectl = find()
    except NoKubectl as missing:
        pytest.skip(str(missing))
    variables = clean_environment(tmp_path / "home")
    path = [str(ENVIRONMENT / "bin"), str(kubectl.parent), "/usr/local/bin", "/usr/bin", "/bin"]
    variables |= {"PATH": os.pathsep.join(path), "PORT": str(free_port()), "COLUMNS": "200"}
    # Others may run an Airflow here, too, and these ports are the same for all unless they are set.
    for port in ("WORKER", "TRIGGER"):
        variables[f"AIRFLOW__LOGGING__{port}_LOG_SERVER_PORT"] = str(free_port())
    work = tmp_path / "work"
    work.mkdir()
    script = ["bash", str(Path(__file__).with_name("path.sh"))]
    done = subprocess.run(script, cwd=work, env=variables, capture_output=True, text=True, check=False)
    said = dict(re.findall(r"^### (.*)\n((?:(?!### ).*\n?)*)", done.stdout, re.MULTILINE))
    airflow = work / "airflow.txt"
    assert done.returncode == 0, (
        done.stdout[-3000:] + done.stderr[-3000:] + (airflow.read_text()[-3000:] if airflow.exists() else "")
    )
    assert list(said)[-1] == "done"
    assert "Nothing wrong was found; 1 could not be looked at." in said["doctor"], "whether the controller runs"
    by_hand, ours = said["by hand: kubectl apply, get, describe, delete"], said["run, list, describe: the same"]
    assert re.search(r"^by-hand +Succeeded", by_hand, re.MULTILINE)
    assert re.search(r"^abalone-[0-9a-f]{12}-1 +abalone +Succeeded +Succeeded +cli ", ours, re.MULTILINE)
    assert re.search(r"^  Train +Training +Succeeded", ours, re.MULTILINE)
    assert said["render | kubectl apply -f -: the same, from S3"].count("serverside-applied") == 1
    assert re.search(r"^\S+ +abalone +Succeeded +Succeeded +retrain\.retrain ", said["a DAG"], re.MULTILINE)
    assert "on the page: abalone Succeeded" in said["the page"]
    assert said["stop"].startswith("Confirmed: ")
    assert "2 passed" in said["a test of the DAG"]
    assert "pipeline/abalone deleted" in said["clean up"]
    assert not said["clean up"].rstrip().endswith("pipeline/abalone"), "it is gone from the list"

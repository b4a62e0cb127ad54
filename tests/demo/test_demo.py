"""`make demo-up` opens on a state worth looking at, whatever the shell has set."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.waiting import HUNG, wait_until

ROOT = Path(__file__).parents[2]
FOREIGN = {
    "AWS_CA_BUNDLE": "/nowhere",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_PROFILE": "nobody",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "KUBECONFIG": "/nowhere",
}


def demo(command: str) -> str:
    """Run a command of the demo in a shell that has other plans; what it said."""
    environment = {name: value for name, value in os.environ.items() if name != "NO_PROXY"} | FOREIGN
    done = subprocess.run(
        [sys.executable, "-m", "demo.run", command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HUNG,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def said() -> Iterator[str]:
    try:
        yield demo("up")
    finally:
        demo("down")


def test_executions_of_some_weeks(said: str) -> None:
    login = re.search(r"Airflow +(http://[^/]+)/\S+ +user (\S+), password (\S+)", said)
    assert login is not None, said
    url, username, password = login.groups()
    assert f"{url}/plugin/sagemaker" in said
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        answer = client.post("/auth/token", json={"username": username, "password": password}).raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

        def listed() -> dict[str, Any] | None:
            found: dict[str, Any] = client.get("/ack-sagemaker/api/executions", params={"limit": 200}).json()
            wanted = {"InProgress", "Succeeded", "Failed", "Stopped"}
            return found if wanted <= found.get("counts", {}).keys() and not found["loading"] else None

        found = wait_until(listed, HUNG, "executions that run, and that have ended in each way")
        assert len(found["pipelines"]) >= 3
        created = sorted(row["created"] for row in found["items"])
        assert created[0][:10] < created[-1][:10], "not all of one day"
        # What the links lead to is there.
        for row in found["items"]:
            path = f"/api/v2/dags/{row['dag_id']}/dagRuns"
            runs = client.get(path, params={"limit": 100}).raise_for_status().json()["dag_runs"]
            assert row["run_id"] in {run["dag_run_id"] for run in runs}

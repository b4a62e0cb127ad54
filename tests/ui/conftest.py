"""One Airflow beside one sandbox for all tests of this folder, with the history of ``make demo-up``, and a browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from demo import story
from demo.history import History, tell
from demo.run import CLUSTERS
from harness.airflow_processes import AirflowProcesses
from harness.postgresql import PostgreSQL
from harness.sandbox_process import SandboxProcess, page_settings
from harness.waiting import wait_until
from tests.airflow.examples import copy_examples
from tests.airflow.support import Case
from tests.support.auth_manager import GRANTS, PATH
from tests.ui import fraud, hostile, many
from tests.ui.browser import MOST_MS, Chromium
from tests.ui.shelf import Shelf, headers

ROOT = Path(__file__).parents[2]
SPEED = 20.0
# The demo's run of churn ends after some minutes, before a slow machine has shown it on every page.
LASTING = (f"{story.CHURN.pipeline}/TrainChurn=seconds:{fraud.FOREVER}",)
USERS = {"viewer": "viewer", "partial": "user"}
DAG_GRANTS = {"partial": {"scheduled_retraining": "edit"}}

expect.set_options(timeout=MOST_MS)


@pytest.fixture(scope="session")
def now() -> datetime:
    """The present, up to which there is a history."""
    return datetime.now(UTC)


@pytest.fixture(scope="session")
def sandbox(now: datetime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """A cluster, its controller and AWS, whose clock is still at the beginning of the history."""
    options = ("--speed", str(SPEED), "--start", story.begins(now).isoformat())
    with SandboxProcess(tmp_path_factory.mktemp("sandbox"), *options) as sandbox:
        s3 = sandbox.aws_client("s3")
        s3.create_bucket(Bucket=story.BUCKET)
        s3.put_bucket_versioning(Bucket=story.BUCKET, VersioningConfiguration={"Status": "Enabled"})
        s3.close()
        yield sandbox


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """An empty database."""
    with PostgreSQL() as server:
        yield server.create("airflow")


@pytest.fixture(scope="session")
def airflow(
    now: datetime, sandbox: SandboxProcess, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowProcesses]:
    """An Airflow with the demo's DAGs, their past and one that runs, and the DAGs of tests/ui/dags."""
    folder = tmp_path_factory.mktemp("airflow")
    dags = folder / "dags"
    copy_examples(dags)
    for source in (ROOT / "demo" / "dags", Path(__file__).parent / "dags"):
        shutil.copytree(source, dags, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    past = story.runs(now)
    with ThreadPoolExecutor(1) as beside:

        def make() -> None:
            with History(sandbox, SPEED) as history:
                history.make(past, [*story.lasting(SPEED), *LASTING])

        made = beside.submit(make)
        with AirflowProcesses(
            folder / "home",
            dags,
            users=USERS,
            connections=sandbox.connections(),
            settings={("core", "auth_manager"): PATH, **page_settings(CLUSTERS, sandbox.connections())},
            environment={"PYTHONPATH": str(ROOT), GRANTS: json.dumps(DAG_GRANTS)},
            database_url=database_url,
        ) as airflow:
            made.result()
            tell(airflow.api, past)
            airflow.api.unpause(story.CHURN.dag_id)
            yield airflow


@pytest.fixture(scope="session")
def chromium(airflow: AirflowProcesses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """The browser."""
    with Chromium(airflow, tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(scope="session")
def shelved(
    airflow: AirflowProcesses, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowProcesses]:
    """One more API server of that Airflow. It shows a cluster of ten thousand executions, some with hostile names."""
    shelf = Shelf()
    hostile.fill(shelf)
    many.fill(shelf)
    dags = Path(airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"])
    with shelf, shelf.airflow(tmp_path_factory.mktemp("shelved"), dags, database_url) as server:
        path = f"{server.url}/ack-sagemaker/api/executions"

        def whole() -> bool:
            answer = httpx.get(path, headers=headers(server), trust_env=False, timeout=60).raise_for_status()
            return bool(answer.json()["total"] == many.COUNT)

        wait_until(whole, 120, "the cluster to be read")
        yield server


@pytest.fixture
def case(airflow: AirflowProcesses, sandbox: SandboxProcess) -> Case:
    """A pipeline that only this test uses."""
    return Case(airflow, sandbox)

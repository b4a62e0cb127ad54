"""Asset watchers: a new definition, the end of an execution, drift, an approval: each starts a DAG once."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from airflow_ack_sagemaker.core.lifecycle.registry import adoption_manifest
from harness.airflow_processes import AirflowProcesses
from harness.sandbox_process import SandboxProcess
from harness.waiting import wait_until
from tests.airflow.examples import watchers_begun
from tests.airflow.support import Case, definition, monitoring_schedule
from tests.airflow.watcher_kills import DAG_ID, PIPELINE, at_rest, change_and_kill, looks, trained

CHANCE = random.Random(7)
KILLS = int(os.environ.get("WATCHER_KILLS", "1"))
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"
IN_S3 = ("definition", "killed")
ON_CLUSTER = ("executions", "violations", "approved")


@pytest.fixture(scope="module", autouse=True)
def _watching(airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    """All watchers have begun, and know what is there. What they find at their start is no news."""
    case = Case(airflow, sandbox)
    before, begun = looks(case), watchers_begun(airflow)
    for name in (*IN_S3, *ON_CLUSTER):
        airflow.api.wait_for_dag(f"on_watched_{name}")
        airflow.api.unpause(f"on_watched_{name}")
    airflow.api.read_again("on_watched_definition")  # a paused DAG has no watchers, and one file has them all
    wait_until(lambda: looks(case) > before, 120, "a watcher's first look")
    # When a trigger that was started after them has been answered, they have been, too.
    wait_until(
        lambda: watchers_begun(airflow) >= begun + len(IN_S3 + ON_CLUSTER),
        120,
        "the watchers to start",
    )
    case.apply()
    assert case.run("launch_deferred_wait")[1] == "success"


def said(payload: dict[str, Any]) -> dict[str, Any]:
    """The trigger's own part of an asset event's extra."""
    inner: dict[str, Any] = payload.get("payload", payload)
    return inner


def _payloads(case: Case, name: str, count: int) -> list[dict[str, Any]]:
    """What the watcher's events said, once the DAG has been started by so many of them; the oldest first."""

    def heard() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        dag_id = f"on_watched_{name}"
        for run in reversed(case.airflow.api.dag_runs(dag_id)):
            found += case.airflow.api.xcom(dag_id, run["dag_run_id"], "payloads") or []
        return [said(payload) for payload in found] if len(found) >= count else []

    return wait_until(heard, 90, f"{count} events of {name}")


@pytest.mark.floor
def test_a_new_definition_starts_a_dag(case: Case) -> None:
    case.pipeline = "watched"
    first = case.upload(definition(rounds=1))
    assert [payload["version_id"] for payload in _payloads(case, "definition", 1)] == [first]
    second = case.upload(definition(rounds=2))
    assert {payload["version_id"] for payload in _payloads(case, "definition", 2)} == {first, second}


def test_an_execution_that_ends_starts_a_dag(case: Case) -> None:
    case.pipeline = "watched"
    case.apply()
    case.script("Train#1=Failed:no data")
    for expected in ("Failed", "Succeeded"):
        _, state = case.run("launch_deferred_wait")
        assert state == ("success" if expected == "Succeeded" else "failed")
    found = {payload["arn"]: payload["state"] for payload in _payloads(case, "executions", 2)}
    assert found == {
        execution["PipelineExecutionArn"]: execution["PipelineExecutionStatus"] for execution in case.executions()
    }


def test_drift_starts_a_dag_once(case: Case) -> None:
    # Its first execution alone: the next one is three minutes later, and a busy machine may still be at this then.
    case.control("POST", "script", json={"rules": ["monitoringschedule/watched#1=violations"]})
    case.kubernetes("POST", "monitoringschedules", json=monitoring_schedule("watched"))
    (payload,) = _payloads(case, "violations", 1)
    executions = case.sandbox.aws_client("sagemaker").list_monitoring_executions(MonitoringScheduleName="watched")
    found = {
        each["ProcessingJobArn"]: each["MonitoringExecutionStatus"]
        for each in executions["MonitoringExecutionSummaries"]
    }
    assert found[payload["processing_job_arn"]] == "CompletedWithViolations"
    assert (payload["schedule"], payload["endpoint_name"]) == ("watched", "watched-endpoint")
    # Any other change of the schedule is no news of its last execution.
    patch = {"metadata": {"labels": {"looked-at": "yes"}}}
    headers = {"Content-Type": "application/merge-patch+json"}
    case.kubernetes("PATCH", "monitoringschedules/watched", json=patch, headers=headers)
    case.kubernetes("DELETE", "monitoringschedules/watched")
    wait_until(lambda: not case.resource("monitoringschedules", "watched"), 60, "the schedule to be gone")
    assert len(_payloads(case, "violations", 1)) == 1


def test_another_version_that_may_be_served_starts_a_dag(case: Case) -> None:
    sagemaker = case.sandbox.aws_client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="watched")
    names = []
    for _ in range(2):
        arn = sagemaker.create_model_package(
            ModelPackageGroupName="watched",
            InferenceSpecification={
                "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://b/m.tar.gz"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )["ModelPackageArn"]
        manifest = adoption_manifest(arn, case.sandbox.namespace)
        names.append(manifest["metadata"]["name"])
        case.kubernetes("POST", "modelpackages", json=manifest)
    for name in names:
        wait_until(lambda name=name: _approval(case, name) is not None, 60, f"{name} to be adopted")  # type: ignore[misc]

    def versions(count: int) -> list[int]:
        return [payload["version"] for payload in _payloads(case, "approved", count)]

    _approve(case, names[0], "Approved")
    assert versions(1) == [1]
    _approve(case, names[1], "Approved")
    assert versions(2) == [1, 2]
    _approve(case, names[1], "Rejected")
    assert versions(3) == [1, 2, 1], "an approval that is taken back leads to the one before"


def _approval(case: Case, name: str) -> Any:
    return case.resource("modelpackages", name)["spec"].get("modelApprovalStatus")


def _approve(case: Case, name: str, word: str) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    case.kubernetes("PATCH", f"modelpackages/{name}", json={"spec": {"modelApprovalStatus": word}}, headers=headers)


def test_each_version_is_retrained_with_once_though_the_triggerer_is_killed(case: Case) -> None:
    """Once in `make test`, twenty times by `make watcher-kills`."""
    case.pipeline = PIPELINE
    versions = range(1, KILLS + 1)
    for rounds in versions:
        change_and_kill(case, rounds, CHANCE)
    at_rest(case)
    assert trained(case) == dict.fromkeys(versions, 1)
    assert {run["state"] for run in case.airflow.api.dag_runs(DAG_ID)} == {"success"}

"""Airflow with the KubernetesExecutor as `deploy/` installs it: whatever dies, nothing is started twice."""

from __future__ import annotations

import base64
import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psutil
import pytest

from airflow_ack_sagemaker.core.resource.identity import identity_of
from harness.waiting import HUNG, wait_until
from tests.k8s.installed import NAMESPACE, TOKEN_SECONDS, Installed

EXECUTIONS = f"/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/{NAMESPACE}/pipelineexecutions"
RUN_SECONDS = 600.0


def executions(installed: Installed, run_id: str) -> list[dict[str, Any]]:
    """The resources that a DAG run has launched."""
    with installed.cluster.client() as client:
        items: list[dict[str, Any]] = client.get(EXECUTIONS).raise_for_status().json()["items"]
    return [item for item in items if (identity := identity_of(item)) is not None and identity.run_id == run_id]


def started(installed: Installed) -> list[str]:
    """What SageMaker has started of the pipeline, whoever asked for it."""
    client = installed.sandbox.aws_client("sagemaker")
    listed = client.list_pipeline_executions(PipelineName="abalone")["PipelineExecutionSummaries"]
    return [one["PipelineExecutionDisplayName"] for one in listed]


def executing(installed: Installed, run_id: str) -> dict[str, Any]:
    """The execution of a run, once SageMaker executes it."""

    def found() -> dict[str, Any] | None:
        running = [
            one
            for one in executions(installed, run_id)
            if one.get("status", {}).get("pipelineExecutionStatus") == "Executing"
        ]
        return running[0] if running else None

    return wait_until(found, RUN_SECONDS, lambda: f"an execution of {run_id}\n{installed.state()}", every=0.5)


def ends_well(installed: Installed, dag_id: str, run_id: str) -> None:
    """The run ends in success, with the one execution that it has started."""
    state = installed.api.wait_dag_run(dag_id, run_id, RUN_SECONDS)
    (execution,) = executions(installed, run_id)
    assert (state, execution["status"]["pipelineExecutionStatus"]) == ("success", "Succeeded")
    names = started(installed)
    assert names.count(execution["metadata"]["name"]) == 1
    assert len(names) == len(set(names)), "SageMaker has started one of them twice"


@pytest.fixture(scope="module")
def retrained(installed: Installed) -> str:
    """A run of the retraining DAG, which has made the pipeline that all tests here launch."""
    run_id, state = installed.api.run_dag("scheduled_retraining", timeout=RUN_SECONDS)
    assert state == "success", installed.state()
    return run_id


@pytest.fixture
def held(installed: Installed, retrained: str) -> Iterator[Callable[[], None]]:
    """Every execution stays in its first step until this is called."""
    url = f"{installed.sandbox.aws_endpoint_url}/_sandbox"
    with httpx.Client(base_url=url, trust_env=False, timeout=HUNG) as sandbox:
        sandbox.post("/script", json={"rules": ["AbaloneTrain=hold"]}).raise_for_status()

        def release() -> None:
            sandbox.delete("/script").raise_for_status()
            sandbox.post("/release", json={}).raise_for_status()

        yield release
        release()


def test_the_retraining_dag_runs(installed: Installed, retrained: str) -> None:
    ends_well(installed, "scheduled_retraining", retrained)


def launch(installed: Installed, dag_id: str) -> str:
    installed.api.wait_for_dag(dag_id, timeout=120.0)
    installed.api.unpause(dag_id)
    return installed.api.trigger(dag_id)


def pods_of(installed: Installed, run_id: str) -> list[dict[str, Any]]:
    """The pods of a run's tasks."""
    return [pod for pod in installed.pods(dag_id="in_its_pod") if pod["metadata"]["annotations"]["run_id"] == run_id]


def delete(installed: Installed, pod: dict[str, Any]) -> None:
    """What an eviction and a drained node do: SIGTERM first."""
    installed.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")


def kill(installed: Installed, pod: dict[str, Any]) -> None:
    """What the kernel does when the memory is short."""
    name = pod["metadata"]["name"]
    for process in psutil.process_iter():
        try:
            if process.environ().get("HOSTNAME") == name:
                process.send_signal(signal.SIGKILL)
        except psutil.Error:
            continue


@pytest.mark.parametrize("end", [kill, delete])
def test_the_pod_of_a_task_is_lost(
    installed: Installed, held: Callable[[], None], end: Callable[[Installed, dict[str, Any]], None]
) -> None:
    """The next try goes on with the execution that there is."""
    run_id = launch(installed, "in_its_pod")
    execution = executing(installed, run_id)
    (pod,) = pods_of(installed, run_id)
    end(installed, pod)

    def another() -> bool:
        pods = pods_of(installed, run_id)
        return bool(pods) and pod["metadata"]["uid"] not in {one["metadata"]["uid"] for one in pods}

    wait_until(another, RUN_SECONDS, lambda: f"another pod\n{installed.state()}", every=1.0)
    held()
    ends_well(installed, "in_its_pod", run_id)
    assert [one["metadata"]["uid"] for one in executions(installed, run_id)] == [execution["metadata"]["uid"]]


def test_the_node_restarts(installed: Installed, held: Callable[[], None]) -> None:
    """Airflow and the controller are gone at once, amid a task in its pod and a deferred one."""
    runs = {dag_id: launch(installed, dag_id) for dag_id in ("in_its_pod", "deferred")}
    before = {dag_id: executing(installed, run_id)["metadata"]["uid"] for dag_id, run_id in runs.items()}
    installed.api.wait_task_state("deferred", runs["deferred"], "retrain", "deferred", timeout=RUN_SECONDS)
    installed.cluster.restart_node()
    installed.wait_ready()
    held()
    for dag_id, run_id in runs.items():
        ends_well(installed, dag_id, run_id)
        assert [one["metadata"]["uid"] for one in executions(installed, run_id)] == [before[dag_id]]


def test_a_token_is_renewed_while_an_execution_runs(installed: Installed, held: Callable[[], None]) -> None:
    """The triggerer's token expires, and the watch goes on with the one that kubelet has put in its place."""

    def token() -> str:
        (pod,) = installed.pods(app="airflow-triggerer")
        path = "/var/run/secrets/kubernetes.io/serviceaccount/token"
        return installed.kubectl("exec", pod["metadata"]["name"], "-c", "triggerer", "--", "cat", path)

    def authenticates(given: str) -> bool:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": given}}
        with installed.cluster.client() as client:
            answer = client.post("/apis/authentication.k8s.io/v1/tokenreviews", json=body).raise_for_status()
        return bool(answer.json()["status"].get("authenticated"))

    run_id = launch(installed, "deferred")
    executing(installed, run_id)
    installed.api.wait_task_state("deferred", run_id, "retrain", "deferred", timeout=RUN_SECONDS)
    first = token()
    claims = json.loads(base64.urlsafe_b64decode(first.split(".")[1] + "=="))
    assert claims["exp"] - claims["iat"] == TOKEN_SECONDS
    wait_until(lambda: token() != first, TOKEN_SECONDS * 1.5, "kubelet to renew the token", every=5.0)
    wait_until(lambda: not authenticates(first), TOKEN_SECONDS * 1.5, "the first token to expire", every=5.0)
    held()
    ends_well(installed, "deferred", run_id)

"""An endpoint's rollback fails the DAG, with all that is known; the amazon provider's operator calls it a success."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from functools import partial
from typing import Any

from harness.sandbox_process import SandboxProcess
from harness.waiting import wait_until
from tests.airflow.support import Case
from tests.support.peer_endpoint import serving

ROLE = "arn:aws:iam::123456789012:role/sagemaker"
MODEL = {"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"}


def conf_of(endpoint: str, artifact: str) -> dict[str, Any]:
    model = {"primaryContainer": {**MODEL, "modelDataURL": f"s3://b/{artifact}.tar.gz"}}
    return {"endpoint": endpoint, "model": model}


def serves(sandbox: SandboxProcess, endpoint: str) -> str:
    """The configuration that answers a request to the endpoint."""
    answer = sandbox.aws_client("sagemaker-runtime").invoke_endpoint(EndpointName=endpoint, Body=b"1")
    found: str = json.loads(answer["Body"].read())["endpointConfig"]
    return found


def script(case: Case, *rules: str) -> None:
    case.control("POST", "script", json={"rules": list(rules)})


def start(case: Case, dag_id: str, artifact: str, endpoints: Iterable[str]) -> dict[str, str]:
    """A run for each endpoint, all at once: their ids."""
    api = case.airflow.api
    api.wait_for_dag(dag_id)
    api.unpause(dag_id)
    return {endpoint: api.trigger(dag_id, conf_of(endpoint, artifact)) for endpoint in endpoints}


def deploy(case: Case, dag_id: str, artifact: str, endpoints: Iterable[str], timeout: float) -> dict[str, str]:
    """As `start`, to their ends."""
    runs = start(case, dag_id, artifact, endpoints)
    for run_id in runs.values():
        case.airflow.api.wait_dag_run(dag_id, run_id, timeout)
    return runs


def said(case: Case, run_id: str, text: str) -> bool:
    return text in case.airflow.api.task_log("deploy_0", run_id, "deploy")


def test_a_rollback_fails_the_dag_and_its_retry_serves(case: Case) -> None:
    """With a reason and silently, side by side, since most of it is waiting."""
    api, number = case.airflow.api, uuid.uuid4().hex[:8]
    outcomes = {f"told-{number}": ("rollback:no ping", "no ping"), f"silent-{number}": ("silent", "without a word")}
    former = {}
    for endpoint, run_id in deploy(case, "deploy_0", "first", outcomes, 120).items():
        assert api.task_state("deploy_0", run_id, "deploy") == "success", api.task_log("deploy_0", run_id, "deploy")
        former[endpoint] = api.xcom("deploy_0", run_id, "deploy")["config"]
        assert serves(case.sandbox, endpoint) == former[endpoint]

    script(case, *(f"endpoint/{endpoint}={outcome}" for endpoint, (outcome, _) in outcomes.items()))
    # The rollout goes on until it was told of, and whatever is sent after it does not.
    script(case, *(f"endpoint/{endpoint}=hold" for endpoint in outcomes))
    runs = start(case, "deploy_0", "second", outcomes)
    for endpoint, run_id in runs.items():
        api.wait_task_state("deploy_0", run_id, "deploy", ("running", "deferred"), 120)  # it has a log by now
        wait_until(partial(said, case, run_id, ": Updating; AllTraffic"), 120, f"the progress of {endpoint}")
    script(case, *(f"endpoint/{endpoint}=seconds:40" for endpoint in outcomes))
    case.control("POST", "release")
    for endpoint, run_id in runs.items():
        api.wait_dag_run("deploy_0", run_id, 120)
        log = api.task_log("deploy_0", run_id, "deploy")
        assert api.task_state("deploy_0", run_id, "deploy") == "failed", log
        assert "(model s3://b/second.tar.gz)" in log, "what was tried"
        assert outcomes[endpoint][1] in log, "why not"
        assert f"Serves now: configuration {former[endpoint]} (model s3://b/first.tar.gz)." in log, "what serves"
        assert serves(case.sandbox, endpoint) == former[endpoint]

    # The task's own retry serves. What fails is told by the first attempt's configuration, not by a count: the
    # controller sends an update that was rolled back again, at times before the task has seen that, and uses it up.
    for endpoint, (outcome, _) in outcomes.items():
        script(case, f"endpoint/{endpoint}=InService", f"endpointconfig/{endpoint}-*-1={outcome}")
    for endpoint, run_id in deploy(case, "deploy_1", "third", outcomes, 180).items():
        assert api.task_state("deploy_1", run_id, "deploy") == "success", api.task_log("deploy_1", run_id, "deploy")
        result = api.xcom("deploy_1", run_id, "deploy")
        assert (result["attempt"], result["former_config"]) == (2, former[endpoint])
        assert serves(case.sandbox, endpoint) == result["config"]


def test_the_peers_operator_calls_a_rollback_a_success(case: Case) -> None:
    """A row of docs/comparison.md."""
    api, endpoint = case.airflow.api, f"peer-{uuid.uuid4().hex[:8]}"
    sagemaker = case.sandbox.aws_client("sagemaker")
    config = serving(sagemaker, endpoint, image=MODEL["image"], role=ROLE)
    script(case, f"endpoint/{endpoint}=rollback:no ping")
    peer = {"endpoint": endpoint, "config": config}
    _, state = api.run_dag("peer_deploys", peer, 120)
    print(f"SageMakerEndpointOperator, of an update that SageMaker has rolled back: {state}")
    assert serves(case.sandbox, endpoint) == f"{endpoint}-1", "it was rolled back"
    assert state == "success", "the peer has learned it: correct docs/comparison.md"

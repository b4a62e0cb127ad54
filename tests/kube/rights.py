"""Every operation of the package that speaks to the cluster, and the rights that it needs there."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from airflow.sdk import BaseOperator

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, PIPELINE, PIPELINE_EXECUTION, Kind
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
from airflow_ack_sagemaker.core.resource.status import Outcome, classify
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Verdict
from airflow_ack_sagemaker.follow.policy import Settings
from airflow_ack_sagemaker.follow.until import wait
from airflow_ack_sagemaker.follow.watch import follow
from airflow_ack_sagemaker.kube.client import AsyncKubeClient, KubeClient
from airflow_ack_sagemaker.operators.collect import AckCollectExecutionsOperator
from airflow_ack_sagemaker.operators.delete_resource import AckDeleteResourceOperator
from airflow_ack_sagemaker.operators.stop import AckStopPipelineExecutionOperator
from airflow_ack_sagemaker.runs.apply import apply_resource
from airflow_ack_sagemaker.runs.end import record, withdraw
from airflow_ack_sagemaker.runs.launch import launch
from airflow_ack_sagemaker.runs.look import Run
from harness.waiting import HUNG
from tests.contract.servers import MERGE, Server

ROLE_ARN = "arn:aws:iam::123456789012:role/r"
DEFINITION = json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": [{"Name": "Train", "Type": "Fail"}]})
SYNCED = {"type": "ACK.ResourceSynced", "status": "True", "message": "Resource synced successfully"}
ENDED: dict[Kind, dict[str, Any]] = {
    PIPELINE: {"pipelineStatus": "Active", "conditions": [SYNCED]},
    PIPELINE_EXECUTION: {"pipelineExecutionStatus": "Succeeded", "conditions": [SYNCED]},
}
"""The status of what is as it should be."""
LOG = logging.getLogger("rights")

Right = tuple[str, str]
"""Resource and verb, as a Role names them."""


class Place:
    """A namespace with a cast of resources, made by an administrator, and Airflow's client there.

    No controller is at work: the administrator writes what it would have written.
    """

    def __init__(self, admin: Server, namespace: str, client: KubeClient) -> None:
        self.admin = admin
        self.namespace = namespace
        self.client = client
        refused = {"type": "ACK.Terminal", "status": "True", "message": "no"}
        self.add(PIPELINE, "synced", ENDED[PIPELINE])
        self.add(PIPELINE, "fresh")
        self.add(PIPELINE, "refused", {"conditions": [refused]})
        for name in ("watched", "followed", "doomed"):
            self.add(PIPELINE, name)
            self.add(PIPELINE_EXECUTION, name)
        for name in ("stopped", "all-stopped"):
            self.add(PIPELINE_EXECUTION, name, {"pipelineExecutionStatus": "Executing"})
        for name in ("collected", "recorded"):
            self.add(PIPELINE_EXECUTION, name, ENDED[PIPELINE_EXECUTION])
        self.add(PIPELINE_EXECUTION, "withdrawn")

    def path(self, kind: Kind, name: str = "") -> str:
        """The path of one resource, or of all of a kind."""
        return f"/apis/{API_VERSION}/namespaces/{self.namespace}/{kind.plural}" + (f"/{name}" if name else "")

    def add(self, kind: Kind, name: str, status: Mapping[str, Any] | None = None) -> None:
        """A resource of the cast."""
        metadata = {"name": name, "namespace": self.namespace}
        manifest = {"apiVersion": API_VERSION, "kind": kind.kind, "metadata": metadata, "spec": spec(kind, name)}
        self.admin.done("POST", self.path(kind), manifest)
        if status:
            self.add_status(kind, name, status)

    def add_status(self, kind: Kind, name: str, status: Mapping[str, Any]) -> None:
        """Write a status, as a controller does."""
        self.admin.done("PATCH", self.path(kind, name) + "/status", {"status": status}, media=MERGE)

    def get(self, kind: Kind, name: str) -> dict[str, Any]:
        """A resource as the administrator sees it."""
        return self.admin.done("GET", self.path(kind, name))

    def there(self, kind: Kind, name: str) -> bool:
        """Whether a resource is there, as the administrator sees it."""
        return self.admin.request("GET", self.path(kind, name)).status_code == 200

    def manifest(self, name: str, **changes: Any) -> dict[str, Any]:
        """A Pipeline to apply."""
        metadata = {"name": name, "namespace": self.namespace}
        content = spec(PIPELINE, name) | changes
        return {"apiVersion": API_VERSION, "kind": "Pipeline", "metadata": metadata, "spec": content}


def spec(kind: Kind, name: str) -> dict[str, Any]:
    """The spec of a resource of the cast."""
    if kind is PIPELINE:
        return {"pipelineName": name, "roleARN": ROLE_ARN, "pipelineDefinition": DEFINITION}
    return {"pipelineName": name}


# -- the operations; each asserts that it did what it is for


def create_pipeline(place: Place) -> None:
    assert apply_resource(place.client, PIPELINE, place.manifest("new"), log=LOG).changed
    assert place.there(PIPELINE, "new")


def change_pipeline(place: Place) -> None:
    manifest = place.manifest("fresh", pipelineDescription="changed")
    assert apply_resource(place.client, PIPELINE, manifest, log=LOG).changed
    assert place.get(PIPELINE, "fresh")["spec"]["pipelineDescription"] == "changed"


def replace_refused_pipeline(place: Place) -> None:
    before = place.get(PIPELINE, "refused")["metadata"]["uid"]
    assert apply_resource(place.client, PIPELINE, place.manifest("refused"), log=LOG).changed
    assert place.get(PIPELINE, "refused")["metadata"]["uid"] != before


def launch_execution(place: Place) -> None:
    launched = launch(
        place.client,
        ExecutionSpec(pipeline_name="synced"),
        Run(RunIdentity("dag", "run", "task"), place.namespace),
        pipeline_resource_name=None,
        log=LOG,
    )
    assert place.there(PIPELINE_EXECUTION, launched.outcome.name)


def record_execution(place: Place) -> None:
    outcome = classify(place.get(PIPELINE_EXECUTION, "recorded"))
    record(place.client, outcome, try_number=1, log=LOG)


def withdraw_execution(place: Place) -> None:
    outcome = classify(place.get(PIPELINE_EXECUTION, "withdrawn"))
    assert withdraw(place.client, outcome, log=LOG) is None


def wait_for(kind: Kind) -> Callable[[Place], None]:
    """Waiting in the task's own process, for an end that comes once the resource was seen."""

    def operation(place: Place) -> None:
        def seen(outcome: Outcome) -> None:
            if not outcome.finished:
                place.add_status(kind, "watched", ENDED[kind])

        deadlines = Deadlines(finish_by=time.time() + HUNG)
        _, verdict = wait(
            place.client,
            kind,
            "watched",
            namespace=place.namespace,
            uid=None,
            deadlines=deadlines,
            poll_interval=0.1,
            on_change=seen,
        )
        assert verdict is Verdict.REACHED

    return operation


def defer_until(kind: Kind) -> Callable[[Place], None]:
    """Waiting on the triggerer, for a change that comes once the resource was seen."""

    async def changed(place: Place) -> None:
        async def connect() -> AsyncKubeClient:
            return AsyncKubeClient(place.client.config)

        quick = Settings(poll_interval=0.1, stranger_seconds=1.0)
        states = follow(
            connect, key=place.namespace, kind=kind, namespace=place.namespace, name="followed", settings=quick
        )
        body = {"metadata": {"labels": {"seen": "yes"}}}
        async with asyncio.timeout(HUNG), aclosing(states) as source:
            assert await anext(source) is not None
            await asyncio.to_thread(place.admin.done, "PATCH", place.path(kind, "followed"), body, media=MERGE)
            after = await anext(source)
            assert after is not None
            assert after["metadata"]["labels"] == {"seen": "yes"}

    return lambda place: asyncio.run(changed(place))


def execute(operator: BaseOperator) -> None:
    """What Airflow does with an operator's task."""
    operator.execute({})


def stop_one_execution(place: Place) -> None:
    execute(AckStopPipelineExecutionOperator(task_id="t", name="stopped", wait_for_completion=False))
    assert not place.there(PIPELINE_EXECUTION, "stopped")


def stop_executions_of_a_pipeline(place: Place) -> None:
    execute(AckStopPipelineExecutionOperator(task_id="t", pipeline_name="all-stopped", wait_for_completion=False))
    assert not place.there(PIPELINE_EXECUTION, "all-stopped")


def collect_executions(place: Place) -> None:
    execute(AckCollectExecutionsOperator(task_id="t", pipeline_name="collected", execution_history_limit=0))
    assert not place.there(PIPELINE_EXECUTION, "collected")


def delete_resource(kind: Kind) -> Callable[[Place], None]:
    """Deletion with a policy of its own."""

    def operation(place: Place) -> None:
        name, policy = "doomed", "retain"
        execute(
            AckDeleteResourceOperator(
                task_id="t", kind=kind.kind, name=name, deletion_policy=policy, wait_for_completion=False
            )
        )
        assert not place.there(kind, name)

    return operation


@dataclass(frozen=True)
class Operation:
    """One operation.

    ``needs`` are the rights without which it fails; without those of ``warns`` it does with less and says so, without
    those of ``notes`` it only notes that.
    """

    run: Callable[[Place], None]
    needs: frozenset[Right]
    warns: frozenset[Right] = field(default=frozenset())
    notes: frozenset[Right] = field(default=frozenset())


def rights(kind: Kind, *verbs: str) -> frozenset[Right]:
    """Verbs on a kind."""
    return frozenset((kind.plural, verb) for verb in verbs)


def _both(kind: Kind) -> dict[str, Operation]:
    """The operations that there are for each of the two kinds."""
    return {
        f"wait for a {kind}": Operation(wait_for(kind), frozenset(), rights(kind, "list", "watch")),
        f"defer until a {kind}": Operation(defer_until(kind), rights(kind, "list"), rights(kind, "watch")),
        f"delete a {kind}": Operation(delete_resource(kind), rights(kind, "get", "patch", "delete")),
    }


OPERATIONS: dict[str, Operation] = {
    "create a Pipeline": Operation(create_pipeline, rights(PIPELINE, "get", "patch", "create")),
    "change a Pipeline": Operation(
        change_pipeline, rights(PIPELINE, "get", "patch"), notes=rights(PIPELINE_EXECUTION, "list")
    ),
    "replace a refused Pipeline": Operation(
        replace_refused_pipeline, rights(PIPELINE, "get", "patch", "create", "delete")
    ),
    "launch an execution": Operation(
        launch_execution, rights(PIPELINE_EXECUTION, "list", "create"), notes=rights(PIPELINE, "get")
    ),
    "record that an execution was reported": Operation(
        record_execution, frozenset(), rights(PIPELINE_EXECUTION, "patch")
    ),
    "withdraw an execution": Operation(withdraw_execution, frozenset(), rights(PIPELINE_EXECUTION, "get", "delete")),
    "stop one execution": Operation(stop_one_execution, rights(PIPELINE_EXECUTION, "get", "delete")),
    "stop the executions of a pipeline": Operation(
        stop_executions_of_a_pipeline, rights(PIPELINE_EXECUTION, "list", "delete")
    ),
    "collect executions": Operation(collect_executions, rights(PIPELINE_EXECUTION, "list", "delete")),
    **_both(PIPELINE),
    **_both(PIPELINE_EXECUTION),
}

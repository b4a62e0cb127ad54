"""Whole tasks without a scheduler: an operator executes, its trigger runs, the operator goes on with the event.

    python -m tests.bench.tasks ours|applied|amazon|cncf NAMESPACE COUNT

The operators are the providers' own, at their defaults and deferrable where they can be; of Airflow there is only what
they ask their context for. Each launches an execution of the pipeline "bench" and follows it to its end.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from airflow.sdk.exceptions import TaskDeferred

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, GROUP, PIPELINE_EXECUTION, VERSION
from tests.bench.poker import POKE_INTERVAL
from tests.bench.stage import DEFINITION, PIPELINE_NAME, ROLE

APPLIED_NAME = f"{PIPELINE_NAME}-applied"
"""The pipeline of the tasks whose run has applied its definition."""


def context(operator: Any, number: int, namespace: str) -> dict[str, Any]:
    """What the operators ask of a task instance and its run in the first try."""
    now = datetime.now(UTC)
    ti = SimpleNamespace(
        dag_id="retrain",
        run_id=f"scheduled__{number}",
        task_id=operator.task_id,
        map_index=-1,
        try_number=1,
        max_tries=0,
        task=operator,
        start_date=now,
        xcom_push=lambda key, value: None,
        xcom_pull=lambda task_ids, **_: applied_result(namespace),
    )
    dag_run = SimpleNamespace(start_date=now, clear_number=0)
    return {"ti": ti, "task_instance": ti, "dag_run": dag_run, "outlet_events": {}}


def ours(namespace: str) -> Any:
    """Our operator."""
    from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

    return AckPipelineExecutionOperator(task_id="launch", pipeline_name=PIPELINE_NAME, namespace=namespace)


def applied(namespace: str) -> Any:
    """Our operator, after one that has applied the run's definition."""
    from airflow.sdk import DAG

    from airflow_ack_sagemaker.operators.pipeline import AckPipelineOperator
    from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

    with DAG("retrain"):
        pipeline = AckPipelineOperator(
            task_id="pipeline", pipeline_name=APPLIED_NAME, role_arn=ROLE, definition_uri="s3://bench/bench.json"
        )
        execution = AckPipelineExecutionOperator(task_id="launch", pipeline_name=APPLIED_NAME, namespace=namespace)
        pipeline >> execution
    return execution


def applied_result(namespace: str) -> dict[str, Any]:
    """The XCom of the task that has applied it."""
    from airflow_ack_sagemaker.core.definition.parse import parse_definition

    sha256 = parse_definition(DEFINITION, source="the bench", filled=True).sha256
    names = {"name": APPLIED_NAME, "namespace": namespace, "pipeline_name": APPLIED_NAME}
    return {**names, "definition_sha256": sha256}


def amazon(_: str) -> Any:
    """The amazon provider's operator."""
    from airflow.providers.amazon.aws.operators.sagemaker import SageMakerStartPipelineOperator

    return SageMakerStartPipelineOperator(task_id="launch", pipeline_name=PIPELINE_NAME, deferrable=True)


async def deferred(make: Callable[[str], Any], namespace: str, count: int) -> None:
    """Launch all, follow all in one event loop as a triggerer does, and finish each."""
    began = []
    for number in range(count):
        operator = make(namespace)
        given = context(operator, number, namespace)
        try:
            operator.execute(given)
        except TaskDeferred as deferral:
            began.append((operator, given, deferral.trigger))
    assert len(began) == count

    async def follow(operator: Any, given: dict[str, Any], trigger: Any) -> None:
        async with aclosing(trigger.run()) as events:
            event = await anext(events)
        await asyncio.to_thread(operator.execute_complete, given, event.payload)

    await asyncio.gather(*(follow(*one) for one in began))


def cncf(namespace: str) -> None:
    """The cncf provider's operator, and what its SparkKubernetesSensor does."""
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
    from airflow.providers.cncf.kubernetes.operators.resource import KubernetesCreateResourceOperator

    manifest = {
        "apiVersion": API_VERSION,
        "kind": PIPELINE_EXECUTION.kind,
        "metadata": {"name": "bench", "namespace": namespace},
        "spec": {"pipelineName": PIPELINE_NAME},
    }
    operator = KubernetesCreateResourceOperator(
        task_id="launch", yaml_conf=json.dumps(manifest), custom_resource_definition=True
    )
    operator.execute(context(operator, 0, namespace))
    hook = KubernetesHook(conn_id="kubernetes_default")
    while True:
        found = hook.get_custom_object(GROUP, VERSION, PIPELINE_EXECUTION.plural, "bench", namespace)
        if found.get("status", {}).get("pipelineExecutionStatus") == "Succeeded":
            return
        time.sleep(POKE_INTERVAL)


def main() -> None:
    """Run them."""
    who, namespace, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if who == "cncf":
        cncf(namespace)
    else:
        asyncio.run(deferred({"ours": ours, "applied": applied, "amazon": amazon}[who], namespace, count))


if __name__ == "__main__":
    main()

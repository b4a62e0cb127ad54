"""Whole tasks without a scheduler: an operator executes, its trigger runs, the operator goes on with the event.

    python -m tests.bench.tasks ours|amazon|cncf NAMESPACE COUNT

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
from types import SimpleNamespace
from typing import Any

from airflow.sdk.exceptions import TaskDeferred

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, GROUP, PIPELINE_EXECUTION, VERSION
from tests.bench.poker import POKE_INTERVAL
from tests.bench.stage import PIPELINE_NAME


def context(operator: Any, number: int) -> dict[str, Any]:
    """What the operators ask of a task instance in its first try."""
    ti = SimpleNamespace(
        dag_id="retrain",
        run_id=f"scheduled__{number}",
        task_id=operator.task_id,
        map_index=-1,
        try_number=1,
        max_tries=0,
        task=operator,
        xcom_push=lambda key, value: None,
    )
    return {"ti": ti, "task_instance": ti, "outlet_events": {}}


def ours(namespace: str) -> Any:
    """Our operator."""
    from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

    return AckPipelineExecutionOperator(task_id="launch", pipeline_name=PIPELINE_NAME, namespace=namespace)


def amazon(_: str) -> Any:
    """The amazon provider's operator."""
    from airflow.providers.amazon.aws.operators.sagemaker import SageMakerStartPipelineOperator

    return SageMakerStartPipelineOperator(task_id="launch", pipeline_name=PIPELINE_NAME, deferrable=True)


async def deferred(make: Callable[[str], Any], namespace: str, count: int) -> None:
    """Launch all, follow all in one event loop as a triggerer does, and finish each."""
    began = []
    for number in range(count):
        operator = make(namespace)
        given = context(operator, number)
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
    operator.execute(context(operator, 0))
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
        asyncio.run(deferred({"ours": ours, "amazon": amazon}[who], namespace, count))


if __name__ == "__main__":
    main()

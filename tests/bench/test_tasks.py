"""The benchmarks run what they measure: a whole task, without a scheduler, on the sandbox."""

from __future__ import annotations

import json

import pytest

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.manifest import PipelineSpec
from airflow_ack_sagemaker.core.resource.status import State, classify
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import cluster_config
from airflow_ack_sagemaker.sandbox import Sandbox
from harness.waiting import wait_until
from tests.bench import tasks
from tests.bench.stage import PIPELINE_NAME

ROLE = "arn:aws:iam::123456789012:role/sagemaker"
DEFINITION = json.dumps({"Version": "2020-12-01", "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}}]})


async def test_our_tasks_launch_follow_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(speed=30.0, step_seconds=5.0) as sandbox:
        extra = {"kube_config_path": str(sandbox.kubeconfig_path), "namespace": "default"}
        monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps({"conn_type": "kubernetes", "extra": extra}))
        with KubeClient(cluster_config(extra, conn_id="bench", environ={})) as client:
            client.create(PIPELINE, PipelineSpec(PIPELINE_NAME, ROLE, DEFINITION).manifest("default"))
            wait_until(
                lambda: classify(client.get(PIPELINE, PIPELINE_NAME)).state is State.SUCCEEDED, 120, "the pipeline"
            )
            await tasks.deferred(tasks.ours, "default", 2)
            made = client.list(PIPELINE_EXECUTION).items
        assert [classify(one).state for one in made] == [State.SUCCEEDED] * 2

"""Which definition an execution runs is proven once, whoever changes the Pipeline afterwards and whatever restarts."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.freshness import generation_of
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_GENERATION, ANNOTATION_RAN
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.run.deadlines import Verdict
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from airflow_ack_sagemaker.triggers.resource import AckResourceTrigger
from harness.plain_client import connect
from harness.waiting import HUNG

API = "/apis/sagemaker.services.k8s.aws/v1alpha1/namespaces/default"
MERGE = {"Content-Type": "application/merge-patch+json"}
PATIENCE = HUNG


async def test_a_triggerer_that_begins_anew_asks_for_no_second_proof(
    api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitOps writes the Pipeline again and again, also while the execution runs."""
    connection = {"conn_type": "kubernetes", "extra": {"kube_config": api_server.kubeconfig()}}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
    name = f"p-{uuid.uuid4().hex[:8]}"
    from airflow_ack_sagemaker.hooks.ack import AckHook

    client = await asyncio.to_thread(lambda: AckHook().get_conn())
    with client, connect(api_server.kubeconfig()) as http:

        def written_by_somebody(number: int) -> None:
            spec = {"spec": {"pipelineDescription": f"the {number}th"}}
            http.patch(f"{API}/pipelines/{name}", json=spec, headers=MERGE, params={"fieldManager": "flux"})

        def says(status: str) -> None:
            body = {"status": {"pipelineExecutionStatus": status, "conditions": [SYNCED]}}
            http.patch(f"{API}/pipelineexecutions/{name}/status", json=body, headers=MERGE).raise_for_status()

        spec = {"pipelineName": name, "roleARN": "arn:aws:iam::123456789012:role/r", "pipelineDefinition": "{}"}
        client.create(PIPELINE, {"metadata": {"name": name}, "spec": spec})
        written_by_somebody(1)
        generation = generation_of(client.get(PIPELINE, name))
        annotations = {ANNOTATION_GENERATION: generation}
        made = client.create(
            PIPELINE_EXECUTION,
            {"metadata": {"name": name, "annotations": annotations}, "spec": {"pipelineName": name}},
        )
        says("Executing")

        def trigger() -> AckResourceTrigger:
            return AckResourceTrigger(
                kind="PipelineExecution",
                name=name,
                namespace="default",
                kubernetes_conn_id="kubernetes_default",
                uid=fields.uid(made),
                definition={"sha256": "a" * 64, "resource_name": name, "generation": generation},
            )

        following = asyncio.create_task(trigger().payload())
        await proven(client, name)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        for number in (2, 3):
            written_by_somebody(number)
        says("Succeeded")
        payload = await asyncio.wait_for(trigger().payload(), PATIENCE)
    assert payload["verdict"] == Verdict.REACHED
    assert payload["definition"]["checked"]


SYNCED = {"type": "ACK.ResourceSynced", "status": "True"}


async def proven(client: KubeClient, name: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while fields.annotation(client.get(PIPELINE_EXECUTION, name), ANNOTATION_RAN) is None:
            await asyncio.sleep(0.1)

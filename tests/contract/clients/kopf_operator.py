"""A kopf operator: a finalizer, a status, an event of its own, and a handler of the deletion."""

from __future__ import annotations

import asyncio
import os

import kopf
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Event

NAMESPACE = os.environ["NAMESPACE"]
Pipeline = create_namespaced_resource("sagemaker.services.k8s.aws", "v1alpha1", "Pipeline", "pipelines")
deleted = []


@kopf.on.startup()
def configure(settings, **_):
    settings.posting.enabled = True
    settings.persistence.finalizer = "example.com/kopf"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix="example.com")
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix="example.com")


@kopf.on.create("sagemaker.services.k8s.aws", "v1alpha1", "pipelines")
def made(patch, body, **_):
    patch.status["pipelineStatus"] = "Active"
    kopf.event(body, type="Normal", reason="Seen", message="kopf has seen it")


@kopf.on.delete("sagemaker.services.k8s.aws", "v1alpha1", "pipelines")
def gone(name, **_):
    deleted.append(name)


async def until(condition, what):
    for _ in range(6_000):
        if await asyncio.to_thread(condition):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(what)


async def main():
    config = KubeConfig.from_file(os.environ["KUBECONFIG"])
    client = Client(config=config.get(), namespace=NAMESPACE, trust_env=False)
    stop = asyncio.Event()
    operator = asyncio.create_task(kopf.operator(namespaces=[NAMESPACE], standalone=True, stop_flag=stop))
    client.create(Pipeline(metadata=ObjectMeta(name="kopf"), spec={"pipelineName": "kopf", "roleARN": "r"}))

    def active():
        found = client.get(Pipeline, "kopf")
        return (found.status or {}).get("pipelineStatus") == "Active" and found.metadata.finalizers

    def absent():
        try:
            client.get(Pipeline, "kopf")
        except ApiError as error:
            return error.status.code == 404
        return False

    await until(active, "the operator's status")
    await until(lambda: any(each.reason == "Seen" for each in client.list(Event)), "the operator's event")
    client.delete(Pipeline, "kopf")
    await until(absent, "the object to be gone")
    assert deleted == ["kopf"], deleted
    stop.set()
    await operator
    print("done")


asyncio.run(main())

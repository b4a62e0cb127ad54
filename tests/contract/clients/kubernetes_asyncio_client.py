"""The asynchronous Python client: a watch beside the writes that it tells of."""

from __future__ import annotations

import asyncio
import os

from kubernetes_asyncio import client, config, watch

NAMESPACE = os.environ["NAMESPACE"]
KIND = {"group": "sagemaker.services.k8s.aws", "version": "v1alpha1", "namespace": NAMESPACE, "plural": "pipelines"}


async def see(custom: client.CustomObjectsApi, version: str) -> list[str]:
    seen = []
    async with watch.Watch() as watcher:
        stream = watcher.stream(
            custom.list_namespaced_custom_object, **KIND, resource_version=version, timeout_seconds=20
        )
        async for event in stream:
            seen.append(event["type"])
            if seen[-1] == "DELETED":
                break
    return seen


async def main() -> None:
    await config.load_kube_config(os.environ["KUBECONFIG"])
    async with client.ApiClient() as api:
        core, custom = client.CoreV1Api(api), client.CustomObjectsApi(api)
        body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="settings"), data={"a": "1"})
        await core.create_namespaced_config_map(NAMESPACE, body)
        patched = await core.patch_namespaced_config_map("settings", NAMESPACE, {"data": {"a": None, "b": "2"}})
        assert patched.data == {"b": "2"}, patched
        listed = await custom.list_namespaced_custom_object(**KIND)
        seeing = asyncio.create_task(see(custom, listed["metadata"]["resourceVersion"]))
        pipeline = {
            "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
            "kind": "Pipeline",
            "metadata": {"name": "asynchronous"},
            "spec": {"pipelineName": "asynchronous", "roleARN": "r"},
        }
        await custom.create_namespaced_custom_object(**KIND, body=pipeline)
        await custom.delete_namespaced_custom_object(**KIND, name="asynchronous")
        assert await seeing == ["ADDED", "DELETED"]
        await core.delete_namespaced_config_map("settings", NAMESPACE)
    print("done")


asyncio.run(main())

"""lightkube: generic resources, server-side apply, a wait for a condition."""

from __future__ import annotations

import os

from lightkube import Client, KubeConfig
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Namespace, Secret
from lightkube.types import PatchType

namespace = os.environ["NAMESPACE"]
config = KubeConfig.from_file(os.environ["KUBECONFIG"])
client = Client(config=config.get(), namespace=namespace, field_manager="lightkube", trust_env=False)
Pipeline = create_namespaced_resource("sagemaker.services.k8s.aws", "v1alpha1", "Pipeline", "pipelines")

assert client.get(Namespace, namespace).status.phase == "Active"
client.create(ConfigMap(metadata=ObjectMeta(name="settings"), data={"a": "1", "b": "2"}))
patched = client.patch(ConfigMap, "settings", {"data": {"a": None}}, patch_type=PatchType.STRATEGIC)
assert patched.data == {"b": "2"}, patched
client.apply(Secret(metadata=ObjectMeta(name="password"), stringData={"p": "q"}))
assert client.get(Secret, "password").data == {"p": "cQ=="}

spec = {"pipelineName": "light", "roleARN": "r"}
made = client.apply(Pipeline(metadata=ObjectMeta(name="light"), spec=spec))
condition = {"type": "Ready", "status": "True"}
client.patch(Pipeline.Status, "light", {"status": {"conditions": [condition]}}, patch_type=PatchType.MERGE)
client.wait(Pipeline, "light", for_conditions=["Ready"])
version = client.get(Pipeline, "light").metadata.resourceVersion
client.delete(Pipeline, "light")
[event, _] = next(iter(client.watch(Pipeline, resource_version=version)))
assert event == "DELETED", event
assert [each.metadata.name for each in client.list(ConfigMap, fields={"metadata.name": "settings"})] == ["settings"]
client.delete(ConfigMap, "settings")
print("done")

"""kr8s: a class of a custom kind, waits, patches."""

from __future__ import annotations

import os

import kr8s
from kr8s.objects import ConfigMap, Secret, new_class

namespace = os.environ["NAMESPACE"]
api = kr8s.api(kubeconfig=os.environ["KUBECONFIG"], namespace=namespace)
assert api.version()["major"] == "1"
Pipeline = new_class("Pipeline", version="sagemaker.services.k8s.aws/v1alpha1", asyncio=False)

settings = ConfigMap({"metadata": {"name": "settings", "namespace": namespace}, "data": {"a": "1", "b": "2"}}, api=api)
settings.create()
settings.patch({"data": {"a": None}})
assert settings.data == {"b": "2"}, settings.data
secret = Secret({"metadata": {"name": "password", "namespace": namespace}, "stringData": {"p": "q"}}, api=api)
secret.create()
assert Secret.get("password", namespace=namespace, api=api).raw["data"] == {"p": "cQ=="}

pipeline = Pipeline(
    {
        "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": "kr8s", "namespace": namespace},
        "spec": {"pipelineName": "kr8s", "roleARN": "r"},
    },
    api=api,
)
pipeline.create()
pipeline.label({"team": "search"})
found = list(api.get("pipelines.sagemaker.services.k8s.aws", namespace=namespace, label_selector="team=search"))
assert [each.name for each in found] == ["kr8s"], found
pipeline.delete()
pipeline.wait("delete", timeout=600)
settings.delete()
assert not settings.exists()
print("done")

"""The official Python client, the way its examples use it: bodies without kind and apiVersion, typed patches."""

from __future__ import annotations

import os

from kubernetes import client, config, watch

namespace = os.environ["NAMESPACE"]
config.load_kube_config(os.environ["KUBECONFIG"])
assert client.VersionApi().get_code().major == "1"
core = client.CoreV1Api()
body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="settings"), data={"a": "1", "b": "2"})
core.create_namespaced_config_map(namespace, body)
patched = core.patch_namespaced_config_map("settings", namespace, {"data": {"a": None, "c": "3"}})
assert patched.data == {"b": "2", "c": "3"}, patched
secret = client.V1Secret(metadata=client.V1ObjectMeta(name="password"), string_data={"p": "q"})
assert core.create_namespaced_secret(namespace, secret).data == {"p": "cQ=="}
lease = client.V1Lease(
    metadata=client.V1ObjectMeta(name="leader"),
    spec=client.V1LeaseSpec(holder_identity="me", lease_duration_seconds=15),
)
leases = client.CoordinationV1Api()
held = leases.create_namespaced_lease(namespace, lease)
held.spec.holder_identity = "you"
assert leases.replace_namespaced_lease("leader", namespace, held).spec.holder_identity == "you"

custom = client.CustomObjectsApi()
kind = {"group": "sagemaker.services.k8s.aws", "version": "v1alpha1", "namespace": namespace, "plural": "pipelines"}
pipeline = {
    "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
    "kind": "Pipeline",
    "metadata": {"name": "official"},
    "spec": {"pipelineName": "official", "roleARN": "r"},
}
version = custom.list_namespaced_custom_object(**kind)["metadata"]["resourceVersion"]
custom.create_namespaced_custom_object(**kind, body=pipeline)
custom.patch_namespaced_custom_object(**kind, name="official", body={"spec": {"roleARN": "s"}})
custom.delete_namespaced_custom_object(**kind, name="official")
stream = watch.Watch().stream(
    custom.list_namespaced_custom_object, **kind, resource_version=version, timeout_seconds=20
)
seen = []
for event in stream:
    seen.append(event["type"])
    if seen[-1] == "DELETED":
        break
assert seen == ["ADDED", "MODIFIED", "DELETED"], seen

review = client.V1SelfSubjectAccessReview(
    spec=client.V1SelfSubjectAccessReviewSpec(
        resource_attributes=client.V1ResourceAttributes(verb="create", resource="pipelines", namespace=namespace)
    )
)
assert client.AuthorizationV1Api().create_self_subject_access_review(review).status.allowed
core.delete_namespaced_config_map("settings", namespace)
core.delete_collection_namespaced_secret(namespace)
assert not core.list_namespaced_secret(namespace).items
print("done")

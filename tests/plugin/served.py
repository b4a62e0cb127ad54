"""Model versions and endpoints, as tasks would have made them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from airflow_ack_sagemaker.core.lifecycle.registry import version_manifest
from airflow_ack_sagemaker.core.lifecycle.serving import EndpointSpec
from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.launched_by import Try
from harness.sandbox_process import SandboxProcess
from harness.waiting import wait_until

ROLE = "arn:aws:iam::123456789012:role/serving"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"
PACKAGE = {
    "inferenceSpecification": {
        "containers": [{"image": IMAGE, "modelDataURL": "s3://b/m.tar.gz"}],
        "supportedContentTypes": ["text/csv"],
        "supportedResponseMIMETypes": ["text/csv"],
    }
}


class Place(Protocol):
    """A sandbox and its cluster, as `tests.plugin.site.Site` has them."""

    sandbox: SandboxProcess

    def create(self, plural: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create a resource."""

    def get(self, plural: str, name: str) -> dict[str, Any]:
        """A resource; an empty one where there is none."""

    def patch(self, plural: str, name: str, body: Mapping[str, Any]) -> None:
        """Merge a patch into a resource."""


def new_group(place: Place, name: str | None = None) -> str:
    """A group of the model registry; its name."""
    name = name or f"group-{uuid.uuid4().hex[:8]}"
    place.sandbox.aws_client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
    return name


def version(
    place: Place,
    group: str,
    dag_id: str = "retraining",
    *,
    metrics: Mapping[str, float] | None = None,
    execution: str | None = None,
    waits: bool = True,
) -> str:
    """A version that a task of a DAG has registered, once SageMaker has it; the name of its resource."""
    identity = RunIdentity(dag_id, f"run-{uuid.uuid4().hex[:8]}", "register")
    manifest = version_manifest(
        group, PACKAGE, place.sandbox.namespace, identity, attempt=1, tried=Try(), metrics=metrics, execution=execution
    )
    name: str = place.create("modelpackages", manifest)["metadata"]["name"]
    if waits:
        wait_until(lambda: arn_of(place, name), 120, f"SageMaker to have {name}")
    return name


def arn_of(place: Place, name: str) -> str | None:
    """The ARN of a version; None: it has none yet."""
    found: str | None = place.get("modelpackages", name).get("status", {}).get("ackResourceMetadata", {}).get("arn")
    return found


def rollout(place: Place, endpoint: str, dag_id: str = "retraining", *, model: str | None = None) -> str:
    """What a task does to serve a model: a model, a configuration and the endpoint; the configuration's name.

    :param model: ARN of a model package; None: an artifact.
    """
    container = {"modelPackageName": model} if model else {"image": IMAGE, "modelDataURL": "s3://b/m.tar.gz"}
    identity = RunIdentity(dag_id, f"run-{uuid.uuid4().hex[:8]}", "deploy")
    spec = EndpointSpec(
        endpoint,
        {"executionRoleARN": ROLE, "primaryContainer": container},
        variant={"instanceType": "ml.m5.large", "initialInstanceCount": 1},
        metrics={"mse": 2.5} if model else {},
    )
    former = place.get("endpoints", spec.name).get("spec", {}).get("endpointConfigName")
    place.create("models", spec.model_manifest(place.sandbox.namespace, identity, 1))
    place.create(
        "endpointconfigs", spec.config_manifest(place.sandbox.namespace, identity, 1, tried=Try(), former=former)
    )
    config = spec.attempt_name(identity, 1)
    if former is None:
        place.create("endpoints", spec.endpoint_manifest(place.sandbox.namespace, config))
    else:
        place.patch("endpoints", spec.name, {"spec": {"endpointConfigName": config}})
    return config


def listed(client: Any, path: str, name: str) -> dict[str, Any] | None:
    """What a list has of a resource; None where it has nothing."""
    found = client.get(path, params={"search": name}).raise_for_status().json()
    return next((item for item in found["items"] if item["name"] == name), None)

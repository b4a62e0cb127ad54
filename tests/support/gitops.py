"""Somebody who applies a Pipeline with kubectl, and never saw this package."""

from __future__ import annotations

import json
from typing import Any

import httpx

from airflow_ack_sagemaker.core.resource.freshness import answered
from harness.waiting import HUNG, wait_until

ROLE = "arn:aws:iam::123456789012:role/sagemaker"
API = "sagemaker.services.k8s.aws/v1alpha1"


class GitOps:
    """One field manager, which owns the spec and the labels of a Pipeline.

    :param client: of the API server.
    :param sagemaker: boto3's client of SageMaker.
    """

    def __init__(self, client: httpx.Client, sagemaker: Any, namespace: str, name: str, definition: str) -> None:
        self.client, self.sagemaker, self.name = client, sagemaker, name
        self.path = f"/apis/{API}/namespaces/{namespace}/pipelines/{name}"
        self.spec: dict[str, Any] = {"pipelineName": name, "roleARN": ROLE, "pipelineDefinition": definition}

    def apply(self, labels: dict[str, str] | None = None, **spec: str) -> None:
        """Server-side apply of the spec, with these fields changed."""
        self.spec |= spec
        manifest = {
            "apiVersion": API,
            "kind": "Pipeline",
            "metadata": {"name": self.name, "labels": labels or {}},
            "spec": self.spec,
        }
        self.client.patch(
            self.path,
            params={"fieldManager": "kubectl"},
            content=json.dumps(manifest),
            headers={"Content-Type": "application/apply-patch+yaml"},
        ).raise_for_status()

    @property
    def live(self) -> dict[str, Any]:
        """The Pipeline as it stands."""
        found: dict[str, Any] = self.client.get(self.path).raise_for_status().json()
        return found

    def label(self) -> None:
        """Change a label only, in a later second than the status's. That renews the manager's time, and gets no
        answer."""
        generation, tries = self.live["metadata"]["generation"], iter(range(1_000_000))
        before = times(self.live)

        def later() -> bool:
            self.apply(labels={"changed": str(next(tries))})
            return times(self.live)["kubectl"] > max(before.values())

        wait_until(later, HUNG, lambda: str(self.live))
        assert self.live["metadata"]["generation"] == generation

    def synced(self, description: str) -> None:
        """Wait until SageMaker has this description and the status tells of it."""

        def done() -> bool:
            if self.live.get("status", {}).get("pipelineStatus") != "Active" or not answered(self.live):
                return False
            described = self.sagemaker.describe_pipeline(PipelineName=self.name)
            return bool(described.get("PipelineDescription") == description)

        wait_until(done, HUNG, lambda: str(self.live))


def times(resource: dict[str, Any]) -> dict[str, str]:
    """When each manager has last written."""
    return {entry["manager"]: entry["time"] for entry in resource["metadata"]["managedFields"]}

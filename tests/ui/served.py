"""Model versions and endpoints of the demo's DAGs, for the pages about them: made once, by whoever looks first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from demo import story
from harness.sandbox_process import SandboxProcess
from harness.waiting import wait_until
from tests.plugin import served

GROUP, ENDPOINT = "customers", "churn-scores"
REASON = "The primary container for production variant AllTraffic did not pass the ping health check."


class Place:
    """See `served.Place`."""

    def __init__(self, sandbox: SandboxProcess) -> None:
        self.sandbox = sandbox

    def create(self, plural: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create a resource."""
        return self._ask("POST", plural, manifest)

    def get(self, plural: str, name: str) -> dict[str, Any]:
        """A resource; an empty one where there is none."""
        return self._ask("GET", f"{plural}/{name}")

    def patch(self, plural: str, name: str, body: Mapping[str, Any]) -> None:
        """Merge a patch into a resource."""
        self._ask("PATCH", f"{plural}/{name}", body)

    def script(self, *rules: str) -> None:
        """Have AWS behave so."""
        url = f"{self.sandbox.aws_endpoint_url}/_sandbox/script"
        httpx.post(url, json={"rules": list(rules)}, trust_env=False).raise_for_status()

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json"}
        with self.sandbox.kubernetes_client() as client:
            url = f"/apis/{API_VERSION}/namespaces/{self.sandbox.namespace}/{path}"
            answer = client.request(method, url, content=json.dumps(body) if body else None, headers=headers)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return {}
        found: dict[str, Any] = answer.raise_for_status().json()
        return found


def fill(sandbox: SandboxProcess) -> Place:
    """Three versions of a group, of which one serves at an endpoint whose last rollout was rolled back."""
    place = Place(sandbox)
    if place.get("endpoints", ENDPOINT):
        return place
    served.new_group(place, GROUP)
    dag_id = story.CHURN.dag_id
    names = [
        served.version(place, GROUP, dag_id, metrics={"accuracy": accuracy, "auc": accuracy - 0.04})
        for accuracy in (0.912, 0.934, 0.871)
    ]
    for name, word in zip(names, ("Approved", "PendingManualApproval", "Rejected"), strict=True):
        place.patch("modelpackages", name, {"spec": {"modelApprovalStatus": word}})
    good = served.rollout(place, ENDPOINT, dag_id, model=served.arn_of(place, names[0]))
    wait_until(lambda: said(place, "endpointStatus") == "InService", 120, "the endpoint")
    place.script(f"endpoint/{ENDPOINT}=rollback:{REASON}")
    served.rollout(place, ENDPOINT, dag_id, model=served.arn_of(place, names[1]))
    wait_until(lambda: said(place, "failureReason") and said(place, "endpointStatus") == "InService", 120, good)
    return place


def said(place: Place, field: str) -> str | None:
    """A member of the endpoint's status."""
    found: str | None = place.get("endpoints", ENDPOINT).get("status", {}).get(field)
    return found

"""What the tests of operators share: a task instance's context, and the sandbox looked at from outside the package."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import httpx

from harness.sandbox_process import SandboxProcess
from harness.waiting import HUNG

GROUP = "/apis/sagemaker.services.k8s.aws/v1alpha1"
MODEL = {
    "primaryContainer": {"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1", "modelDataURL": "s3://b/m.tar.gz"}
}
ROLE = "arn:aws:iam::123456789012:role/sagemaker"


class TaskInstance(SimpleNamespace):
    """As much of Airflow's as an operator looks at; its XComs are kept."""

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


@dataclass
class Stage:
    """A sandbox with its levers."""

    sandbox: SandboxProcess

    def name(self, prefix: str = "endpoint") -> str:
        """A name that no other test uses."""
        return f"{prefix}-{uuid.uuid4().hex[:8]}"

    def context(self, run_id: str, *, task: str = "deploy", number: int = 1, retries: int = 3) -> Any:
        """The context of a try of a task."""
        ti = TaskInstance(
            dag_id="dag",
            run_id=run_id,
            task_id=task,
            map_index=-1,
            try_number=number,
            max_tries=retries,
            task=SimpleNamespace(retries=retries),
            xcoms={},
        )
        start = datetime(2026, 11, 1, tzinfo=timezone.utc)
        return {"ti": ti, "dag_run": SimpleNamespace(start_date=start, clear_number=0), "outlet_events": {}}

    def script(self, *rules: str) -> None:
        """Have AWS behave so."""
        self.control("POST", "script", json={"rules": list(rules)})

    def control(self, method: str, path: str, **arguments: Any) -> Any:
        """The sandbox's own levers."""
        url = f"{self.sandbox.aws_endpoint_url}/_sandbox/{path}"
        answer = httpx.request(method, url, trust_env=False, timeout=HUNG, **arguments)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def serves(self, endpoint: str) -> str:
        """The configuration that answers a request to the endpoint."""
        answer = self.sandbox.aws_client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, Body=b"1,2", ContentType="text/csv"
        )
        found: str = json.loads(answer["Body"].read())["endpointConfig"]
        return found

    def kubernetes(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """A plain request to the cluster; an empty mapping for what is not there."""
        with self.sandbox.kubernetes_client() as client:
            answer = client.request(method, f"{GROUP}/namespaces/{self.sandbox.namespace}/{path}", **arguments)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return {}
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def configs(self, endpoint: str) -> list[str]:
        """The configurations in the cluster that were made for an endpoint."""
        items = self.kubernetes("GET", "endpointconfigs")["items"]
        label = "airflow-ack-sagemaker/endpoint"
        return sorted(item["metadata"]["name"] for item in items if item["metadata"]["labels"].get(label) == endpoint)

"""A cluster without a controller, whose resources are whatever a test puts there, and an API server of Airflow that
shows it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import httpx

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import GROUP, PIPELINE, PIPELINE_EXECUTION, Kind
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from harness.airflow_processes import AirflowProcesses

CONN_ID = "shelf"
NAMESPACE = "default"


class Shelf:
    """The cluster; a context manager. What is put there before is there when it starts."""

    def __init__(self) -> None:
        self.server = ApiServer()
        self._stack = ExitStack()

    def put(self, kind: Kind, resource: Mapping[str, Any], created: datetime) -> dict[str, Any]:
        """Put a resource there as it is, its status, too."""
        metadata = {
            "uid": str(uuid.uuid4()),
            "generation": 1,
            "creationTimestamp": f"{created:%Y-%m-%dT%H:%M:%SZ}",
            **resource["metadata"],
        }
        stored = self.server.cluster.store.put(f"{kind.plural}.{GROUP}", {**resource, "metadata": metadata})
        return dict(stored)

    def execution(
        self,
        identity: RunIdentity,
        pipeline: str,
        created: datetime,
        *,
        status: str = "Succeeded",
        reason: str | None = None,
        seconds: float = 600,
        parameters: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Put an execution there that has ended. ``more`` goes over its status."""
        listed = [{"name": name, "value": value} for name, value in (parameters or {}).items()]
        spec = ExecutionSpec("name", listed, annotations=annotations or {})
        manifest = spec.manifest(NAMESPACE, identity, attempt=1, tried=Try())
        manifest["spec"]["pipelineName"] = pipeline
        ended = created + timedelta(seconds=seconds)
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{pipeline}/execution/{identity.digest}"
        manifest["status"] = {
            "ackResourceMetadata": {"arn": arn, "ownerAccountID": "123456789012", "region": "us-east-1"},
            "conditions": [
                {"type": "ACK.ResourceSynced", "status": "True", "lastTransitionTime": f"{ended:%Y-%m-%dT%H:%M:%SZ}"}
            ],
            "creationTime": f"{created:%Y-%m-%dT%H:%M:%SZ}",
            "lastModifiedTime": f"{ended:%Y-%m-%dT%H:%M:%SZ}",
            "pipelineExecutionStatus": status,
            **({"failureReason": reason} if reason else {}),
            **more,
        }
        return self.put(PIPELINE_EXECUTION, manifest, created)

    def pipeline(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Put a pipeline there."""
        return self.put(PIPELINE, resource, datetime.now(UTC))

    def __enter__(self) -> Self:
        self._stack.enter_context(self.server)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    @contextmanager
    def airflow(self, home: Path, dags: Path, database_url: str) -> Iterator[AirflowProcesses]:
        """An API server that shows this cluster alone, of an Airflow whose DAGs and database are named."""
        config = {"kube_config": json.dumps(self.server.kubeconfig()), "namespace": NAMESPACE}
        airflow = AirflowProcesses(
            home,
            dags,
            connections={CONN_ID: {"conn_type": "kubernetes", "extra": config}},
            settings={("ack_sagemaker", "clusters"): json.dumps([{"kubernetes_conn_id": CONN_ID}])},
            database_url=database_url,
        )
        try:
            airflow.start("api-server")
            airflow.wait_ready()
            yield airflow
        finally:
            airflow.close()


def headers(server: AirflowProcesses) -> dict[str, str]:
    """Those of its administrator."""
    login = {"username": server.username, "password": server.password}
    answer = httpx.post(f"{server.url}/auth/token", json=login, trust_env=False, timeout=120).raise_for_status()
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}

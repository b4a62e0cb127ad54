"""The servers of the benchmarks: a real API server that keeps a record of its requests, and the sandbox's AWS."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, GROUP, PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec
from harness.controlplane import ControlPlane
from harness.real_cluster import ACCOUNT, RealCluster
from harness.sandbox_process import SandboxProcess, kubernetes_connection

PIPELINE_NAME = "bench"
ROLE = "arn:aws:iam::123456789012:role/bench"
DEFINITION = json.dumps({"Version": "2020-12-01", "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}}]})
_AT_ONCE = 16
"""Requests at once where many are sent."""

T = TypeVar("T")


class Stage:
    """A context manager. Every namespace has its own service account for Airflow, by which its requests are counted.

    :param recorded: keep the record of requests; it costs the API server a little.
    """

    def __init__(self, *, recorded: bool) -> None:
        self._recorded = recorded
        self._stack = ExitStack()
        self._read = 0
        self._received: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True))
            self.directory = Path(folder)
            plane = stack.enter_context(ControlPlane(self._audit() if self._recorded else ()))
            self.cluster = stack.enter_context(RealCluster(self.directory / "cluster", given=plane.kubeconfig_path))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def add_aws(self, name: str) -> SandboxProcess:
        """An AWS endpoint, with the pipeline, whose executions run until they are released."""
        aws = self._stack.enter_context(SandboxProcess(self.directory / name, "--components", "aws"))
        aws.aws_client("sagemaker").create_pipeline(
            PipelineName=PIPELINE_NAME, PipelineDefinition=DEFINITION, RoleArn=ROLE, ClientRequestToken="p" * 32
        )
        script = {"rules": ["Train=hold"], "step_seconds": 0}
        httpx.put(f"{aws.aws_endpoint_url}/_sandbox/script", json=script, trust_env=False).raise_for_status()
        return aws

    def add_namespace(self, namespace: str) -> dict[str, Any]:
        """Make a namespace; the Airflow connection to it."""
        return kubernetes_connection(self.cluster.add_namespace(namespace), namespace)

    def requests(self, namespace: str) -> list[tuple[str, str]]:
        """The API server's own record of what it has received from Airflow in a namespace: verbs and URIs."""
        with self._log.open("rb") as lines:
            lines.seek(self._read)
            new = lines.read()
        whole = new[: new.rfind(b"\n") + 1]  # the last line may be half written
        self._read += len(whole)
        for entry in map(json.loads, whole.splitlines()):
            self._received[entry["user"]["username"]].append((entry["verb"], entry["requestURI"]))
        return self._received[f"system:serviceaccount:{namespace}:{ACCOUNT}"]

    def client(self) -> httpx.AsyncClient:
        """The administrator's plain HTTP client, whose requests are not recorded."""
        config = json.loads(self.cluster.kubeconfig.read_text())
        return plain_client(config["clusters"][0]["cluster"], config["users"][0]["user"]["token"])

    @property
    def _log(self) -> Path:
        return self.directory / "requests.log"

    def _audit(self) -> list[str]:
        policy = self.directory / "policy.json"
        policy.write_text(
            json.dumps(
                {
                    "apiVersion": "audit.k8s.io/v1",
                    "kind": "Policy",
                    # A line for a request when it arrives: that of a watch would come at its end.
                    "omitStages": ["ResponseStarted", "ResponseComplete", "Panic"],
                    "rules": [
                        {"level": "None", "users": ["admin"]},
                        {"level": "Metadata", "resources": [{"group": GROUP}]},
                        {"level": "None"},
                    ],
                }
            )
        )
        return [f"--audit-policy-file={policy}", f"--audit-log-path={self._log}"]


def plain_client(cluster: Mapping[str, Any], token: str) -> httpx.AsyncClient:
    """An asynchronous HTTP client of a kubeconfig's cluster."""
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    return httpx.AsyncClient(
        base_url=cluster["server"],
        verify=ssl.create_default_context(cadata=authority),
        headers={"Authorization": f"Bearer {token}"},
        limits=httpx.Limits(max_connections=_AT_ONCE),
        timeout=120.0,
        trust_env=False,
    )


def collection(namespace: str) -> str:
    """The path of a namespace's executions."""
    return f"/apis/{API_VERSION}/namespaces/{namespace}/{PIPELINE_EXECUTION.plural}"


def manifests(namespace: str, count: int) -> list[dict[str, Any]]:
    """Executions as the operator would create them, of as many runs."""
    spec = ExecutionSpec(PIPELINE_NAME, parameters=[{"name": "Rounds", "value": "50"}])
    return [
        spec.manifest(namespace, RunIdentity("retrain", f"scheduled__{number}", "launch"), attempt=1, tried=Try())
        for number in range(count)
    ]


async def each(items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do the work for all items, some at once."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(worker())


async def create_running(client: httpx.AsyncClient, namespace: str, count: int) -> dict[str, str]:
    """Create executions, and write the status that the controller gives them at once: the uid of each, by name."""
    uids: dict[str, str] = {}

    async def create(manifest: Mapping[str, Any]) -> None:
        name = manifest["metadata"]["name"]
        answer = await client.post(collection(namespace), json=manifest)
        uids[name] = answer.raise_for_status().json()["metadata"]["uid"]
        await write_status(client, namespace, name, "Executing")

    await each(manifests(namespace, count), create)
    return uids


async def write_status(client: httpx.AsyncClient, namespace: str, name: str, status: str) -> None:
    """Write the status as the controller does."""
    ended = "True" if status == "Succeeded" else "False"
    seen = "2026-01-01T00:00:00Z"
    condition = {"lastTransitionTime": seen, "status": ended}
    body = {
        "status": {
            "ackResourceMetadata": {
                "arn": f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{PIPELINE_NAME}/execution/{name[-12:]}",
                "ownerAccountID": "123456789012",
                "region": "us-east-1",
            },
            "conditions": [
                {**condition, "type": "ACK.ResourceSynced", "message": f"PipelineExecution is in {status} status."},
                {**condition, "type": "Ready"},
            ],
            "creationTime": seen,
            "lastModifiedTime": seen,
            "pipelineExecutionStatus": status,
        }
    }
    answer = await client.patch(
        f"{collection(namespace)}/{name}/status",
        content=json.dumps(body),
        headers={"Content-Type": "application/merge-patch+json"},
    )
    answer.raise_for_status()

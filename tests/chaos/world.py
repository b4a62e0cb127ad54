"""Everything that is broken here, started: a real API server, controller and AWS, Airflow's nodes, and the proxies."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from harness.airflow_api import AirflowApi
from harness.controlplane import ControlPlane
from harness.plain_client import account_token
from harness.postgresql import PostgreSQL
from harness.real_cluster import ACCOUNT, TOKEN_SECONDS, RealCluster
from harness.redis import Redis
from harness.sandbox_process import SandboxProcess, aws_connection, kubernetes_connection
from harness.waiting import HUNG, wait_until
from tests.chaos.clock import ServerClock
from tests.chaos.faults import refuse
from tests.chaos.fleet import Fleet
from tests.chaos.proxy import FaultProxy

_DAGS = Path(__file__).with_name("dags")
TASK = "launch"
# An execution takes eight seconds: Airflow needs some to defer, and as many to be killed in the meantime.
_SANDBOX = ("--speed", "20", "--step-seconds", "160", "--workers", "4")
_DEFINITION = {
    "Version": "2020-12-01",
    "Parameters": [{"Name": "Run", "Type": "String"}],
    "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {"HyperParameters": {}}}],
}


class World:
    """All of it, running; a context manager.

    ``kubernetes``, ``aws`` and ``airflow`` are the proxies before the API server, AWS and Airflow's execution API: what
    a task does passes through them, what the tests and the controller do does not. ``clock`` is that of the API server,
    as tasks see it. ``dags`` is the folder of the DAG files, which may be edited.

    :param settings: Airflow's, on top of those of the fleet.
    """

    def __init__(self, directory: Path, settings: Mapping[tuple[str, str], str] | None = None) -> None:
        self.directory = directory
        self._settings = settings or {}
        self.dags = directory / "dags"
        self.clock = ServerClock()
        self.cluster = RealCluster(directory / "cluster")
        self.sandbox = SandboxProcess(directory / "sandbox", *_SANDBOX, cluster=self.cluster)
        self._stack = ExitStack()
        self._token_file = directory / "token"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.cluster)
            # On a cluster the sandbox learns its addresses from it, so only now.
            self.sandbox = stack.enter_context(
                SandboxProcess(self.directory / "sandbox", *_SANDBOX, cluster=self.cluster)
            )
            self.sagemaker = self.sandbox.aws_client("sagemaker")
            self._client = stack.enter_context(self.cluster.client())
            config = json.loads(self.cluster.airflow_kubeconfig.read_text())
            cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
            authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
            self.kubernetes = stack.enter_context(FaultProxy(cluster["server"], authority))
            self.kubernetes.rewrite = self.clock.shift
            self.aws = stack.enter_context(FaultProxy(self.sandbox.aws_endpoint_url))
            self.airflow = stack.enter_context(FaultProxy())
            self._token_file.touch(mode=0o600)
            self._token_file.write_text(user["token"])
            # A copy, since people edit the files.
            shutil.copytree(_DAGS, self.dags, ignore=shutil.ignore_patterns("__pycache__"))
            postgresql = stack.enter_context(PostgreSQL())
            redis = stack.enter_context(Redis())
            self.fleet = Fleet(
                self.directory / "airflow",
                self.dags,
                connections={
                    "kubernetes_default": kubernetes_connection(self._kubeconfig(), self.cluster.namespace),
                    "aws_default": aws_connection(self.aws.url),
                },
                database_url=postgresql.create("airflow"),
                broker_url=redis.url,
                settings={("core", "execution_api_server_url"): f"{self.airflow.url}/execution/", **self._settings},
            )
            self.airflow.upstream = self.fleet.url
            stack.enter_context(self.fleet)
            for dag_id in ("ours_deferred", "edited_own_deferred", "peer"):
                self.api.wait_for_dag(dag_id)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    @property
    def api(self) -> AirflowApi:
        """Airflow's REST API, past the proxies."""
        return self.fleet.api

    @property
    def control_plane(self) -> ControlPlane:
        """The API server's processes."""
        assert self.cluster.control_plane is not None
        return self.cluster.control_plane

    def _kubeconfig(self) -> Path:
        """Airflow's kubeconfig with a token that is read from a file, as in a pod."""
        path = self.directory / "kubeconfig"
        path.write_text(json.dumps(self.kubeconfig({"tokenFile": str(self._token_file)})))
        return path

    def kubeconfig(self, user: dict[str, str]) -> dict[str, Any]:
        """A kubeconfig of the proxy's address."""
        cluster = {
            "server": self.kubernetes.url,
            "certificate-authority-data": base64.b64encode(self.kubernetes.authority.encode()).decode(),
        }
        context = {"cluster": "proxy", "user": "airflow", "namespace": self.cluster.namespace}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "proxy", "cluster": cluster}],
            "users": [{"name": "airflow", "user": user}],
            "contexts": [{"name": "proxy", "context": context}],
            "current-context": "proxy",
        }

    def expire_token(self) -> None:
        """Renew the token in Airflow's file; the old one is refused from now on."""
        old = self._token_file.read_text()
        new = self._token_file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(self.new_token())
        new.replace(self._token_file)
        self.revoke(old)

    def new_token(self) -> str:
        """One more token of Airflow's service account."""
        return account_token(self._client, self.cluster.namespace, ACCOUNT, TOKEN_SECONDS)

    def revoke(self, token: str) -> None:
        """Have a token refused from now on."""
        self.kubernetes.add(
            "expired token",
            lambda exchange: exchange.headers.get("authorization") == f"Bearer {token}",
            refuse(401, "Unauthorized"),
            count=None,
            first=True,
        )
        # Streams that are open were let in with the old one, which would do for as long as they last.
        self.kubernetes.cut()

    # The pipeline and its executions, past the proxies

    def add_pipeline(self, definition: Mapping[str, Any] = _DEFINITION) -> str:
        """Have a new pipeline in the cluster and in SageMaker; its name."""
        name = f"chaos-{uuid.uuid4().hex[:8]}"
        manifest = {
            "apiVersion": API_VERSION,
            "kind": "Pipeline",
            "metadata": {"name": name},
            "spec": {
                "pipelineName": name,
                "roleARN": "arn:aws:iam::123456789012:role/sagemaker-pipelines",
                "pipelineDefinition": json.dumps(definition),
            },
        }
        self._client.post(self._path("pipelines"), json=manifest).raise_for_status()

        def synced() -> bool:
            answer = self._client.get(self._path(f"pipelines/{name}"))
            status = answer.json().get("status", {}) if answer.is_success else {}
            return bool(status.get("pipelineStatus") == "Active")

        wait_until(synced, 60.0, "the pipeline to be synced")
        return name

    def change_definition(self, name: str, definition: Mapping[str, Any]) -> None:
        """Do what a neighbour does with `kubectl edit`: change the definition in a Pipeline, and nothing else.

        :raises httpx.HTTPError: the API server does not answer, or refuses it.
        """
        body = {"spec": {"pipelineDefinition": json.dumps(definition)}}
        answer = self._client.patch(
            self._path(f"pipelines/{name}"),
            params={"fieldManager": "neighbour"},
            content=json.dumps(body),
            headers={"Content-Type": "application/merge-patch+json"},
        )
        answer.raise_for_status()

    def _path(self, rest: str) -> str:
        return f"/apis/{API_VERSION}/namespaces/{self.cluster.namespace}/{rest}"

    def control(self, method: str, path: str, **arguments: Any) -> Any:
        """The sandbox's own levers."""
        url = f"{self.sandbox.aws_endpoint_url}/_sandbox/{path}"
        answer = httpx.request(method, url, trust_env=False, timeout=HUNG, **arguments).raise_for_status()
        return answer.json() if answer.content else None

    def script(self, pipeline: str, *rules: str) -> None:
        """Say how a pipeline's next executions go."""
        self.control("POST", "script", json={"rules": [f"{pipeline}/{rule}" for rule in rules]})

    # The API server's own troubles

    def freeze(self) -> None:
        """Let the API server hang until `thaw`."""
        self._rest_controller()
        self.control_plane.freeze()

    def thaw(self) -> None:
        """Let the API server go on."""
        self.control_plane.thaw()
        self.control("PUT", "controller", json={"paused": False})

    def restart(self) -> None:
        """Kill the API server and start it again."""
        self._rest_controller()
        self.control_plane.restart()
        self.control("PUT", "controller", json={"paused": False})

    def _rest_controller(self) -> None:
        """Let the controller write down what it has started, and start nothing more.

        A controller that cannot write its status starts an execution again: a fault of its own, which no client can
        mend, and not what is tested here.
        """
        self.control("PUT", "controller", json={"paused": True})

        wait_until(
            lambda: self.control("GET", "controller")["resting"],
            60.0,
            "the controller to write down what it has started",
            every=0.02,
        )

    def executions(self, pipeline: str) -> list[dict[str, Any]]:
        """All of a pipeline's executions that SageMaker has, oldest first."""
        pages = self.sagemaker.get_paginator("list_pipeline_executions")
        found = pages.paginate(PipelineName=pipeline, SortOrder="Ascending")
        return [summary for page in found for summary in page["PipelineExecutionSummaries"]]

    def parameters_of(self, arn: str) -> dict[str, str]:
        """The parameters that an execution has run with."""
        answer = self.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)
        return {item["Name"]: item["Value"] for item in answer["PipelineParameters"]}

    def definition_of(self, arn: str) -> str:
        """The definition that an execution has run."""
        answer = self.sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
        return str(answer["PipelineDefinition"])


def new_run_id(prefix: str) -> str:
    """A run id that was never used."""
    return f"{prefix}-{secrets.token_hex(4)}"


def digest(dag_id: str, run_id: str) -> str:
    """What the resources of a run have in their names and labels."""
    return RunIdentity(dag_id, run_id, TASK).digest

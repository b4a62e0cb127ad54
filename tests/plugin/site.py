"""An API server of a real Airflow with the plugin, beside a sandbox; between the two a proxy that keeps a record."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any, Self

import httpx

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, PipelineSpec
from harness.airflow_processes import AirflowProcesses
from harness.sandbox_process import SandboxProcess, aws_connection, kubernetes_connection, page_settings
from harness.waiting import HUNG, wait_until
from tests.chaos.proxy import Exchange, FaultProxy
from tests.support.auth_manager import GRANTS, PATH

ROOT = Path(__file__).parents[2]
PREFIX = "/ack-sagemaker"
ROLE = "arn:aws:iam::123456789012:role/sagemaker-pipelines"
USERS = {
    "admin": "admin",
    "user": "user",
    "viewer": "viewer",
    "nobody": "",
    "partial": "user",
    "ungranted": "admin",
    "neighbour": "user",
}
"""User -> role of the simple auth manager. ``nobody`` has none, ``ungranted`` may see no DAG, ``neighbour`` edits
another one.
"""
DAG_GRANTS = {"partial": {"retraining": "read"}, "ungranted": {}, "neighbour": {"other_team": "edit"}}
ACTION = {"X-Requested-With": "airflow-ack-sagemaker"}
STILL_ASKED = ("with one of the next looks", "is being")
"""What the pages say of an answer that takes longer than a viewer waits: seconds, which a busy machine may need."""


class Site:
    """All of it, running; a context manager.

    :param options: of the sandbox. Without a controller the tests write what it would.
    :param aws: whether the plugin may ask AWS.
    :param others: more clusters that the pages show, by the id of their connection.
    :param connections: their connections.
    """

    def __init__(
        self,
        directory: Path,
        *options: str,
        aws: bool = True,
        others: Sequence[str] = (),
        connections: Mapping[str, Any] | None = None,
    ) -> None:
        self.directory = directory
        self.sandbox = SandboxProcess(directory / "sandbox", *options)
        self.requests: list[tuple[float, str, str]] = []
        """What the cluster has received from the plugin: time (monotonic), method, path."""
        self.identity = RunIdentity("retraining", "scheduled__2026-11-01T03:00:00+00:00", "launch")
        self._aws = aws
        self._others = others
        self._more = dict(connections or {})
        self._stack = ExitStack()
        self._tokens: dict[str, str] = {}
        self._patchers = count()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.sandbox)
            self.kubernetes = stack.enter_context(self.sandbox.kubernetes_client())
            config = json.loads(self.sandbox.kubeconfig.read_text())
            cluster = config["clusters"][0]["cluster"]
            authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
            self.proxy = stack.enter_context(FaultProxy(cluster["server"], authority))
            self.proxy.add("record", self._record, lambda exchange: None, None)
            cluster["server"] = self.proxy.url
            cluster["certificate-authority-data"] = base64.b64encode(self.proxy.authority.encode()).decode()
            kubeconfig = self.directory / "kubeconfig"
            kubeconfig.write_text(json.dumps(config))
            entry: dict[str, Any] = {"kubernetes_conn_id": "kubernetes_default"}
            if self._aws:
                entry |= {"aws_conn_id": "aws_default", "buckets": ["definitions", "of-types"]}
            others = [{"kubernetes_conn_id": name} for name in self._others]
            connections = {"kubernetes_default": kubernetes_connection(kubeconfig)}
            if self.sandbox.aws_endpoint_url:
                connections["aws_default"] = aws_connection(self.sandbox.aws_endpoint_url)
            # What they name is listed for the pages; what those of the others name is not.
            listed = page_settings([entry, *others], connections)
            home = self.directory / "airflow"
            self.airflow = AirflowProcesses(
                home,
                Path(__file__).with_name("dags"),
                connections={**connections, **self._more},
                settings={
                    ("core", "auth_manager"): PATH,
                    ("core", "simple_auth_manager_users"): ",".join(f"{user}:{role}" for user, role in USERS.items()),
                    **listed,
                },
                environment={"PYTHONPATH": str(ROOT), GRANTS: json.dumps(DAG_GRANTS)},
            )
            stack.callback(self.airflow.close)
            done = self.airflow.command("dags", "reserialize", timeout=900)
            assert done.returncode == 0, done.stderr
            (home / "passwords.json").write_text(
                json.dumps({**dict.fromkeys(USERS, "secret"), "admin": self.airflow.password})
            )
            self.airflow.start("api-server")
            self.airflow.wait_ready()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def _record(self, exchange: Exchange) -> bool:
        self.requests.append((time.monotonic(), exchange.method, exchange.path))
        return False

    def client(self, user: str | None = "admin") -> httpx.Client:
        """A client of the plugin, with a user's token; None: nobody's."""
        headers = {} if user is None else {"Authorization": f"Bearer {self.token(user)}"}
        return httpx.Client(base_url=self.airflow.url + PREFIX, headers=headers, trust_env=False, timeout=HUNG)

    def token(self, user: str) -> str:
        """A user's token."""
        if user not in self._tokens:
            password = self.airflow.password if user == "admin" else "secret"
            login = {"username": user, "password": password}
            answer = httpx.post(f"{self.airflow.url}/auth/token", json=login, trust_env=False, timeout=HUNG)
            self._tokens[user] = answer.raise_for_status().json()["access_token"]
        return self._tokens[user]

    # -- what is in the cluster

    def create(self, plural: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create a resource."""
        answer = self.kubernetes.post(f"/apis/{API_VERSION}/namespaces/default/{plural}", json=manifest)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def pipeline(self, definition: str, name: str | None = None, **more: Any) -> str:
        """A Pipeline that SageMaker has; its name."""
        name = name or f"p-{uuid.uuid4().hex[:8]}"
        self.create("pipelines", PipelineSpec(name, ROLE, definition, **more).manifest("default"))
        wait_until(lambda: self.get("pipelines", name).get("status", {}).get("pipelineStatus"), 120, f"pipeline {name}")
        return name

    def execution(
        self,
        pipeline: str,
        dag_id: str = "retraining",
        *,
        parameters: Mapping[str, str] | None = None,
        attempt: int = 1,
        run_id: str | None = None,
        annotations: Mapping[str, str] | None = None,
        **more: Any,
    ) -> str:
        """Launch an execution as a task of a DAG would; its name."""
        identity = RunIdentity(dag_id, run_id or f"run-{uuid.uuid4().hex[:8]}", "launch")
        listed = [{"name": key, "value": value} for key, value in (parameters or {}).items()]
        spec = ExecutionSpec(pipeline, listed, annotations=annotations or {}, **more)
        manifest = spec.manifest("default", identity, attempt=attempt, tried=Try())
        return str(self.create("pipelineexecutions", manifest)["metadata"]["name"])

    def get(self, plural: str, name: str) -> dict[str, Any]:
        """A resource; an empty one where there is none."""
        answer = self.kubernetes.get(f"/apis/{API_VERSION}/namespaces/default/{plural}/{name}")
        found: dict[str, Any] = answer.json() if answer.is_success else {}
        return found

    def wait_status(self, name: str, status: str, timeout: float = HUNG) -> dict[str, Any]:
        """Wait until SageMaker says something of an execution; the resource."""

        def reached() -> dict[str, Any] | None:
            found = self.get("pipelineexecutions", name)
            return found if found.get("status", {}).get("pipelineExecutionStatus") == status else None

        return wait_until(reached, timeout, lambda: f"{name} {status}: {self.get('pipelineexecutions', name)}")

    def patch(self, plural: str, name: str, body: Mapping[str, Any]) -> None:
        """Merge a patch into a resource."""
        headers = {"Content-Type": "application/merge-patch+json"}
        # Not as the manager that owns the spec: the times of its changes are taken for times of the spec's.
        path = f"/apis/{API_VERSION}/namespaces/default/{plural}/{name}?fieldManager=patcher-{next(self._patchers)}"
        self.kubernetes.patch(path, content=json.dumps(body), headers=headers).raise_for_status()

    def patch_definition(self, pipeline: str, text: str) -> None:
        """Change a pipeline's definition; SageMaker has it when this returns."""
        self.patch("pipelines", pipeline, {"spec": {"pipelineDefinition": text}})
        sagemaker = self.sandbox.aws_client("sagemaker")
        wanted = json.loads(text)

        def known() -> bool:
            return bool(json.loads(sagemaker.describe_pipeline(PipelineName=pipeline)["PipelineDefinition"]) == wanted)

        wait_until(known, 120, f"SageMaker to have the new definition of {pipeline}")

    def next_second(self, name: str) -> None:
        """Wait until what is created now is younger than an execution: times have a resolution of a second."""
        created = datetime.fromisoformat(self.get("pipelineexecutions", name)["metadata"]["creationTimestamp"])
        wait_until(
            lambda: datetime.now(timezone.utc) >= created + timedelta(seconds=1), HUNG, "the next second", every=0.05
        )

    def control(self, method: str, path: str, body: Any = None) -> None:
        """The sandbox's own levers."""
        url = f"{self.sandbox.aws_endpoint_url}/_sandbox/{path}"
        httpx.request(method, url, json=body, trust_env=False, timeout=HUNG).raise_for_status()

    # -- what the pages show

    def shown(self, client: httpx.Client, name: str) -> dict[str, Any] | None:
        """An execution's row in the list, None where it has none."""
        listed = client.get("/api/executions", params={"search": name}).raise_for_status().json()
        return next((row for row in listed["items"] if row["name"] == name), None)

    def wait_shown(self, client: httpx.Client, name: str, status: str | None = None) -> dict[str, Any]:
        """Wait until the list has an execution, with a status of SageMaker if one is given; its row."""

        def look() -> dict[str, Any] | None:
            row = self.shown(client, name)
            return row if row is not None and status in (None, row["status"]) else None

        return wait_until(look, 120, lambda: f"{name} {status or ''}: {self.shown(client, name)}")

    def detail(self, client: httpx.Client, name: str) -> dict[str, Any]:
        """All about an execution."""
        found: dict[str, Any] = client.get(f"/api/executions/default/{name}").raise_for_status().json()
        return found

    def whole_detail(self, client: httpx.Client, name: str) -> dict[str, Any]:
        """All about an execution, once everybody whom the page asks has answered."""

        def answered() -> dict[str, Any] | None:
            found = self.detail(client, name)
            notes = f"{found['graph']['note']} {found['graph']['steps_note']}"
            return None if any(word in notes for word in STILL_ASKED) else found

        return wait_until(answered, HUNG, lambda: f"the steps of {name}: {self.detail(client, name)['graph']}")

    def difference(self, client: httpx.Client, name: str) -> dict[str, Any]:
        """What has changed in an execution's definition, once SageMaker has told both."""

        def answered() -> dict[str, Any] | None:
            found: dict[str, Any] = client.get(f"/api/executions/default/{name}/diff").raise_for_status().json()
            return None if any(word in f"{found['note']}" for word in STILL_ASKED) else found

        return wait_until(answered, HUNG, f"the difference of {name}")

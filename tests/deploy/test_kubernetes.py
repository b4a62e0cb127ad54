"""The manifests, and the script that takes everything out of a cluster and loses nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_ack_sagemaker.core.doctor.rights import LIFECYCLE_KINDS, PIPELINE_KINDS, VERBS
from airflow_ack_sagemaker.core.resource.kinds import GROUP, KINDS, Kind
from airflow_ack_sagemaker.sandbox import Sandbox
from harness.waiting import HUNG
from tests.contract.servers import API, Namespace, Server

DEPLOY = Path(__file__).parents[2] / "deploy"
PLURALS = {kind.plural for kind in KINDS.values()}


def documents(name: str) -> list[Any]:
    return [one for one in yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text()) if one]


@pytest.mark.parametrize("name", ["rbac.yaml", "rbac-lifecycle.yaml", "rbac-page.yaml", "rbac-page-lifecycle.yaml"])
def test_roles_grant_verbs_on_our_kinds_and_nothing_else(name: str) -> None:
    found = {document["kind"]: document for document in documents(name)}
    for rule in found["Role"]["rules"]:
        assert rule["apiGroups"] == [GROUP]
        assert set(rule["resources"]) <= PLURALS
        assert set(rule["verbs"]) <= set(VERBS)
    assert found["RoleBinding"]["roleRef"]["name"] == found["Role"]["metadata"]["name"]


@pytest.mark.parametrize(("name", "kinds"), [("rbac.yaml", PIPELINE_KINDS), ("rbac-lifecycle.yaml", LIFECYCLE_KINDS)])
def test_the_doctor_asks_for_what_the_roles_grant(name: str, kinds: tuple[Kind, ...]) -> None:
    role = next(one for one in documents(name) if one["kind"] == "Role")
    granted = {(plural, verb) for rule in role["rules"] for plural in rule["resources"] for verb in rule["verbs"]}
    assert granted == {(kind.plural, verb) for kind in kinds for verb in VERBS}


@pytest.mark.parametrize("name", ["rbac-page.yaml", "rbac-page-lifecycle.yaml"])
def test_the_pages_may_change_nothing(name: str) -> None:
    role = next(one for one in documents(name) if one["kind"] == "Role")
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}


def test_the_kinds_that_airflow_may_touch_are_reconciled() -> None:
    values = yaml.safe_load((DEPLOY / "helm" / "values.yaml").read_text())
    reconciled = {KINDS[kind].plural for kind in values["reconcile"]["resources"]}
    roles = [one for name in ("rbac.yaml", "rbac-lifecycle.yaml") for one in documents(name) if one["kind"] == "Role"]
    assert {plural for role in roles for rule in role["rules"] for plural in rule["resources"]} == reconciled


def test_the_newest_controller_is_in_the_compose_file() -> None:
    compose = yaml.safe_load((DEPLOY.parent / "docker-compose.yaml").read_text())
    image = compose["services"]["ack-controller"]["image"]
    assert image == "public.ecr.aws/aws-controllers-k8s/sagemaker-controller:1.9.1"


UNINSTALL = DEPLOY / "uninstall.sh"


class Uninstall:
    """The script, as an administrator of one server calls it.

    :param kubeconfig: leads to the server.
    :param before: what is done, in bash with ``$kubectl``, before kubectl is called with arguments that a pattern fits.
    """

    def __init__(self, kubeconfig: Any, folder: Path, kubectl: Path, before: dict[str, str] | None = None) -> None:
        (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
        cases = "\n".join(f"  {pattern}) {deed} ;;" for pattern, deed in (before or {}).items())
        shim = folder / "bin" / "kubectl"
        shim.parent.mkdir()
        shim.write_text(f'#!/bin/bash\nkubectl={kubectl}\ncase "$*" in\n{cases}\nesac\nexec $kubectl "$@"\n')
        shim.chmod(0o755)
        path = f"{shim.parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {"PATH": path, "KUBECONFIG": str(folder / "kubeconfig"), "HOME": str(folder)}

    def __call__(self, *namespaces: str) -> subprocess.CompletedProcess[str]:
        command = [str(UNINSTALL), *namespaces]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=HUNG, check=False)


class Executions:
    """Those of a namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self._server = namespace.server
        self._path = f"{API}/namespaces/{namespace.name}/pipelineexecutions"

    def launch(self, name: str) -> None:
        """One that no controller has seen yet."""
        self._server.done("POST", self._path, execution(name))

    def says(self, name: str, status: str) -> None:
        merge = "application/merge-patch+json"
        self._server.done(
            "PATCH", f"{self._path}/{name}/status", {"status": {"pipelineExecutionStatus": status}}, media=merge
        )

    def names(self) -> list[str]:
        """Those that are not being deleted."""
        items = self._server.done("GET", self._path)["items"]
        return [one["metadata"]["name"] for one in items if "deletionTimestamp" not in one["metadata"]]


def execution(name: str) -> dict[str, Any]:
    metadata, spec = {"name": name}, {"pipelineName": "abalone"}
    return {"apiVersion": f"{GROUP}/v1alpha1", "kind": "PipelineExecution", "metadata": metadata, "spec": spec}


def creates(folder: Path, body: dict[str, Any], namespace: Namespace) -> str:
    """Bash that creates a resource, once."""
    file = folder / f"{body['metadata']['name']}.json"
    file.write_text(json.dumps(body))
    return f"$kubectl create --namespace {namespace.name} --filename {file} >&2; rm -f {file}"


@pytest.fixture
def executions(namespace: Namespace) -> Executions:
    return Executions(namespace)


def test_the_script_knows_each_kind_and_each_end() -> None:
    words = {
        name: set(value.split())
        for name, value in re.findall(r'^(jobs|kept|ended)="([^"]+)"$', UNINSTALL.read_text(), re.MULTILINE)
    }
    jobs = [kind for kind in KINDS.values() if kind.is_job]
    assert words["jobs"] == {kind.plural for kind in jobs}
    assert words["jobs"] | words["kept"] == PLURALS
    assert words["ended"] == {status for kind in jobs for status in kind.succeeded | kind.failed | kind.stopped}


def test_a_kubectl_that_fails_is_not_an_answer(
    server: Server, namespace: Namespace, executions: Executions, kubectl_binary: Path, tmp_path: Path
) -> None:
    """The API server is away for one question: whether something runs."""
    executions.launch("running")
    executions.says("running", "Executing")
    away = {"get?pipelineexecutions*": "echo Unable to connect to the server >&2; exit 1"}
    done = Uninstall(server.kubeconfig, tmp_path, kubectl_binary, away)(namespace.name)
    assert done.returncode != 0
    assert "Unable to connect" in done.stderr
    assert executions.names() == ["running"]


def test_a_cluster_of_an_older_controller_has_fewer_kinds(kubectl_binary: Path, tmp_path: Path) -> None:
    with Sandbox(components=("kubernetes",), directory=tmp_path / "sandbox") as sandbox:
        shell = {**os.environ, "KUBECONFIG": str(sandbox.kubeconfig_path)}

        def kubectl(*arguments: str) -> str:
            command = [str(kubectl_binary), *arguments]
            return subprocess.run(command, env=shell, check=True, capture_output=True, text=True, timeout=HUNG).stdout

        lacking = {"inferencecomponents", "labelingjobs", "projects"}
        kubectl("delete", "crd", *(f"{plural}.{GROUP}" for plural in sorted(lacking)))
        (tmp_path / "ended.json").write_text(json.dumps(execution("ended")))
        kubectl("create", "--filename", str(tmp_path / "ended.json"))
        status = json.dumps({"status": {"pipelineExecutionStatus": "Succeeded"}})
        kubectl("patch", "pipelineexecutions", "ended", "--subresource=status", "--type=merge", f"--patch={status}")
        uninstall = Uninstall(yaml.safe_load(sandbox.kubeconfig_path.read_text()), tmp_path, kubectl_binary)
        done = uninstall("default")
        assert done.returncode == 0, done
        assert {line.removeprefix("This cluster has no ").rstrip(".") for line in done.stderr.splitlines()} == lacking
        assert kubectl("get", "pipelineexecutions", "--output=name") == ""
        kubectl("delete", "crd", *(f"{plural}.{GROUP}" for plural in sorted(PLURALS - lacking)))
        assert uninstall("default").returncode == 1


@pytest.mark.parametrize("at", [f"get?pipelineexecutions.{GROUP}?--namespace*", "delete?pipelineexecutions*"])
def test_what_is_launched_meanwhile_goes_on(
    at: str, server: Server, namespace: Namespace, executions: Executions, kubectl_binary: Path, tmp_path: Path
) -> None:
    """After the first look, and after the last one: it has no status, and deleting it would stop it."""
    executions.launch("ended")
    executions.says("ended", "Succeeded")
    late = {at: creates(tmp_path, execution("late"), namespace)}
    done = Uninstall(server.kubeconfig, tmp_path, kubectl_binary, late)(namespace.name)
    assert done.returncode == 1
    assert "PipelineExecution late" in done.stderr
    assert "late" in executions.names()


def test_what_is_made_meanwhile_keeps_its_thing_in_aws(
    server: Server, namespace: Namespace, kubectl_binary: Path, tmp_path: Path
) -> None:
    """Without the policy "retain" the controller would delete the endpoint, too."""

    def endpoint(name: str) -> dict[str, Any]:
        spec = {"endpointName": name, "endpointConfigName": "c"}
        return {"apiVersion": f"{GROUP}/v1alpha1", "kind": "Endpoint", "metadata": {"name": name}, "spec": spec}

    endpoints = f"{API}/namespaces/{namespace.name}/endpoints"
    server.done("POST", endpoints, endpoint("early"))
    late = {"delete?endpoints.*": creates(tmp_path, endpoint("late"), namespace)}
    done = Uninstall(server.kubeconfig, tmp_path, kubectl_binary, late)(namespace.name)
    assert done.returncode == 1
    assert "Endpoint late" in done.stderr
    assert [one["metadata"]["name"] for one in server.done("GET", endpoints)["items"]] == ["late"]


def test_uninstalling_stops_nothing_and_loses_nothing(
    server: Server, namespace: Namespace, executions: Executions, kubectl_binary: Path, tmp_path: Path
) -> None:
    """A pipeline waits for its controller to go: what it is told then is seen on it."""
    uninstall = Uninstall(server.kubeconfig, tmp_path, kubectl_binary)
    assert uninstall().returncode == 2
    namespace.create("abalone", finalizers=["finalizers.sagemaker.services.k8s.aws/Pipeline"])
    executions.launch("e")
    for status in (None, "Executing", "Stopping", "SomethingNew"):
        if status:
            executions.says("e", status)
        refused = uninstall(namespace.name)
        assert refused.returncode == 1, refused
        assert f"PipelineExecution e {status or '(no status yet)'}" in refused.stderr
        assert "pause the DAGs" in refused.stderr
        assert executions.names() == ["e"]
        assert "deletionTimestamp" not in namespace.get("abalone")["metadata"]
    executions.says("e", "Succeeded")
    process = subprocess.Popen(
        [str(UNINSTALL), namespace.name],
        env=uninstall.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in process.stdout or ():
            if line.startswith("pipeline.") and "deleted" in line:
                break
        metadata = namespace.get("abalone")["metadata"]
        assert metadata["annotations"]["services.k8s.aws/deletion-policy"] == "retain"
        assert "deletionTimestamp" in metadata
        namespace.patch("abalone", {"metadata": {"finalizers": None}})  # the controller lets it go
        process.communicate(timeout=HUNG)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
    assert server.done("GET", namespace.pipelines)["items"] == []
    assert executions.names() == []

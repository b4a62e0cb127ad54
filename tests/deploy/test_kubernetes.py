"""The manifests, and the script that takes everything out of a cluster and loses nothing."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_ack_sagemaker.core.resource.kinds import GROUP, KINDS
from airflow_ack_sagemaker.kube.access import VERBS
from tests.contract.servers import API, Namespace, Server
from tests.support.kubectl import NoKubectl, find

DEPLOY = Path(__file__).parents[2] / "deploy"
PLURALS = {kind.plural for kind in KINDS.values()}


def documents(name: str) -> list[Any]:
    return [one for one in yaml.safe_load_all((DEPLOY / "kubernetes" / name).read_text()) if one]


@pytest.mark.parametrize("name", ["rbac.yaml", "rbac-lifecycle.yaml", "rbac-page.yaml"])
def test_roles_grant_verbs_on_our_kinds_and_nothing_else(name: str) -> None:
    found = {document["kind"]: document for document in documents(name)}
    for rule in found["Role"]["rules"]:
        assert rule["apiGroups"] == [GROUP]
        assert set(rule["resources"]) <= PLURALS
        assert set(rule["verbs"]) <= set(VERBS)
    assert found["RoleBinding"]["roleRef"]["name"] == found["Role"]["metadata"]["name"]


def test_the_pages_may_change_nothing() -> None:
    role = next(one for one in documents("rbac-page.yaml") if one["kind"] == "Role")
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


class Uninstall:
    """The script, as an administrator of one server calls it."""

    def __init__(self, server: Server, folder: Path) -> None:
        try:
            kubectl = find()
        except NoKubectl as missing:
            if os.environ.get("CI", "").lower() == "true":
                pytest.fail(f"In CI the script must run with kubectl: {missing}", pytrace=False)
            pytest.skip(f"No kubectl: {missing}")
        (folder / "kubeconfig").write_text(json.dumps(server.kubeconfig))
        path = f"{kubectl.parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = {"PATH": path, "KUBECONFIG": str(folder / "kubeconfig"), "HOME": str(folder)}

    def __call__(self, *namespaces: str) -> subprocess.CompletedProcess[str]:
        command = [str(DEPLOY / "uninstall.sh"), *namespaces]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=300, check=False)


def test_uninstalling_stops_nothing_and_loses_nothing(server: Server, namespace: Namespace, tmp_path: Path) -> None:
    """A pipeline waits for its controller to go: what it is told then is seen on it."""
    uninstall = Uninstall(server, tmp_path)
    assert uninstall().returncode == 2
    namespace.create("abalone", finalizers=["finalizers.sagemaker.services.k8s.aws/Pipeline"])
    executions = f"{API}/namespaces/{namespace.name}/pipelineexecutions"
    body = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "PipelineExecution", "metadata": {"name": "e"}}
    server.done("POST", executions, {**body, "spec": {"pipelineName": "abalone"}})

    def says(status: str) -> None:
        merge = "application/merge-patch+json"
        server.done("PATCH", f"{executions}/e/status", {"status": {"pipelineExecutionStatus": status}}, media=merge)

    says("Executing")
    refused = uninstall(namespace.name)
    assert refused.returncode == 1, refused
    assert "e Executing" in refused.stderr
    assert "deletionTimestamp" not in namespace.get("abalone")["metadata"]
    says("Succeeded")
    process = subprocess.Popen(
        [str(DEPLOY / "uninstall.sh"), namespace.name],
        env=uninstall._environment,
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
        process.communicate(timeout=300)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()
    assert server.done("GET", namespace.pipelines)["items"] == []
    assert server.done("GET", executions)["items"] == []

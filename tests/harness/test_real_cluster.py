"""A cluster that somebody gives to the tests: who may use it, and that it is left as it was."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from harness.controlplane import ControlPlane, NoControlPlane
from harness.plain_client import CRDS, connect
from harness.real_cluster import RealCluster, make_namespace
from harness.waiting import HUNG
from tests.support import api_servers, environment
from tests.support.borrowed import borrowed

ROOT = Path(__file__).parents[2]
MERGE = {"Content-Type": "application/merge-patch+json"}
PLUGIN = """\
#!/bin/sh
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "'$TOKEN'"}}'
"""


@pytest.fixture(scope="module")
def somebodys(real_cluster: RealCluster) -> Iterator[ControlPlane]:
    """A control plane without our kinds; where there is no real one at all, this is skipped, too."""
    with ControlPlane() as found:
        yield found


@pytest.fixture
def kubeconfig(somebodys: ControlPlane, tmp_path: Path) -> Path:
    """The kubeconfig of somebody with an exec plugin, which gets its credential from the environment."""
    config = somebodys.kubeconfig()
    (tmp_path / "ca.crt").write_text(somebodys.ca)
    config["clusters"][0]["cluster"] = {"server": somebodys.url, "certificate-authority": "ca.crt"}
    plugin = tmp_path / "plugin"
    plugin.write_text(PLUGIN)
    plugin.chmod(0o755)
    version = "client.authentication.k8s.io/v1"
    config["users"][0]["user"] = {"exec": {"apiVersion": version, "command": "./plugin", "interactiveMode": "Never"}}
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


def state(client: httpx.Client) -> dict[str, Any]:
    """Names of what is not ours to leave behind. What a namespace holds goes with it, which takes a controller."""

    def names(path: str) -> set[str]:
        items = client.get(path).raise_for_status().json()["items"]
        return {item["metadata"]["name"] for item in items if not item["metadata"].get("deletionTimestamp")}

    return {
        path: names(path)
        for path in (CRDS, "/api/v1/namespaces", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings")
    }


def test_a_given_cluster_is_left_as_it_was(somebodys: ControlPlane, kubeconfig: Path, tmp_path: Path) -> None:
    with connect(somebodys.kubeconfig()) as admin:
        variables = {"TOKEN": somebodys.token}
        make_namespace(admin, "theirs")
        admin.patch("/api/v1/namespaces/theirs", json={"metadata": {"labels": None}}, headers=MERGE).raise_for_status()
        before = state(admin)
        with (
            borrowed(kubeconfig, tmp_path / "borrowed", variables) as path,
            RealCluster(tmp_path / "files", "airflow-here", path) as cluster,
        ):
            with cluster.client() as client:
                make_namespace(client, "case")
                make_namespace(client, "theirs")
                resource = {
                    "apiVersion": API_VERSION,
                    "kind": "PipelineExecution",
                    "metadata": {"name": "run", "finalizers": ["some.body/else"]},
                    "spec": {"pipelineName": "p"},
                }
                executions = f"/apis/{API_VERSION}/namespaces/case/pipelineexecutions"
                assert client.post(executions, json=resource).status_code == 201
            with connect(cluster.airflow_kubeconfig) as airflow:
                assert airflow.get(executions.replace("case", "airflow-here")).status_code == 200
                assert airflow.get(executions).status_code == 403
            added = {path: names - before[path] for path, names in state(admin).items()}
            assert all(added.values())
        assert state(admin) == before


def test_who_is_not_let_in_is_told(somebodys: ControlPlane, kubeconfig: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(NoControlPlane, match="does not accept its user: HTTP 401"),
        borrowed(kubeconfig, tmp_path / "borrowed", {"TOKEN": "wrong"}),
    ):
        raise AssertionError("let in")


def test_a_cluster_with_the_kinds_is_refused(real_cluster: RealCluster, tmp_path: Path) -> None:
    given = real_cluster.kubeconfig
    with (
        pytest.raises(NoControlPlane, match="already; take one for tests only") as error,
        borrowed(given, tmp_path / "borrowed", {}),
    ):
        raise AssertionError("let in")
    assert str(given) in str(error.value)


def test_a_cluster_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    given = tmp_path / "missing"
    with pytest.raises(NoControlPlane, match=str(given)), borrowed(given, tmp_path / "borrowed", {}):
        raise AssertionError("let in")


@pytest.mark.parametrize(
    ("asked", "found", "go", "expected"),
    [
        ("", "", True, None),
        ("", "", False, None),
        ("", "there", False, "there"),
        # It may be in the environment by accident, and lead to a cluster that somebody works with.
        ("", "there", True, None),
        ("there", "other", True, "there"),
        ("missing:there:other", "", True, "there"),
    ],
)
def test_which_cluster_is_used(
    asked: str, found: str, go: bool, expected: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("there", "other"):
        (tmp_path / name).touch()
    if go:
        (tmp_path / "go").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CONTROLPLANE_BIN", raising=False)
    monkeypatch.setenv(api_servers.EXPLICIT, ":".join(str(tmp_path / name) for name in asked.split(":") if name))
    monkeypatch.setitem(environment.scrubbed, "KUBECONFIG", str(tmp_path / found) if found else "")
    assert api_servers.given() == (expected and tmp_path / expected)


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(api_servers.EXPLICIT, str(tmp_path / "missing"))
    with pytest.raises(NoControlPlane, match=str(tmp_path / "missing")):
        api_servers.given()


@pytest.mark.parametrize(("arguments", "passed"), [(["KUBECONFIG=/mine"], True), ([], False)])
def test_make_passes_on_what_its_command_line_names(arguments: list[str], passed: bool) -> None:
    # Not with the variables of the make that may have started these tests.
    environ = {"PATH": os.environ["PATH"], "KUBECONFIG": "/of-the-environment"}
    installed = [f"--old-file={name}/installed" for name in (".venv", ".venv-floor")]
    command = ["make", "--dry-run", *installed, "test", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True, timeout=HUNG)
    # Those that need no cluster, or always start their own.
    others = re.compile(r"(pytest|loadfile) tests/(core |compose|dag_factory|plugin|ui)")
    runs = [line for line in done.stdout.splitlines() if "-m pytest" in line and not others.search(line)]
    for part in ("tests/airflow", "tests/chaos", "--ignore=", "-m floor"):
        assert any(part in line for line in runs), part
    assert all((f"{api_servers.EXPLICIT}='/mine'" in line) is passed for line in runs)
    assert "/of-the-environment" not in done.stdout

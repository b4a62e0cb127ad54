"""Who may do nothing in a namespace, and who may only read there: each command says which right is missing, and changes
nothing. The sandbox's API server knows no rights, so that only a real one is asked.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_ack_sagemaker.cli.app import Exit
from harness.real_cluster import RealCluster
from tests.cli.stage import Stage
from tests.cli.test_doctor import DEPLOY
from tests.cli.test_promises import ON_A_CLUSTER, PROMISES
from tests.cli.world import Cli

ASKING = sorted(set(ON_A_CLUSTER) - {"render", "validate", "lint", "graph", "values"})
"""The commands that ask a cluster; the others look at definitions."""
WRITTEN = {
    "apply": ("patch", "pipelines"),
    "approve": ("patch", "modelpackages"),
    "collect": ("delete", "pipelineexecutions"),
    "delete": ("delete", "pipelines"),
    "deploy": ("patch", "endpoints"),
    "retry": ("create", "pipelineexecutions"),
    "run": ("create", "pipelineexecutions"),
}
"""What the commands write that have something to write here: `rollback` goes back to what serves already."""
LACKS = re.compile(r'^Error: Cannot .* RBAC must allow verb "(\w+)" on resource "(\w+)" of API group ', re.MULTILINE)

pytestmark = pytest.mark.parametrize("world", ["real"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def rights() -> list[dict[str, Any]]:
    """Airflow's account, its rights and what binds them."""
    files = ("rbac.yaml", "rbac-lifecycle.yaml")
    return [manifest for name in files for manifest in yaml.safe_load_all((DEPLOY / name).read_text())]


@pytest.fixture
def nobody(real_cluster: RealCluster, stage: Stage, rights: list[dict[str, Any]]) -> Path:
    """The kubeconfig of an account without any right."""
    account = next(manifest for manifest in rights if manifest["kind"] == "ServiceAccount")
    return real_cluster.add_namespace(f"{stage.world.namespace}-nobody", [account])


@pytest.fixture
def reader(real_cluster: RealCluster, stage: Stage, rights: list[dict[str, Any]]) -> Path:
    """The kubeconfig of an account that may only read."""
    reading = {"get", "list", "watch"}
    for rule in (rule for manifest in rights for rule in manifest.get("rules", ())):
        rule["verbs"] = [verb for verb in rule["verbs"] if verb in reading]
    return real_cluster.add_namespace(stage.world.namespace, rights)


@pytest.mark.parametrize("name", ASKING)
def test_who_may_do_nothing_is_told_so(name: str, cli: Cli, stage: Stage, nobody: Path) -> None:
    before = stage.asked_for()
    said = cli(name, *stage.typed(PROMISES[name].arguments), environment={"KUBECONFIG": str(nobody)})
    assert stage.asked_for() == before
    if name == "doctor":
        assert said.status == Exit.BAD
        assert "PROBLEM    rights      This user may not get, list, watch, create, patch, delete pipelines " in said.out
        return
    assert (said.status, said.out) == (Exit.FAILED, ""), said
    verbs = {verb for verb, _ in LACKS.findall(said.err)}
    assert verbs in ({"get"}, {"list"}, {"create"}), said.err
    assert len(LACKS.findall(said.err)) == len(re.findall("^Error: ", said.err, re.MULTILINE)), said.err


@pytest.mark.parametrize("name", ASKING)
def test_who_may_read_reads_and_is_told_what_writing_needs(name: str, cli: Cli, stage: Stage, reader: Path) -> None:
    before = stage.asked_for()
    row = PROMISES[name]
    said = cli(name, *stage.typed(row.arguments), environment={"KUBECONFIG": str(reader)})
    assert stage.asked_for() == before
    lacks = set(LACKS.findall(said.err))
    if name in WRITTEN:
        assert (said.status, lacks) == (Exit.FAILED, {WRITTEN[name]}), said
    else:
        assert (said.status, lacks) == (Exit.BAD if name == "doctor" else row.status, set()), said

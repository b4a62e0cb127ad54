"""Least privilege: each right of deploy/kubernetes/rbac.yaml is needed, and what is missing is said by its name.

On the real API server only: the sandbox's has one user, who may do everything.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_ack_sagemaker.core.resource.kinds import GROUP
from airflow_ack_sagemaker.exceptions import AckClusterError, AckNotReconciled
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import from_kubeconfig
from airflow_ack_sagemaker.kube.errors import Forbidden
from airflow_ack_sagemaker.operators.resource import AckResourceOperator
from harness.real_cluster import RBAC, RealCluster
from tests.contract.servers import Server
from tests.kube.rights import LOG, OPERATIONS, Place, Right, execute

Manifest = dict[str, Any]


def shipped() -> list[Manifest]:
    """The documents of the file."""
    return list(yaml.safe_load_all(RBAC.read_text()))


def granted() -> list[Right]:
    """What the file grants."""
    [role] = [manifest for manifest in shipped() if manifest["kind"] == "Role"]
    return [(resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]]


def manifests(rights: Iterable[Right]) -> list[Manifest]:
    """The documents of the file, with these rights in their place."""
    rules = [{"apiGroups": [GROUP], "resources": [resource], "verbs": [verb]} for resource, verb in rights]
    return [{**manifest, "rules": rules} if manifest["kind"] == "Role" else manifest for manifest in shipped()]


@pytest.fixture
def airflow_may(
    real_cluster: RealCluster,
    real_server: Server,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> Iterator[Callable[[Iterable[Mapping[str, Any]]], Place]]:
    """``airflow_may(manifests)`` is a place where Airflow's service account has just their rights."""
    record_property("api server", "real")
    with ExitStack() as stack:

        def make(documents: Iterable[Mapping[str, Any]]) -> Place:
            namespace = f"rights-{secrets.token_hex(4)}"
            path = real_cluster.add_namespace(namespace, documents)
            extra = {"kube_config_path": str(path)}
            connection = json.dumps({"conn_type": "kubernetes", "extra": extra})
            monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", connection)
            return Place(real_server, namespace, stack.enter_context(KubeClient(from_kubeconfig(str(path)))))

        yield make


def tried(place: Place, caplog: pytest.LogCaptureFixture) -> dict[str, tuple[str, str]]:
    """How each operation ends, and what is said: ``works``, ``notes``, ``warns`` or ``fails``."""
    found = {}
    for name, operation in OPERATIONS.items():
        caplog.clear()
        try:
            operation.run(place)
        except (Forbidden, AckClusterError) as error:
            found[name] = "fails", str(error)
            continue
        said = [entry for entry in caplog.records if "orbidden" in entry.getMessage()]
        how = max((entry.levelno for entry in said), default=logging.NOTSET)
        text = "\n".join(entry.getMessage() for entry in said)
        found[name] = {logging.NOTSET: "works", logging.INFO: "notes", logging.WARNING: "warns"}[how], text
    return found


@pytest.mark.parametrize("missing", [None, *granted()], ids=lambda right: "-".join(right) if right else "nothing")
def test_without_a_right(
    missing: Right | None,
    airflow_may: Callable[[Iterable[Mapping[str, Any]]], Place],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, LOG.name)
    expected = {
        name: next((how for how in ("needs", "warns", "notes") if missing in getattr(operation, how)), "works")
        for name, operation in OPERATIONS.items()
    }
    assert missing is None or {"needs", "warns"} & set(expected.values()), f"nothing needs {missing}: take it away"
    place = airflow_may(shipped() if missing is None else manifests(set(granted()) - {missing}))
    found = tried(place, caplog)
    assert {name: how.replace("fails", "needs") for name, (how, _) in found.items()} == expected
    for name, (how, text) in found.items():
        if missing and how in ("fails", "warns"):
            resource, verb = missing
            advice = (
                f'RBAC must allow verb "{verb}" on resource "{resource}" of API group "{GROUP}" in namespace '
                f"'{place.namespace}'"
            )
            assert advice in text, name
            assert "deploy/kubernetes/rbac.yaml" in text, name


def test_another_kind_needs_more_and_the_file_says_what(
    airflow_may: Callable[[Iterable[Mapping[str, Any]]], Place],
) -> None:
    applied = AckResourceOperator(
        task_id="t", kind="Model", name="m", spec={"modelName": "m"}, wait_for_completion=False, reconcile_timeout=0
    )
    place = airflow_may(shipped())
    with pytest.raises(AckClusterError, match='"get" on resource "models" of API group'):
        execute(applied)
    # The comment in the file, followed to the letter.
    text = RBAC.read_text()
    [line] = re.findall(r"^ *resources: .*$", text, re.MULTILINE)
    assert "models" in text
    extended = text.replace(line, line.replace("]", ", models]"))
    place = airflow_may(list(yaml.safe_load_all(extended)))
    with pytest.raises(AckNotReconciled):
        execute(applied)
    model = place.admin.done("GET", f"/apis/{GROUP}/v1alpha1/namespaces/{place.namespace}/models/m")
    assert model["spec"] == {"modelName": "m"}


def test_the_readme_grants_nothing_else() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert RBAC.relative_to(Path(__file__).parents[2]).as_posix() in readme
    assert "verbs:" not in readme, "one Role, in one place"

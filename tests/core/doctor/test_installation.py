"""Is the controller installed, alive and watching: what can be told from what any user sees."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import airflow_ack_sagemaker
from airflow_ack_sagemaker.core.doctor.installation import (
    NEEDED_FIELDS,
    fields_served,
    kinds_served,
    lease,
    served_kinds,
    watched,
)
from airflow_ack_sagemaker.core.doctor.lines import Level, Line, worst
from airflow_ack_sagemaker.core.doctor.roles import TRUST, plausible_role, trusts_sagemaker
from airflow_ack_sagemaker.core.resource.advice import CONTROLLER_LOG

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
ROLE = "arn:aws:iam::123456789012:role/sagemaker"


def time(minutes_ago: float) -> str:
    return (NOW - timedelta(minutes=minutes_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def resource(kind: str, name: str, *, changed: float, written: float | None) -> dict[str, Any]:
    """A resource whose spec was changed, and whose status was written, so many minutes ago."""
    managed: list[dict[str, Any]] = [{"manager": "us", "time": time(changed), "fieldsV1": {"f:spec": {}}}]
    if written is not None:
        managed.append({"manager": "ack", "time": time(written), "subresource": "status"})
    return {
        "kind": kind,
        "metadata": {"name": name, "namespace": "ml", "creationTimestamp": time(600), "managedFields": managed},
        "spec": {},
        "status": {} if written is None else {"conditions": []},
    }


def openapi() -> dict[str, Any]:
    """A document with exactly the needed fields."""
    schemas = {}
    for kind, paths in NEEDED_FIELDS.items():
        schema: dict[str, Any] = {
            "x-kubernetes-group-version-kind": [{"group": "sagemaker.services.k8s.aws", "kind": kind}]
        }
        for path in paths:
            place = schema
            for part in path.split("."):
                place = place.setdefault("properties", {}).setdefault(part, {})
        schemas[f"aws.{kind}"] = schema
    return {"components": {"schemas": schemas}}


def test_kinds() -> None:
    both = {"resources": [{"kind": "Pipeline"}, {"kind": "PipelineExecution"}, {"kind": "Model"}]}
    assert kinds_served(served_kinds(both)).level is Level.OK
    assert kinds_served(served_kinds({})).level is Level.PROBLEM
    some = kinds_served(served_kinds({"resources": [{"kind": "Pipeline"}]}))
    assert some.what == "The cluster does not know PipelineExecution"


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind, paths in NEEDED_FIELDS.items() for path in paths])
def test_each_needed_field_is_missed(kind: str, path: str) -> None:
    document = openapi()
    assert fields_served(document).level is Level.OK
    older = copy.deepcopy(document)
    place = older["components"]["schemas"][f"aws.{kind}"]
    *parents, last = path.split(".")
    for part in parents:
        place = place["properties"][part]
    del place["properties"][last]
    line = fields_served(older)
    assert line.level is Level.PROBLEM
    assert f"{kind}.{path}" in line.what


def test_a_lease() -> None:
    document = {"metadata": {"namespace": "ack-system"}, "spec": {"renewTime": time(0.1), "holderIdentity": "pod-1"}}
    assert lease(document, NOW).level is Level.OK
    document["spec"]["renewTime"] = time(5)
    assert lease(document, NOW).level is Level.PROBLEM
    assert lease({}, NOW).level is Level.PROBLEM


def said(*resources: dict[str, Any]) -> list[Line]:
    return list(watched(resources, "ml", NOW))


def test_nothing_tells_of_a_controller_in_an_empty_namespace() -> None:
    (line,) = said()
    assert line.level is Level.SKIPPED


def test_nobody_has_ever_answered() -> None:
    (line,) = said(resource("Pipeline", "a", changed=5, written=None))
    assert (line.level, "never" not in line.what) == (Level.PROBLEM, True)
    assert "Nobody reconciles this namespace" in line.what
    young = resource("Pipeline", "a", changed=0.2, written=None)
    young["metadata"]["creationTimestamp"] = time(0.2)
    assert said(young) == []


def test_one_kind_is_not_watched() -> None:
    lines = said(
        resource("Pipeline", "a", changed=60, written=59), resource("PipelineExecution", "b", changed=30, written=None)
    )
    assert [line.level for line in lines] == [Level.OK, Level.PROBLEM]
    assert "Nobody reconciles PipelineExecution here, while other kinds are" in lines[1].what
    assert "reconcile.resources" in lines[1].todo


def test_the_controller_has_stopped() -> None:
    lines = said(
        resource("Pipeline", "a", changed=60, written=59),
        resource("PipelineExecution", "b", changed=50, written=49),
        resource("PipelineExecution", "c", changed=30, written=None),
    )
    assert "has stopped answering: 1 changed" in lines[1].what
    changed = resource("Pipeline", "a", changed=10, written=59)
    assert "has stopped answering" in said(changed)[1].what


def test_all_is_answered() -> None:
    lines = said(resource("Pipeline", "a", changed=60, written=59))
    assert [line.level for line in lines] == [Level.OK]
    assert worst(lines) is Level.OK


def pipeline(role: str, owner: str | None = "123456789012") -> dict[str, Any]:
    status = {"ackResourceMetadata": {"ownerAccountID": owner}} if owner else {}
    return {"metadata": {"name": "a", "namespace": "ml"}, "spec": {"roleARN": role}, "status": status}


def test_plausible_roles() -> None:
    assert plausible_role(pipeline(ROLE)) is None
    assert plausible_role(pipeline(ROLE, owner=None)) is None
    other = plausible_role(pipeline(ROLE, owner="210987654321"))
    assert other is not None
    assert "another account" in other.what
    assert plausible_role(pipeline("arn:aws:iam::123456789012:user/me")) is not None


@pytest.mark.parametrize(
    ("statement", "level"),
    [
        (TRUST["Statement"][0], Level.OK),
        ({"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com", "sagemaker.amazonaws.com"]},
          "Action": ["sts:AssumeRole", "sts:TagSession"]}, Level.OK),
        ({"Effect": "Deny", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
         Level.PROBLEM),
        ({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"},
         Level.PROBLEM),
        ({"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:TagSession"},
         Level.PROBLEM),
    ],
)  # fmt: skip
def test_trust(statement: dict[str, Any], level: Level) -> None:
    assert trusts_sagemaker(ROLE, {"Statement": [statement]}).level is level
    assert trusts_sagemaker(ROLE, {"Statement": statement}).level is level


def test_no_text_names_a_deployment_that_is_not_there() -> None:
    """Helm names it after the release, and the EKS capability has none."""
    package = Path(airflow_ack_sagemaker.__path__[0])
    wrong = [path for path in package.rglob("*.py") if "deployment/" in path.read_text()]
    assert wrong == []
    assert "-l k8s-app=sagemaker-chart" in CONTROLLER_LOG
    assert "describe-capability" in CONTROLLER_LOG

"""The chart refuses no unknown key, so that a typo in a values file is silent: here none is.

What the chart 1.9.1 takes, read from its values.yaml and templates. Two keys of its schema are misspelt there
(``defaultMaxConcurentSyncs``, ``fullNameOverride``) and are read by no template.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_ack_sagemaker.core.resource.kinds import KINDS

HELM = Path(__file__).parents[2] / "deploy" / "helm"
FILES = sorted(HELM.glob("*.yaml"))
ANY: dict[str, Any] = {"*": object}
BY_KIND: dict[str, Any] = dict.fromkeys(KINDS, int)
QUANTITIES = {"memory": str, "cpu": (str, int)}
CHART: dict[str, Any] = {
    "image": {"repository": str, "tag": str, "pullPolicy": str, "pullSecrets": list},
    "nameOverride": str,
    "fullnameOverride": str,
    "deployment": {
        "annotations": ANY, "labels": ANY, "containerPort": int, "replicas": int, "nodeSelector": ANY,
        "tolerations": list, "affinity": ANY, "priorityClassName": str, "hostNetwork": bool, "dnsPolicy": str,
        "strategy": ANY, "extraVolumes": list, "extraVolumeMounts": list, "extraEnvVars": list,
    },
    "role": {"labels": ANY},
    "metrics": {"service": {"create": bool, "type": str}},
    "resources": {"requests": QUANTITIES, "limits": QUANTITIES},
    "aws": {
        "region": str, "endpoint_url": str, "identity_endpoint_url": str, "allow_unsafe_aws_endpoint_urls": bool,
        "credentials": {"secretName": str, "secretKey": str, "profile": str},
    },
    "log": {"enable_development_logging": bool, "level": str},
    "installScope": str,
    "watchNamespace": str,
    "watchSelectors": str,
    "resourceTags": list,
    "deletionPolicy": str,
    "reconcile": {
        "defaultResyncPeriod": int, "resourceResyncPeriods": BY_KIND, "defaultMaxConcurrentSyncs": int,
        "resourceMaxConcurrentSyncs": BY_KIND, "resources": list,
    },
    "serviceAccount": {"create": bool, "name": str, "annotations": ANY},
    "leaderElection": {"enabled": bool, "namespace": str},
    "enableCARM": bool,
    "enableCrossNamespace": bool,
    "featureGates": dict.fromkeys(
        ("ServiceLevelCARM", "TeamLevelCARM", "ReadOnlyResources", "ResourceAdoption", "IAMRoleSelector"), bool
    ),
}  # fmt: skip
"""Key -> its keys, or the type of its value."""


def mistakes(values: Any, known: Any, place: str = "") -> list[str]:
    """What the chart would silently pass over, or choke on."""
    if not isinstance(known, dict):
        fits = isinstance(values, known) and not (isinstance(values, bool) and known is int)
        return [] if fits else [f"{place}: {values!r}"]
    if not isinstance(values, dict):
        return [f"{place}: {values!r} is no mapping"]
    found = []
    for key, value in values.items():
        if key not in known and "*" not in known:
            found.append(f"{place}.{key} is unknown")
        else:
            found += mistakes(value, known.get(key, object), f"{place}.{key}")
    return found


def merged(*files: str) -> Any:
    """What Helm makes of several -f: later ones win, key by key."""
    result: dict[str, Any] = {}
    for name in files:
        _merge(result, yaml.safe_load((HELM / name).read_text()))
    return result


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_value_is_silently_passed_over(path: Path) -> None:
    assert mistakes(yaml.safe_load(path.read_text()), CHART) == []


def test_typos_are_found() -> None:
    wrong = {"reconcile": {"defaultMaxConcurentSyncs": 2, "resourceResyncPeriods": {"Pipelines": 1}}}
    assert mistakes(wrong, CHART) == [
        ".reconcile.defaultMaxConcurentSyncs is unknown",
        ".reconcile.resourceResyncPeriods.Pipelines is unknown",
    ]
    assert mistakes({"leaderElection": {"enabled": "yes"}}, CHART) == [".leaderElection.enabled: 'yes'"]
    assert mistakes({"deployment": {"replicas": True}}, CHART) == [".deployment.replicas: True"]


def test_the_controller_starts_with_them() -> None:
    values = merged("values.yaml")
    assert values["aws"]["region"], "without a region it exits"
    assert set(values["reconcile"]["resources"]) <= set(KINDS), "with an unknown kind it exits"
    assert set(values["reconcile"]["resourceResyncPeriods"]) <= set(values["reconcile"]["resources"])
    assert {"Pipeline", "PipelineExecution"} <= set(values["reconcile"]["resources"])
    assert all(seconds > 0 for seconds in values["reconcile"]["resourceResyncPeriods"].values())
    several = merged("values.yaml", "values-several-accounts.yaml")
    assert several["featureGates"]["IAMRoleSelector"] is not several["enableCARM"], "with both it exits"


@pytest.mark.parametrize("more", [[], ["values-100.yaml"], ["values-1000.yaml"]])
def test_sizes(more: list[str]) -> None:
    values = merged("values.yaml", *more)
    for resource in ("cpu", "memory"):
        low, high = (_amount(values["resources"][part][resource]) for part in ("requests", "limits"))
        assert low <= high
    if values.get("deployment", {}).get("replicas", 1) > 1:
        assert values["leaderElection"]["enabled"], "without it both would reconcile"


def test_more_executions_get_more() -> None:
    sizes = [merged("values.yaml"), merged("values.yaml", "values-100.yaml"), merged("values.yaml", "values-1000.yaml")]
    for of in (
        lambda values: values["reconcile"]["resourceMaxConcurrentSyncs"]["PipelineExecution"],
        lambda values: _amount(values["resources"]["limits"]["memory"]),
        lambda values: _amount(values["resources"]["limits"]["cpu"]),
    ):
        amounts = [of(values) for values in sizes]
        assert amounts == sorted(set(amounts))


def _amount(quantity: str | int) -> float:
    match = re.fullmatch(r"(\d+)(m|Mi|Gi)?", str(quantity))
    assert match is not None, quantity
    return int(match[1]) * {"m": 1e-3, "Mi": 2**20, "Gi": 2**30}.get(match[2] or "", 1)

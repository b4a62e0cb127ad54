"""`helm template` of our values: with the official chart where a registry has it, else with one of its values alone.

    make test-helm

The second is made here, from what `test_values.CHART` knows of the official one: its schema refuses every key that is
not there, so that Helm itself, which merges the files, says whether it takes them.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.clients.environment import helm
from tests.deploy.test_values import CHART, HELM, merged

OFFICIAL = "oci://public.ecr.aws/aws-controllers-k8s/sagemaker-chart"
VERSION = "1.9.1"
CHOICES = [
    ["values.yaml"],
    ["values.yaml", "values-100.yaml"],
    ["values.yaml", "values-1000.yaml"],
    ["values.yaml", "values-several-accounts.yaml"],
]
_TYPES = {str: "string", int: "integer", bool: "boolean", list: "array"}


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The official chart, pulled; without its registry one with the same values."""
    folder = tmp_path_factory.mktemp("chart")
    pulled = run("pull", OFFICIAL, "--version", VERSION, "--destination", str(folder))
    if pulled.returncode == 0:
        return str(next(folder.glob("*.tgz")))
    print(f"The official chart cannot be had ({pulled.stderr.strip()[-200:]}): its values' schema stands for it.")
    (folder / "templates").mkdir()
    (folder / "Chart.yaml").write_text(json.dumps({"apiVersion": "v2", "name": "values", "version": VERSION}))
    (folder / "values.schema.json").write_text(json.dumps(schema(CHART)))
    (folder / "templates" / "values.yaml").write_text("values: {{ .Values | toJson }}\n")
    return str(folder)


def schema(known: Any) -> dict[str, Any]:
    """What is known of the chart, as a JSON schema that lets nothing else pass."""
    if isinstance(known, tuple):
        return {"type": [_TYPES[one] for one in known]}
    if not isinstance(known, dict):
        return {"type": _TYPES[known]} if known in _TYPES else {}
    named = {name: schema(value) for name, value in known.items() if name != "*"}
    # Helm puts "global" into every chart's values.
    free = "*" in known
    return {"type": "object", "properties": {**named, "global": {}}, "additionalProperties": free}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(helm()), *arguments], capture_output=True, text=True, check=False)


def template(chart: str, files: list[str], *more: str) -> subprocess.CompletedProcess[str]:
    values = [option for name in files for option in ("-f", str(HELM / name))]
    return run("template", "ack-sagemaker-controller", chart, "--namespace", "ack-system", *values, *more)


@pytest.mark.parametrize("files", CHOICES, ids=lambda files: files[-1])
def test_helm_renders_our_values(chart: str, files: list[str]) -> None:
    rendered = template(chart, files)
    assert rendered.returncode == 0, rendered.stderr
    documents = [one for one in yaml.safe_load_all(rendered.stdout) if one]
    ours = merged(*files)
    if Path(chart).is_dir():
        (values,) = (one["values"] for one in documents)
        assert {key: values[key] for key in ours} == ours, "Helm merges the files as the other tests do"
        return
    (deployment,) = (one for one in documents if one["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    told = "\n".join(container["args"])
    for kind, seconds in ours["reconcile"]["resourceResyncPeriods"].items():
        assert re.search(rf"{kind}={seconds}\b", told), told
    for kind in ours["reconcile"]["resources"]:
        assert kind in told
    assert container["resources"] == ours["resources"]
    assert deployment["spec"]["replicas"] == ours.get("deployment", {}).get("replicas", 1)


def test_a_typo_is_refused(chart: str) -> None:
    """The official chart lets it pass, which is why its stand-in is stricter."""
    wrong = template(chart, ["values.yaml"], "--set", "reconcile.resourceResyncPeriod.Pipeline=1")
    assert (wrong.returncode == 0) is not Path(chart).is_dir()

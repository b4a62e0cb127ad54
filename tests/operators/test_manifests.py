"""Where a manifest comes from, and in which order its resources are applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.manifest import SpecError
from airflow_ack_sagemaker.operators.manifests import read_manifest

YAML = """
apiVersion: sagemaker.services.k8s.aws/v1alpha1
kind: Endpoint
metadata: {name: serve}
spec: {endpointName: serve, endpointConfigName: one}
---
kind: Model
metadata: {name: model}
spec: {modelName: one}
---
kind: EndpointConfig
metadata: {name: config}
spec: {endpointConfigName: one, productionVariants: [{variantName: a, modelName: one}]}
"""


BOMB = "".join(f"a{one}: &a{one} [*a{one - 1}, *a{one - 1}]\n" for one in range(1, 40))


def kinds(given: Any, folder: Path, render: Any = lambda text: text) -> list[str]:
    found = read_manifest(given, folder=folder, aws_conn_id=None, render=render)
    return [each.kind.kind for each in found]


def test_documents_of_yaml_come_in_the_order_of_what_they_need(tmp_path: Path) -> None:
    assert kinds(YAML, tmp_path) == ["Model", "EndpointConfig", "Endpoint"]


def test_a_file_lies_beside_the_dag_and_is_a_template(tmp_path: Path) -> None:
    (tmp_path / "serve.yaml").write_text(YAML.replace("name: serve", "name: NAME"), encoding="utf-8")
    found = read_manifest(
        "serve.yaml", folder=tmp_path, aws_conn_id=None, render=lambda text: text.replace("NAME", "rendered")
    )
    assert found[-1].name == "rendered"


def test_anchors_are_taken(tmp_path: Path) -> None:
    text = "kind: Model\nmetadata: {name: &name one}\nspec: &spec {modelName: *name}\n---\n"
    text += "kind: Model\nmetadata: {name: two}\nspec: &spec {modelName: two}"
    found = read_manifest(text, folder=tmp_path, aws_conn_id=None, render=str)
    assert [each.spec for each in found] == [{"modelName": "one"}, {"modelName": "two"}]


def test_a_list_of_kubectl_and_python_objects_are_taken(tmp_path: Path) -> None:
    assert kinds("kind: List\nitems: [{kind: Model, metadata: {name: a}, spec: {}}]", tmp_path) == ["Model"]
    assert kinds({"kind": "Model", "metadata": {"name": "a"}, "spec": {}}, tmp_path) == ["Model"]
    assert kinds('{"kind": "Model", "metadata": {"name": "a"}, "spec": {}}', tmp_path) == ["Model"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("nowhere.yaml", "nowhere.yaml cannot be read"),
        ("a: [1\nb: 2", "is no YAML"),
        ("just a text", "a resource is a mapping"),
        ("", "has no resource"),
        (f"a0: &a0 [x]\n{BOMB}", "cannot be read: its aliases stand for more than"),
        ("a: &a [*a]", "cannot be read: its aliases stand for more than"),
        ("kind: !!int ''", "is no YAML"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_manifest_is_said(given: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=words):
        kinds(given, tmp_path)

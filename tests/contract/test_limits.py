"""Sizes: what a definition of a megabyte meets on its way."""

from __future__ import annotations

import json

import pytest

from tests.contract.servers import MERGE, Namespace, pipeline
from tests.support.kubectl import Kubectl

LARGEST = 1_040_000


def definition(size: int) -> str:
    """A definition of this many characters."""
    step = {"Name": "Größe <X> & \u2028", "Type": "Training", "Arguments": {"Text": "x" * 2000}}
    head, tail = '{"Version":"2020-12-01","Steps":[', '],"Metadata":{"Text":"' + "y" * 4000
    piece = json.dumps(step, ensure_ascii=False) + ","
    count = (size - len(head) - len(tail) - 100) // len(piece)
    text = head + (piece * count)[:-1] + tail
    text += "z" * (size - len(text) - 3) + '"}}'
    assert len(text) == size
    assert len(json.loads(text)["Steps"]) == count
    return text


def spec(text: str) -> dict[str, str]:
    """A Pipeline's spec with this definition."""
    return {"pipelineName": "a", "roleARN": "r", "pipelineDefinition": text}


def test_largest_definition(namespace: Namespace) -> None:
    text = definition(LARGEST)
    namespace.apply("a", spec(text), "one")
    assert namespace.get("a")["spec"]["pipelineDefinition"] == text
    assert namespace.apply("a", spec(text), "one")["metadata"]["generation"] == 1
    namespace.server.done("DELETE", namespace.path("a"))


def test_largest_definition_with_kubectl(kubectl: Kubectl) -> None:
    text = definition(LARGEST)
    manifest = json.dumps(pipeline("a", spec(text)), ensure_ascii=False)
    assert kubectl("apply", "--server-side", "-f", "-", text=manifest).endswith("serverside-applied\n")
    assert kubectl("get", "pipeline", "a", "-o", "jsonpath={.spec.pipelineDefinition}") == text
    kubectl("delete", "pipeline", "a")
    error = kubectl.error("apply", "-f", "-", text=manifest)
    assert "metadata.annotations: Too long: may not be more than 262144 bytes" in error


def test_annotations(namespace: Namespace) -> None:
    namespace.create("a", annotations={"k": "x" * 262_143})
    status = namespace.server.refused("POST", namespace.pipelines, pipeline("b", annotations={"k": "x" * 262_144}))
    assert status["message"].endswith("metadata.annotations: Too long: may not be more than 262144 bytes")
    body = {"metadata": {"annotations": {"k": "x" * 262_144}}}
    status = namespace.server.refused("PATCH", namespace.path("a"), body, media=MERGE)
    assert status["details"]["causes"][0]["reason"] == "FieldValueTooLong"


def test_object_over_the_limit_of_etcd(namespace: Namespace) -> None:
    status = namespace.apply_refused("a", spec("x" * 1_573_000), "one")
    assert (status["code"], status["message"]) == (500, "etcdserver: request is too large")
    namespace.apply("a", spec("x" * 1_500_000), "one")
    # Angle brackets are stored in six bytes each.
    status = namespace.apply_refused("b", spec("<" * 270_000), "one")
    assert status["message"] == "etcdserver: request is too large"


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_body_over_the_limit(namespace: Namespace, method: str) -> None:
    path = namespace.pipelines if method == "POST" else namespace.path("a")
    media = "application/json" if method == "POST" else MERGE
    status = namespace.server.refused(method, path, pipeline("a", spec("x" * 3_200_000)), media=media)
    assert (status["code"], status["reason"]) == (413, "RequestEntityTooLarge")
    assert status["message"] == "Request entity too large: limit is 3145728"

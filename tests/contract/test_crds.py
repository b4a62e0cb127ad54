"""CustomResourceDefinitions: their life, and ours beside those of the controller."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_ack_sagemaker.core.resource.kinds import GROUP, KINDS, VERSION
from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from airflow_ack_sagemaker.sandbox.crds import load_crds
from harness.waiting import HUNG
from tests.contract.servers import APPLY, TABLE, Object, Server, until
from tests.support.kubectl import Kubectl

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ROOT = Path(__file__).parents[2]
CONTROLLERS = Path(os.environ.get("ACK_CRDS") or ROOT.parent / "shared" / "ack" / "crds")


def definition(group: str) -> Object:
    """A definition of a small kind in a group of its own."""
    properties = {"spec": {"type": "object", "properties": {"text": {"type": "string"}}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": "Thing", "plural": "things", "shortNames": ["th"]},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
                }
            ],
        },
    }


@pytest.fixture
def group(server: Server) -> Iterator[str]:
    """A group that no other case uses."""
    name = f"g{secrets.token_hex(4)}.example.com"
    yield name
    server.request("DELETE", f"{DEFINITIONS}/things.{name}")


def test_life_of_a_definition(server: Server, group: str) -> None:
    name, things = f"things.{group}", f"/apis/{group}/v1/namespaces/default/things"
    assert server.request("GET", things).text == "404 page not found\n"
    answer = server.request("PATCH", f"{DEFINITIONS}/{name}", definition(group), media=APPLY, fieldManager="contract")
    assert answer.status_code == 201

    def established() -> bool:
        conditions = server.done("GET", f"{DEFINITIONS}/{name}").get("status", {}).get("conditions") or []
        return {("Established", "True"), ("NamesAccepted", "True")} <= {(c["type"], c["status"]) for c in conditions}

    until(established, "the definition is established")
    until(lambda: server.request("GET", things).status_code == 200, "the kind is served")
    stored = server.done("GET", f"{DEFINITIONS}/{name}")
    assert stored["spec"]["names"] == {
        "kind": "Thing",
        "listKind": "ThingList",
        "plural": "things",
        "singular": "thing",
        "shortNames": ["th"],
    }
    assert stored["status"]["storedVersions"] == ["v1"]
    thing = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": {"text": "x"}}
    server.done("POST", things, thing)
    assert server.done("GET", things)["kind"] == "ThingList"
    table = server.done("GET", DEFINITIONS, accept=TABLE)
    created = stored["metadata"]["creationTimestamp"]
    cells = [name, "Namespaced", "v1(storage)", created, group, "Thing", "th", True]
    assert [cells[place] for place in server.manner.definition_cells] in [row["cells"] for row in table["rows"]]

    server.done("DELETE", things + "/a")
    server.done("DELETE", f"{DEFINITIONS}/{name}")
    until(lambda: server.request("GET", things).text == "404 page not found\n", "the kind is no longer served")
    until(lambda: server.request("GET", f"{DEFINITIONS}/{name}").status_code == 404, "the definition is gone")


@pytest.mark.parametrize("crd", load_crds(), ids=lambda crd: crd["spec"]["names"]["plural"])
def test_definition_fits_the_kind(crd: Object) -> None:
    spec = crd["spec"]
    kind = KINDS[spec["names"]["kind"]]
    assert (spec["group"], spec["scope"]) == (GROUP, "Namespaced")
    names = {"kind": kind.kind, "listKind": kind.list_kind, "plural": kind.plural, "singular": kind.singular}
    assert spec["names"] == names
    assert crd["metadata"]["name"] == f"{kind.plural}.{GROUP}"
    [version] = spec["versions"]
    assert version["name"] == VERSION
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    if kind.status_field:
        assert kind.status_field in properties["status"]["properties"]
    if kind.name_field:
        assert kind.name_field in properties["spec"]["properties"]


def test_every_kind_has_a_definition() -> None:
    assert {crd["spec"]["names"]["kind"] for crd in load_crds()} == set(KINDS)


@pytest.fixture(scope="module")
def stream() -> str:
    """What ``ack-sagemaker crds`` prints."""
    command = [sys.executable, "-m", "airflow_ack_sagemaker.cli.main", "crds"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=HUNG).stdout


def applied() -> list[str]:
    """What kubectl says when it has applied all definitions."""
    names = (f"{kind.plural}.{GROUP}" for kind in KINDS.values())
    return sorted(f"customresourcedefinition.apiextensions.k8s.io/{name} serverside-applied" for name in names)


def test_one_command_installs_all_definitions(kubectl: Kubectl, stream: str) -> None:
    # They are there already by another manager: a field with another value would be a conflict.
    assert sorted(kubectl("apply", "--server-side", "-f", "-", text=stream).splitlines()) == applied()


def test_the_command_makes_a_bare_server_serve_them(kubectl_binary: Path, tmp_path: Path, stream: str) -> None:
    with ApiServer(crds=[]) as bare:
        (tmp_path / "kubeconfig").write_text(json.dumps(bare.kubeconfig()))
        kubectl = Kubectl(kubectl_binary, tmp_path / "kubeconfig", tmp_path)
        assert sorted(kubectl("apply", "--server-side", "-f", "-", text=stream).splitlines()) == applied()
        served = kubectl("api-resources", f"--api-group={GROUP}", "--output=name").splitlines()
    assert sorted(served) == sorted(f"{kind.plural}.{GROUP}" for kind in KINDS.values())


def undescribed(value: Any, *, names: bool = False) -> Any:
    """The value without its descriptions; below ``properties`` the keys are names, and all stay."""
    if isinstance(value, dict):
        return {
            key: undescribed(member, names=key == "properties" and not names)
            for key, member in value.items()
            if names or key != "description"
        }
    return [undescribed(item) for item in value] if isinstance(value, list) else value


@pytest.fixture
def controllers() -> Path:
    """The folder of the controller's own definitions."""
    if not CONTROLLERS.is_dir():
        pytest.skip(f"The controller's definitions are not at {CONTROLLERS}: set ACK_CRDS to their folder.")
    return CONTROLLERS


def test_no_definition_of_the_controller_is_missing(controllers: Path) -> None:
    theirs = {file.stem.removeprefix(f"{GROUP}_") for file in controllers.glob(f"{GROUP}_*.yaml")}
    assert theirs == {kind.plural for kind in KINDS.values()}


@pytest.mark.parametrize("crd", load_crds(), ids=lambda crd: crd["spec"]["names"]["plural"])
def test_definition_is_that_of_the_controller(controllers: Path, crd: Object) -> None:
    """Field by field: names, scope, printer columns, spec and status with types and required fields."""
    file = controllers / f"{GROUP}_{crd['spec']['names']['plural']}.yaml"
    [theirs] = [document for document in yaml.safe_load_all(file.read_text()) if document]
    assert undescribed(crd["spec"]) == undescribed(theirs["spec"])


MEASURED: Object = {
    "count": {"type": "integer", "minimum": 1, "maximum": 5},
    "share": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1, "exclusiveMaximum": True},
    "even": {"type": "number", "multipleOf": 2},
    "level": {"type": "integer", "enum": [1, 2]},
    "some": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string"}},
    "one": {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": {"type": "integer", "minimum": 3},
    },
    "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
    "map": {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k", "j"],
        "items": {
            "type": "object",
            "required": ["k", "j"],
            "properties": {"k": {"type": "string"}, "j": {"type": "integer"}},
        },
    },
    "either": {"x-kubernetes-int-or-string": True},
    "bytes": {"type": "string", "format": "byte"},
}
TWO_ALIKE = [{"k": "a", "j": 1}, {"k": "b", "j": 1}, {"k": "a", "j": 1}]
REFUSED: tuple[tuple[Object, str], ...] = (
    ({"count": 0}, "spec.count: Invalid value: 0: spec.count in body should be greater than or equal to 1"),
    ({"count": 6}, "spec.count: Invalid value: 6: spec.count in body should be less than or equal to 5"),
    ({"share": 0}, "spec.share: Invalid value: 0: spec.share in body should be greater than 0"),
    ({"share": 1.5}, "spec.share: Invalid value: 1.5: spec.share in body should be less than 1"),
    ({"even": 3}, "spec.even: Invalid value: 3: spec.even in body should be a multiple of 2"),
    ({"level": 3}, 'spec.level: Unsupported value: 3: supported values: "1", "2"'),
    ({"some": []}, "spec.some: Invalid value: 0: spec.some in body should have at least 1 items"),
    ({"some": ["a", "b", "c"]}, "spec.some: Too many: 3: must have at most 2 items"),
    ({"one": {}}, "spec.one: Invalid value: 0: spec.one in body should have at least 1 properties"),
    ({"one": {"a": 3, "b": 4}}, "spec.one: Too many: 2: must have at most 1 item"),
    ({"one": {"a": 2}}, "spec.one.a: Invalid value: 2: spec.one.a in body should be greater than or equal to 3"),
    ({"set": ["a", "b", "a", "a"]}, 'spec.set[2]: Duplicate value: "a"'),
    ({"map": TWO_ALIKE}, 'spec.map[2]: Duplicate value: {"j":1,"k":"a"}'),
    (
        {"either": 1.5},
        'spec.either: Invalid value: "number": spec.either in body must be of type integer,string: "number"',
    ),
    ({"bytes": "!"}, 'spec.bytes: Invalid value: "!": spec.bytes in body must be of type byte: "!"'),
)
TAKEN: tuple[Object, ...] = (
    {"count": 1, "share": 0.5, "even": 4.0, "level": 2, "some": ["a"], "one": {"a": 3}},
    {"set": ["a", "b"], "map": TWO_ALIKE[:2], "either": 1, "bytes": "AA=="},
    {"either": "1", "some": ["a", "a"]},
)


def test_what_a_definition_says_of_values(server: Server, group: str) -> None:
    thing: Object = {"apiVersion": f"{group}/v1", "kind": "Thing"}
    body, things = definition(group), f"/apis/{group}/v1/namespaces/default/things"
    schema = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["properties"] = MEASURED
    server.done("POST", DEFINITIONS, body)
    until(lambda: server.request("GET", things).status_code == 200, "the kind is served")
    for spec, said in REFUSED:
        refused = server.refused("POST", things, {**thing, "metadata": {"name": "a"}, "spec": spec})
        assert refused["message"] == f'Thing.{group} "a" is invalid: {said}'
    for index, spec in enumerate(TAKEN):
        server.done("POST", things, {**thing, "metadata": {"name": f"taken-{index}"}, "spec": spec})
    for member, value, key in (("set", ["a", "a"], '="a"'), ("map", TWO_ALIKE, 'j=1,k="a"')):
        applied = {**thing, "metadata": {"name": "b"}, "spec": {member: value}}
        refused = server.refused("PATCH", f"{things}/b", applied, media=APPLY, fieldManager="contract")
        assert refused["code"] == 500
        assert refused["message"].endswith(f".spec.{member}: duplicate entries for key [{key}]")

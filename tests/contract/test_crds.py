"""CustomResourceDefinitions: their life, and ours beside those of the controller."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_ack_sagemaker.model.kinds import GROUP, KINDS, VERSION
from airflow_ack_sagemaker.sandbox.crds import load_crds
from tests.contract.servers import APPLY, TABLE, Object, Server, until

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CONTROLLERS = Path(os.environ.get("ACK_CRDS") or Path(__file__).parents[3] / "shared" / "ack" / "crds")


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
    assert cells in [row["cells"] for row in table["rows"]]

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


def undescribed(value: Any, *, names: bool = False) -> Any:
    """The value without its descriptions; below ``properties`` the keys are names, and all stay."""
    if isinstance(value, dict):
        return {
            key: undescribed(member, names=key == "properties" and not names)
            for key, member in value.items()
            if names or key != "description"
        }
    return [undescribed(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("crd", load_crds(), ids=lambda crd: crd["spec"]["names"]["plural"])
def test_definition_is_that_of_the_controller(crd: Object) -> None:
    file = CONTROLLERS / f"{GROUP}_{crd['spec']['names']['plural']}.yaml"
    if not CONTROLLERS.is_dir():
        pytest.skip(f"The controller's definitions are not at {CONTROLLERS}: set ACK_CRDS to their folder.")
    [theirs] = [document for document in yaml.safe_load_all(file.read_text()) if document]
    assert undescribed(crd["spec"]) == undescribed(theirs["spec"])

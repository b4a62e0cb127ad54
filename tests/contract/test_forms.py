"""Tables, metadata only, discovery and OpenAPI: what clients draw on before and beside the objects."""

from __future__ import annotations

import pytest

from airflow_ack_sagemaker.core.resource.kinds import KINDS
from tests.contract.servers import API, GROUP, TABLE, Namespace, Server

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VERBS = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}


def columns(server: Server, path: str) -> list[tuple[str, str, int]]:
    """The columns of a table: name, type and priority."""
    table = server.done("GET", path, accept=TABLE)
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    return [(column["name"], column["type"], column["priority"]) for column in table["columnDefinitions"]]


@pytest.mark.parametrize(
    ("plural", "expected"),
    [
        ("pipelines", [("STATUS", "string", 0)]),
        ("pipelineexecutions", [("FAILURE-REASON", "string", 1), ("STATUS", "string", 0)]),
        # A kind without columns of its own shows its age.
        ("models", [("Age", "date", 0)]),
        ("notebookinstancelifecycleconfigs", [("CREATION-TIME", "date", 0), ("LAST-MODIFIED-TIME", "date", 0)]),
    ],
)
def test_columns(server: Server, plural: str, expected: list[tuple[str, str, int]]) -> None:
    assert columns(server, f"{API}/{plural}") == [("Name", "string", 0), *expected]


def test_rows(namespace: Namespace) -> None:
    created = namespace.create("a")
    written = namespace.patch("a", {"status": {"pipelineStatus": "Active"}}, subresource="status")
    namespace.create("b")
    table = namespace.server.done("GET", namespace.pipelines, accept=TABLE)
    assert [row["cells"] for row in table["rows"]] == [["a", "Active"], ["b", None]]
    shown = table["rows"][0]["object"]
    assert (shown["kind"], shown["metadata"]) == ("PartialObjectMetadata", written["metadata"])
    one = namespace.server.done("GET", namespace.path("a"), accept=TABLE)
    assert one["rows"] == table["rows"][:1]
    assert one["metadata"] == {"resourceVersion": written["metadata"]["resourceVersion"]}
    assert created["metadata"]["uid"] == shown["metadata"]["uid"]


@pytest.mark.parametrize("include", ["None", "Object", "Other"])
def test_object_in_a_row(namespace: Namespace, include: str) -> None:
    created = namespace.create("a")
    answer = namespace.server.request("GET", namespace.pipelines, accept=TABLE, includeObject=include)
    if include == "Other":
        assert answer.status_code == 400
    else:
        assert answer.json()["rows"][0]["object"] == (created if include == "Object" else None)


def test_metadata_only(namespace: Namespace) -> None:
    metadata = namespace.create("a")["metadata"]
    expected = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    accept = "application/json;as=PartialObjectMetadata{};v=v1;g=meta.k8s.io"
    assert namespace.server.done("GET", namespace.path("a"), accept=accept.format("")) == expected
    answer = namespace.server.done("GET", namespace.pipelines, accept=accept.format("List"))
    assert (answer["kind"], answer["items"]) == ("PartialObjectMetadataList", [expected])


def test_discovery(server: Server) -> None:
    groups = {group["name"]: group for group in server.done("GET", "/apis")["groups"]}
    version = {"groupVersion": f"{GROUP}/v1alpha1", "version": "v1alpha1"}
    assert groups[GROUP]["versions"] == [version]
    assert server.done("GET", f"/apis/{GROUP}")["preferredVersion"] == version
    entries = {entry["name"]: entry for entry in server.done("GET", API)["resources"]}
    assert set(entries) == {k.plural for k in KINDS.values()} | {f"{k.plural}/status" for k in KINDS.values()}
    for kind in KINDS.values():
        entry = entries[kind.plural]
        assert (entry["kind"], entry["singularName"], entry["namespaced"]) == (kind.kind, kind.singular, True)
        assert set(entry["verbs"]) == VERBS
        assert set(entries[f"{kind.plural}/status"]["verbs"]) == {"get", "patch", "update"}


def test_aggregated_discovery(server: Server) -> None:
    answer = server.request("GET", "/apis", accept=AGGREGATED)
    assert answer.headers["content-type"] == AGGREGATED
    document = answer.json()
    assert (document["kind"], document["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    [group] = [item for item in document["items"] if item["metadata"]["name"] == GROUP]
    [version] = group["versions"]
    found = {resource["resource"]: resource for resource in version["resources"]}
    kind = {"group": GROUP, "version": "v1alpha1", "kind": "Pipeline"}
    assert set(found) == {kind.plural for kind in KINDS.values()}
    assert found["pipelines"]["responseKind"] == kind
    assert found["pipelines"]["scope"] == "Namespaced"
    assert [(sub["subresource"], sub["responseKind"]) for sub in found["pipelines"]["subresources"]] == [
        ("status", kind)
    ]
    core = server.done("GET", "/api", accept=AGGREGATED)["items"][0]["versions"][0]["resources"]
    assert {"namespaces", "events", "secrets", "configmaps"} <= {resource["resource"] for resource in core}


def test_open_api(server: Server) -> None:
    paths = server.done("GET", "/openapi/v3")["paths"]
    document = server.done("GET", paths[f"apis/{GROUP}/v1alpha1"]["serverRelativeURL"])
    base = f"{API}/namespaces/{{namespace}}/pipelines"
    for path, verb, action in (
        (base, "post", "post"),
        (f"{base}/{{name}}", "patch", "patch"),
        (f"{base}/{{name}}", "put", "put"),
    ):
        operation = document["paths"][path][verb]
        assert operation["x-kubernetes-action"] == action
        assert operation["x-kubernetes-group-version-kind"]["kind"] == "Pipeline"
        parameters = {parameter["name"] for parameter in operation["parameters"]}
        assert {"dryRun", "fieldManager", "fieldValidation"} <= parameters
    name = "aws.k8s.services.sagemaker.v1alpha1.Pipeline"
    schema = document["components"]["schemas"][name]
    assert schema["properties"]["spec"]["required"] == ["pipelineName", "roleARN"]
    kinds = [{"group": GROUP, "version": "v1alpha1", "kind": "Pipeline"}]
    assert schema["x-kubernetes-group-version-kind"] == kinds

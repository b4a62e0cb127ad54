"""Creating, reading, replacing and deleting objects."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.servers import API, GROUP, JSON, Namespace, Server, pipeline

DETAILS = {"group": GROUP, "kind": "pipelines"}


def test_created_object(namespace: Namespace) -> None:
    before = datetime.now(UTC)
    created = namespace.create("a")
    after = datetime.now(UTC)
    metadata = created["metadata"]
    assert set(metadata) == {
        "creationTimestamp",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "uid",
    }
    assert metadata["generation"] == 1
    assert metadata["namespace"] == namespace.name
    assert str(uuid.UUID(metadata["uid"])) == metadata["uid"]
    # In whole seconds, and by a clock that may be another one than ours.
    clocks = timedelta(seconds=5)
    assert before - clocks < datetime.fromisoformat(metadata["creationTimestamp"]) < after + clocks
    assert namespace.get("a") == created


def test_what_the_server_sets_cannot_be_given(namespace: Namespace) -> None:
    given = {"uid": "5", "creationTimestamp": "2020-01-01T00:00:00Z", "generation": 7}
    body = pipeline("a", **given, deletionTimestamp="2020-01-01T00:00:00Z") | {"status": {"pipelineStatus": "x"}}
    created = namespace.server.done("POST", namespace.pipelines, body)
    assert created["metadata"]["generation"] == 1
    assert created["metadata"]["uid"] != "5"
    assert "deletionTimestamp" not in created["metadata"]
    assert "status" not in created


def test_versions_grow(namespace: Namespace) -> None:
    versions = [int(namespace.create(name)["metadata"]["resourceVersion"]) for name in ("a", "b", "c")]
    assert versions == sorted(set(versions))


def test_generated_name(namespace: Namespace) -> None:
    body = pipeline("x")
    body["metadata"] = {"generateName": "run-"}
    names = {namespace.server.done("POST", namespace.pipelines, body)["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(re.fullmatch(r"run-[bcdfghjklmnpqrstvwxz2456789]{5}", name) for name in names)


def test_name_is_taken(namespace: Namespace) -> None:
    namespace.create("a")
    status = namespace.server.refused("POST", namespace.pipelines, pipeline("a"))
    assert (status["code"], status["reason"]) == (409, "AlreadyExists")
    assert status["message"] == f'pipelines.{GROUP} "a" already exists'
    assert status["details"] == {"name": "a", **DETAILS}


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_missing_object(namespace: Namespace, method: str) -> None:
    body = pipeline("a") if method == "PUT" else None
    status = namespace.server.refused(method, namespace.path("a"), body)
    assert (status["code"], status["reason"]) == (404, "NotFound")
    assert status["message"] == f'pipelines.{GROUP} "a" not found'
    assert status["details"] == {"name": "a", **DETAILS}


def test_missing_namespace(server: Server) -> None:
    status = server.refused("POST", f"{API}/namespaces/nowhere/pipelines", pipeline("a"))
    assert (status["code"], status["message"]) == (404, 'namespaces "nowhere" not found')
    assert status["details"] == {"name": "nowhere", "kind": "namespaces"}
    assert server.done("GET", f"{API}/namespaces/nowhere/pipelines")["items"] == []


def test_namespace_that_is_being_deleted(namespace: Namespace) -> None:
    # What a finalizer holds keeps the namespace there, also where controllers empty it at once.
    namespace.create("held", finalizers=["example.com/x"])
    namespace.server.done("DELETE", f"/api/v1/namespaces/{namespace.name}")
    status = namespace.server.refused("POST", namespace.pipelines, pipeline("a"))
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert status["message"] == (
        f'pipelines.{GROUP} "a" is forbidden: unable to create new content in namespace {namespace.name} because it is '
        "being terminated"
    )
    assert status["details"]["causes"] == [
        {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace.name} is being terminated",
            "field": "metadata.namespace",
        }
    ]
    namespace.patch("held", {"metadata": {"finalizers": None}})


@pytest.mark.parametrize(
    "path",
    [
        f"{API}/nothings",
        f"{API}/namespaces/default/nothings",
        "/nothing",
        "/apis/no.group/v1",
        "/apis/no.group/v1/things",
    ],
)
def test_unknown_path(server: Server, path: str) -> None:
    answer = server.request("GET", path)
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("token", "code"),
    # A real server takes a request without a token for one of the user system:anonymous; the sandbox has no such user.
    [("Bearer wrong", {401}), ("", {401, 403})],
)
def test_token(server: Server, token: str, code: set[int]) -> None:
    answer = server.http.get(f"{API}/pipelines", headers={"Authorization": token})
    assert answer.status_code in code
    assert answer.json()["kind"] == "Status"


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health(server: Server, path: str) -> None:
    answer = server.http.get(path, headers={"Authorization": ""})
    assert (answer.status_code, answer.text) == (200, "ok")


def test_version(server: Server) -> None:
    assert re.fullmatch(r"v1\.\d+\.\d+.*", server.done("GET", "/version")["gitVersion"])


def test_clock(server: Server) -> None:
    assert server.request("GET", "/version").headers["date"].endswith(" GMT")


def test_replace(namespace: Namespace) -> None:
    obj = namespace.create("a")
    obj["spec"]["pipelineDescription"] = "new"
    replaced = namespace.server.done("PUT", namespace.path("a"), obj)
    assert replaced["spec"]["pipelineDescription"] == "new"
    assert replaced["metadata"]["generation"] == 2
    assert int(replaced["metadata"]["resourceVersion"]) > int(obj["metadata"]["resourceVersion"])


def test_replace_by_the_same_is_no_write(namespace: Namespace) -> None:
    obj = namespace.create("a")
    assert namespace.server.done("PUT", namespace.path("a"), obj) == obj


def test_replace_of_an_old_version(namespace: Namespace) -> None:
    old = namespace.create("a")
    namespace.patch("a", {"spec": {"pipelineDescription": "newer"}})
    status = namespace.server.refused("PUT", namespace.path("a"), old)
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert status["message"] == (
        f'Operation cannot be fulfilled on pipelines.{GROUP} "a": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    assert status["details"] == {"name": "a", **DETAILS}


def test_replace_without_a_version(namespace: Namespace) -> None:
    namespace.create("a")
    status = namespace.server.refused("PUT", namespace.path("a"), pipeline("a"))
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["message"].endswith("metadata.resourceVersion: Invalid value: 0: must be specified for an update")


def test_replace_of_another_object(namespace: Namespace) -> None:
    obj = namespace.create("a")
    obj["metadata"]["uid"] = str(uuid.uuid4())
    assert namespace.server.refused("PUT", namespace.path("a"), obj)["code"] == 409


def test_names_that_disagree(namespace: Namespace) -> None:
    namespace.create("a")
    server = namespace.server
    status = server.refused("PUT", namespace.path("a"), pipeline("b"))
    assert (status["code"], status["message"]) == (
        400,
        "the name of the object (b) does not match the name on the URL (a)",
    )
    status = server.refused("POST", namespace.pipelines, pipeline("c", namespace="elsewhere"))
    assert (status["code"], status["message"]) == (
        400,
        "the namespace of the provided object does not match the namespace sent on the request",
    )


def test_delete(namespace: Namespace) -> None:
    uid = namespace.create("a")["metadata"]["uid"]
    answer = namespace.server.done("DELETE", namespace.path("a"))
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert answer["details"] == {"name": "a", "uid": uid, **DETAILS}
    assert namespace.server.request("GET", namespace.path("a")).status_code == 404


def test_finalizers_hold_a_deleted_object(namespace: Namespace) -> None:
    created = namespace.create("a", finalizers=["example.com/one", "example.com/two"])
    marked = namespace.server.done("DELETE", namespace.path("a"))
    assert marked["kind"] == "Pipeline"
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    assert marked["metadata"]["deletionTimestamp"] >= created["metadata"]["creationTimestamp"]
    assert marked["metadata"]["generation"] == 2
    assert namespace.server.done("DELETE", namespace.path("a")) == marked

    status = namespace.server.refused("POST", namespace.pipelines, pipeline("a"))
    assert status["message"] == f'object is being deleted: pipelines.{GROUP} "a" already exists'
    body = {"metadata": {"finalizers": ["example.com/two", "example.com/new"]}}
    status = namespace.server.refused("PATCH", namespace.path("a"), body, media="application/merge-patch+json")
    assert "no new finalizers can be added if the object is being deleted" in status["message"]

    assert namespace.patch("a", {"spec": {"pipelineDescription": "x"}})["metadata"]["generation"] == 3
    namespace.patch("a", {"metadata": {"finalizers": ["example.com/two"]}})
    last = namespace.patch("a", {"metadata": {"finalizers": None}})
    assert "finalizers" not in last["metadata"]
    assert namespace.server.request("GET", namespace.path("a")).status_code == 404


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("uid", "the UID in the precondition (x) does not match the UID in record"),
        ("resourceVersion", "the ResourceVersion in the precondition (x) does not match the ResourceVersion in record"),
    ],
)
def test_preconditions(namespace: Namespace, field: str, said: str) -> None:
    metadata = namespace.create("a")["metadata"]
    status = namespace.server.refused("DELETE", namespace.path("a"), {"preconditions": {field: "x"}})
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert said in status["message"]
    namespace.server.done("DELETE", namespace.path("a"), {"preconditions": {field: metadata[field]}})


@pytest.mark.parametrize("policy", ["Background", "Other"])
def test_propagation_policy(namespace: Namespace, policy: str) -> None:
    namespace.create("a")
    answer = namespace.server.request("DELETE", namespace.path("a"), {"propagationPolicy": policy})
    assert answer.status_code == (200 if policy == "Background" else 422)


def test_delete_collection(namespace: Namespace) -> None:
    for name, label in (("a", "x"), ("b", "x"), ("c", "y")):
        namespace.create(name, labels={"l": label})
    deleted = namespace.server.done("DELETE", namespace.pipelines, labelSelector="l=x")
    assert [item["metadata"]["name"] for item in deleted["items"]] == ["a", "b"]
    assert [item["metadata"]["name"] for item in namespace.server.done("GET", namespace.pipelines)["items"]] == ["c"]


def test_dry_run(namespace: Namespace) -> None:
    server = namespace.server
    created = server.done("POST", namespace.pipelines, pipeline("a"), dryRun="All")
    assert "resourceVersion" not in created["metadata"]
    assert server.request("GET", namespace.path("a")).status_code == 404
    before = namespace.create("a")
    assert namespace.patch("a", {"spec": {"pipelineDescription": "x"}}, dryRun="All")["metadata"]["generation"] == 2
    server.done("DELETE", namespace.path("a"), dryRun="All")
    assert namespace.get("a") == before
    assert server.refused("POST", namespace.pipelines, pipeline("b"), dryRun="Some")["code"] == 422


def test_methods_that_a_resource_does_not_have(namespace: Namespace) -> None:
    namespace.create("a")
    server = namespace.server
    status = server.refused("DELETE", namespace.path("a", "status"))
    assert (status["code"], status["reason"]) == (405, "MethodNotAllowed")
    assert status["message"] == f'delete is not supported on resources of kind "pipelines.{GROUP}"'
    assert server.refused("PUT", namespace.pipelines, {})["message"] == "name must be provided"
    assert server.request("POST", f"{API}/pipelines", pipeline("b")).status_code == 404
    assert server.refused("GET", namespace.path("a", "scale"))["code"] == 404


@pytest.mark.parametrize("media", ["text/plain", "application/xml"])
def test_unknown_body(namespace: Namespace, media: str) -> None:
    status = namespace.server.refused("POST", namespace.pipelines, pipeline("a"), media=media)
    assert (status["code"], status["reason"]) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize("body", ['{"apiVersion":', '{"apiVersion":}', "", '{"metadata":{"name":"a"}}'])
def test_broken_body(namespace: Namespace, body: str) -> None:
    status = namespace.server.refused("POST", namespace.pipelines, body)
    assert (status["code"], status["reason"]) == (400, "BadRequest")


def test_yaml_body(namespace: Namespace) -> None:
    text = (
        f"apiVersion: {GROUP}/v1alpha1\nkind: Pipeline\nmetadata: {{name: a}}\nspec: {{pipelineName: a, roleARN: r}}\n"
    )
    assert namespace.server.done("POST", namespace.pipelines, text, media="application/yaml")["spec"]["roleARN"] == "r"


def test_accepted_forms(namespace: Namespace) -> None:
    namespace.create("a")
    server = namespace.server
    assert "name: a\n" in server.request("GET", namespace.path("a"), accept="application/yaml").text
    assert server.request("GET", namespace.path("a"), accept="text/html").status_code == 406
    assert server.request("GET", namespace.path("a"), accept=JSON).headers["content-type"] == JSON


def test_a_label_without_a_value_has_the_empty_one(namespace: Namespace) -> None:
    made = namespace.create("a", None, labels={"x": None, "y": "1"}, annotations={"z": None})
    assert (made["metadata"]["labels"], made["metadata"]["annotations"]) == ({"x": "", "y": "1"}, {"z": ""})

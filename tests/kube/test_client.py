"""What each request does on an API server, with both clients."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION as KIND
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig, cluster_config
from airflow_ack_sagemaker.kube.errors import (
    AlreadyExists,
    Conflict,
    Gone,
    Invalid,
    KindNotInstalled,
    NotFound,
    Unauthorized,
    Unreachable,
)
from airflow_ack_sagemaker.sandbox.apiserver import ApiServer
from tests.kube.objects import config, execution

Caller = Callable[..., Callable[..., Any]]


@pytest.fixture
def name() -> str:
    return f"run-{uuid4().hex[:8]}"


@pytest.fixture
def call(caller: Caller, cluster: ClusterConfig) -> Callable[..., Any]:
    return caller(cluster)


def test_create_get_delete(call: Callable[..., Any], name: str) -> None:
    created = call("create", KIND, execution(name))
    assert call("get", KIND, name)["metadata"]["uid"] == created["metadata"]["uid"]
    with pytest.raises(AlreadyExists):
        call("create", KIND, execution(name))
    call("delete", KIND, name, uid=created["metadata"]["uid"])
    with pytest.raises(NotFound) as missing:
        call("get", KIND, name)
    assert missing.value.details["name"] == name
    assert f"default/{name}" in str(missing.value)


def test_apply_owns_its_fields(call: Callable[..., Any], name: str) -> None:
    planned = call("apply", KIND, execution(name), dry_run=True)
    assert planned["spec"]["pipelineName"] == "p"
    with pytest.raises(NotFound):
        call("get", KIND, name)
    call("apply", KIND, execution(name, pipelineExecutionDescription="first"))
    applied = call("apply", KIND, execution(name))
    assert "pipelineExecutionDescription" not in applied["spec"]
    assert {entry["manager"] for entry in applied["metadata"]["managedFields"]} == {"airflow-ack-sagemaker"}


def test_patch_of_a_version(call: Callable[..., Any], name: str) -> None:
    version = call("create", KIND, execution(name))["metadata"]["resourceVersion"]
    body = {"metadata": {"annotations": {"note": "1"}}}
    patched = call("patch", KIND, name, body, resource_version=version)
    assert patched["metadata"]["annotations"] == {"note": "1"}
    with pytest.raises(Conflict):
        call("patch", KIND, name, body, resource_version=version)


@pytest.mark.parametrize("precondition", [{"uid": str(uuid4())}, {"resource_version": "1"}])
def test_delete_only_what_is_meant(call: Callable[..., Any], name: str, precondition: dict[str, str]) -> None:
    call("create", KIND, execution(name))
    with pytest.raises(Conflict):
        call("delete", KIND, name, **precondition)
    assert call("get", KIND, name)


@pytest.mark.parametrize("method", ["create", "apply"])
def test_unknown_fields_are_said(call: Callable[..., Any], name: str, method: str) -> None:
    with pytest.raises(Invalid, match="bogus"):
        call(method, KIND, execution(name, bogus=1))


@pytest.mark.parametrize("method", ["create", "apply"])
def test_wrong_types_are_said(call: Callable[..., Any], name: str, method: str) -> None:
    with pytest.raises(Invalid, match="pipelineName"):
        call(method, KIND, execution(name, pipelineName=3))


def test_missing_namespace(call: Callable[..., Any], name: str) -> None:
    manifest = execution(name)
    manifest["metadata"]["namespace"] = "nowhere"
    with pytest.raises(NotFound, match="Create the namespace 'nowhere'"):
        call("create", KIND, manifest)


def test_list_by_label_and_limit(call: Callable[..., Any], name: str) -> None:
    for index in range(3):
        manifest = execution(f"{name}-{index}")
        manifest["metadata"]["labels"] = {"run": name}
        call("create", KIND, manifest)
    found = call("list", KIND, label_selector=f"run={name}")
    assert [item["metadata"]["name"] for item in found.items] == [f"{name}-{index}" for index in range(3)]
    assert len(call("list", KIND, label_selector=f"run={name}", limit=2).items) == 2
    assert len(call("list", KIND, "", field_selector=f"metadata.name={name}-1").items) == 1
    events = call("watch", KIND, resource_version=found.resource_version, timeout_seconds=1)
    assert {event.type for event in events} <= {"BOOKMARK"}


def test_watch_from_too_old_a_version(call: Callable[..., Any]) -> None:
    with pytest.raises(Gone):
        call("watch", KIND, resource_version="1", timeout_seconds=1)


def test_server_time(call: Callable[..., Any]) -> None:
    assert call("server_time") is None
    # The server makes the header anew once a second, and later where it is busy.
    before = datetime.now(UTC) - timedelta(minutes=1)
    call("list", KIND)
    assert before < call("server_time") <= datetime.now(UTC)


def test_refused_token(caller: Caller, api_server: ApiServer) -> None:
    extra = api_server.kubeconfig()
    extra["users"][0]["user"]["token"] = "not-the-token"
    refused = caller(cluster_config({"kube_config": extra}, conn_id="sandbox", environ={}))
    with pytest.raises(Unauthorized, match="renew the token") as error:
        refused("get", KIND, "x")
    assert "not-the-token" not in str(error.value)


def test_cluster_without_the_controller(server_without_kinds: ApiServer, caller: Caller) -> None:
    call = caller(cluster_config({"kube_config": server_without_kinds.kubeconfig()}, conn_id="bare", environ={}))
    attempts: list[tuple[Any, ...]] = [
        ("get", KIND, "x"),
        ("list", KIND),
        ("create", KIND, execution("x")),
        ("apply", KIND, execution("x")),
        ("watch", KIND),
    ]
    for attempt in attempts:
        options = {"resource_version": "1"} if attempt[0] == "watch" else {}
        with pytest.raises(KindNotInstalled, match="controller is not installed in this cluster"):
            call(*attempt, **options)


def test_nothing_listens(caller: Caller) -> None:
    pauses: list[float] = []
    with pytest.raises(Unreachable, match=r"Cannot get PipelineExecution default/x: .* connection refused") as error:
        caller(config("https://127.0.0.1:1", {"token": "sesame"}), pauses)("get", KIND, "x")
    assert "sesame" not in str(error.value)
    assert len(pauses) == 3

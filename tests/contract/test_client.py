"""The package's own clients."""

from __future__ import annotations

import time

import pytest

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, Kind
from airflow_ack_sagemaker.kube.client import AsyncKubeClient, KubeClient
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig, cluster_config
from airflow_ack_sagemaker.kube.errors import AlreadyExists, Conflict, Gone, Invalid, KindNotInstalled, NotFound
from harness.waiting import wait_until
from tests.contract.servers import Namespace, Server, pipeline


@pytest.fixture
def config(server: Server, namespace: Namespace) -> ClusterConfig:
    extra = {"kube_config": server.kubeconfig, "namespace": namespace.name}
    return cluster_config(extra, conn_id="contract", environ={})


def test_blocking_client(config: ClusterConfig, namespace: Namespace) -> None:
    with KubeClient(config) as client:
        created = client.create(PIPELINE, pipeline("a"))
        assert created == client.get(PIPELINE, "a") == namespace.get("a")
        with pytest.raises(AlreadyExists):
            client.create(PIPELINE, pipeline("a"))
        applied = client.apply(PIPELINE, pipeline("a", {"pipelineName": "a", "roleARN": "other"}))
        assert applied["spec"]["roleARN"] == "other"
        version = created["metadata"]["resourceVersion"]
        with pytest.raises(Conflict):
            client.patch(PIPELINE, "a", {"spec": {"pipelineDescription": "d"}}, resource_version=version)
        with pytest.raises(Invalid):
            client.patch(PIPELINE, "a", {"spec": {"roleARN": 5}})
        client.create(PIPELINE, pipeline("b", labels={"x": "y"}))
        assert [item["metadata"]["name"] for item in client.list(PIPELINE).items] == ["a", "b"]
        assert [item["metadata"]["name"] for item in client.list(PIPELINE, label_selector="x=y").items] == ["b"]
        client.delete(PIPELINE, "b", uid=namespace.get("b")["metadata"]["uid"])
        with pytest.raises(NotFound):
            client.get(PIPELINE, "b")
        with pytest.raises(KindNotInstalled):
            client.get(Kind("Nothing", "nothings"), "a")
        assert client.server_time is not None


def test_each_character_arrives_as_it_was_given(config: ClusterConfig, namespace: Namespace) -> None:
    text = "a\x7f \x80 \x85 \x9f \u2028 \u2029 \ufeff \ufffe \uffff \\u0085 \t\n é 😀"
    spec = {"pipelineName": "a", "roleARN": "one", "pipelineDescription": text}
    with KubeClient(config) as client:
        for number, write in enumerate((client.create, client.apply)):
            assert write(PIPELINE, pipeline(f"a{number}", spec))["spec"] == spec
        client.patch(PIPELINE, "a0", {"metadata": {"annotations": {"example.com/said": text}}})
        assert fields.annotation(namespace.get("a0"), "example.com/said") == text


def test_a_dry_run_is_stamped_each_time_and_changes_nothing(config: ClusterConfig, namespace: Namespace) -> None:
    with KubeClient(config) as client:
        created = client.create(PIPELINE, pipeline("a"))
        assert client.clock is not None, "a creation tells the server's clock, too"
        client.clock = None

        def stamped_anew() -> bool:
            clock, made = client.read_clock(PIPELINE, "a"), fields.created(created)
            assert clock is not None
            assert made is not None
            # Not before the second of its creation is over can a stamp tell a later time.
            return clock.now(time.time()) > made.timestamp() + 3

        wait_until(stamped_anew, 120, "a later stamp than that of its creation")
        assert namespace.get("a") == created


def test_blocking_watch(config: ClusterConfig, namespace: Namespace) -> None:
    with KubeClient(config) as client:
        version = client.list(PIPELINE).resource_version
        namespace.create("a")
        namespace.patch("a", {"status": {"pipelineStatus": "Active"}}, subresource="status")
        namespace.server.done("DELETE", namespace.path("a"))
        seen = []
        for event in client.watch(PIPELINE, resource_version=version, timeout_seconds=120):
            seen.append((event.type, event.object["metadata"].get("name")))
            if event.type == "DELETED":
                break
        assert [entry for entry in seen if entry[0] != "BOOKMARK"] == [
            ("ADDED", "a"),
            ("MODIFIED", "a"),
            ("DELETED", "a"),
        ]
        with pytest.raises(Gone):
            list(client.watch(PIPELINE, resource_version="1", timeout_seconds=60))


async def test_asynchronous_client(config: ClusterConfig, namespace: Namespace) -> None:
    async with AsyncKubeClient(config) as client:
        await client.create(PIPELINE, pipeline("a"))
        found = await client.list(PIPELINE)
        assert [item["metadata"]["name"] for item in found.items] == ["a"]
        namespace.create("b")
        async for event in client.watch(PIPELINE, resource_version=found.resource_version, timeout_seconds=120):
            assert (event.type, event.object["metadata"]["name"]) == ("ADDED", "b")
            break
        await client.delete(PIPELINE, "a")
        with pytest.raises(NotFound):
            await client.get(PIPELINE, "a")

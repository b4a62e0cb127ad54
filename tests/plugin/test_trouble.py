"""A cluster that cannot be read: the pages say so, show what was there last, and go on when it is back."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from harness.waiting import HUNG, wait_until
from tests.chaos.proxy import Exchange
from tests.plugin.definitions import definition
from tests.plugin.site import ACTION, Site


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with site.client() as client:
        yield client


def watch(client: httpx.Client) -> dict[str, Any]:
    """How the watch of the site's cluster fares."""
    found: dict[str, Any] = client.get("/api/health").raise_for_status().json()["clusters"][0]
    return found


def credentials(site: Site) -> list[str]:
    """What must be in no answer."""
    users = json.loads((site.directory / "kubeconfig").read_text())["users"]
    found = [str(value) for user in users for value in user["user"].values()]
    assert found
    return found


@pytest.mark.parametrize("way", ["refused", "dropped"])
def test_health_says_what_is_wrong_and_that_it_has_passed(site: Site, client: httpx.Client, way: str) -> None:
    before = site.execution(site.pipeline(definition()))
    row = site.wait_shown(client, before, "Succeeded")
    body = {"kind": "Status", "status": "Failure", "message": "etcd is having a bad day", "code": 503}

    def action(exchange: Exchange) -> None:
        exchange.reply(503, body) if way == "refused" else exchange.drop()

    rule = site.proxy.add("down", lambda exchange: True, action, None, first=True)
    site.proxy.cut()
    try:

        def failed() -> dict[str, Any] | None:
            found = watch(client)
            said = "bad day" in (found["watch"]["error"] or "")
            return found if found["watch"]["state"] == "failed" and said is (way == "refused") else None

        down = wait_until(failed, 120, lambda: f"a failure: {watch(client)}")
        assert down["controller"] == "unknown"
        assert down["watch"]["age"] is not None
        listed = client.get("/api/executions", params={"search": before}).json()
        assert [item["uid"] for item in listed["items"]] == [row["uid"]]
        assert len(listed["errors"]) == 1
        assert listed["loading"] is False
        assert site.detail(client, before)["execution"]["uid"] == row["uid"]
        assert client.get("/api/executions/default/unknown-1").status_code == 503
        stop = client.post(f"/api/executions/default/{before}/stop", headers=ACTION, json={"uid": row["uid"]})
        assert stop.status_code == 503
        for text in (json.dumps(down), json.dumps(listed), stop.text):
            assert not [secret for secret in credentials(site) if secret in text]
    finally:
        site.proxy.remove(rule)
    meanwhile = site.execution(site.pipeline(definition()))
    wait_until(lambda: watch(client)["watch"]["state"] == "live", 120, lambda: f"the watch to be back: {watch(client)}")
    site.wait_shown(client, meanwhile, "Succeeded")
    # Of the pipelines, too, whose watch was cut as well.
    wait_until(lambda: not client.get("/api/executions").json()["errors"], 120, "no error to be told")


def test_what_nobody_looks_at_is_not_followed(site: Site, client: httpx.Client) -> None:
    name = site.execution(site.pipeline(definition()))
    site.wait_shown(client, name, "Succeeded")
    wait_until(lambda: connections(site), 120, "the watches to be open")
    wait_until(lambda: not connections(site), HUNG, lambda: f"the watches to end: {connections(site)}", every=1.0)
    assert site.wait_shown(client, name)["status"] == "Succeeded"
    wait_until(lambda: connections(site), 120, "the watches to be open again")


def connections(site: Site) -> list[Any]:
    """What the API server has open to the cluster."""
    port = int(site.proxy.url.rpartition(":")[2])
    processes = site.airflow.part("api-server").processes()
    found = [connection for process in processes for connection in process.net_connections("tcp")]
    return [one for one in found if one.raddr and one.raddr.port == port and one.status == psutil.CONN_ESTABLISHED]


def test_trouble_with_aws_is_a_note(site: Site, client: httpx.Client) -> None:
    name = site.execution(site.pipeline(definition()))
    # Before SageMaker knows of it nothing is asked.
    wait_until(lambda: (site.shown(client, name) or {}).get("arn"), HUNG, f"the ARN of {name}")
    site.control("PUT", "script", {"rules": ["ListPipelineExecutionSteps=AccessDeniedException:not for you"]})
    try:
        found = site.whole_detail(client, name)
        assert "AccessDenied" in found["graph"]["steps_note"]
        assert {step["status"] for step in found["graph"]["steps"]} == {None}
        assert found["yaml"]
    finally:
        site.control("DELETE", "script")


def test_one_cluster_that_cannot_be_read_does_not_hide_another(tmp_path: Path) -> None:
    """Nor does a connection that does not exist, nor a wrong option name credentials."""
    token = secrets.token_hex(20)
    refused = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    connections = {"refused": {"conn_type": "kubernetes", "extra": {"kube_config": json.dumps(refused)}}}
    options = ("--speed", "20", "--step-seconds", "10")
    with (
        Site(tmp_path, *options, aws=False, others=["refused", "absent"], connections=connections) as site,
        site.client() as client,
    ):
        pipeline = site.pipeline(definition())
        name = site.execution(pipeline)
        site.wait_shown(client, name, "Succeeded")

        def told() -> dict[str, Any] | None:
            listed: dict[str, Any] = client.get("/api/executions").json()
            return listed if len(listed["errors"]) == 2 else None

        listed = wait_until(told, 120, "both errors")
        assert [row["name"] for row in listed["items"]] == [name]
        assert any("refused" in error for error in listed["errors"])
        assert any("'absent'" in error for error in listed["errors"])
        states = {one["cluster"]: one["watch"]["state"] for one in client.get("/api/health").json()["clusters"]}
        assert states == {"kubernetes_default": "live", "refused": "failed", "absent": "failed"}
        assert token not in client.get("/api/health").text + json.dumps(listed)
        found = site.whole_detail(client, name)
        # Without AWS: the cluster's definition, and a word about what is not known.
        assert (found["graph"]["source"], {step["status"] for step in found["graph"]["steps"]}) == ("cluster", {None})
        assert "aws_conn_id" in found["graph"]["steps_note"]
        assert "present definition" in found["graph"]["note"]
        second = site.execution(pipeline)
        site.wait_shown(client, second)
        difference = site.difference(client, second)
        assert (difference["same"], difference["diff"]) == (None, None)
        assert "aws_conn_id" in difference["note"]
        drift = client.get("/api/pipelines").json()["items"][0]["drift"]
        assert drift["state"] == "unknown"

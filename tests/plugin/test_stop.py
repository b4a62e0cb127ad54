"""Stopping an execution: for who may, from Airflow's own pages only, and written down."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from harness.waiting import wait_until
from tests.chaos.proxy import Exchange
from tests.plugin.definitions import definition
from tests.plugin.site import ACTION, Site


@pytest.fixture
def running(site: Site) -> dict[str, Any]:
    """An execution that runs until it is stopped or released, as the list has it."""
    pipeline = site.pipeline(definition())
    site.control("POST", "script", {"rules": [f"{pipeline}/Train=hold"]})
    name = site.execution(pipeline)
    with site.client() as client:
        return site.wait_shown(client, name, "Executing")


def post(site: Site, user: str | None, row: dict[str, Any], **arguments: Any) -> Any:
    given = {"headers": ACTION, "json": {"uid": row["uid"]}, **arguments}
    with site.client(user) as client:
        return client.post(f"/api/executions/{row['namespace']}/{row['name']}/stop", **given)


def events(site: Site, row: dict[str, Any]) -> list[dict[str, Any]]:
    """What the audit log has of an execution's run."""
    query = {"event": "ack_sagemaker_stop_execution", "run_id": row["run_id"]}
    found: list[dict[str, Any]] = site.airflow.api.request("GET", "/eventLogs", params=query)["event_logs"]
    return found


@pytest.mark.floor
def test_who_may_edit_the_dag_stops_it_and_that_is_written_down(site: Site, running: dict[str, Any]) -> None:
    answer = post(site, "user", running)
    assert answer.status_code == 202, answer.text
    assert running["name"] in answer.json()["message"]
    with site.client() as client:
        wait_until(lambda: site.shown(client, running["name"]) is None, 120, "the execution to be gone")
    arn = running["arn"]
    described = site.sandbox.aws_client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)
    assert described["PipelineExecutionStatus"] == "Stopped", "the resource goes when SageMaker has stopped"
    (event,) = events(site, running)
    assert (event["dag_id"], event["task_id"], event["owner"], event["map_index"]) == (
        "retraining",
        "launch",
        "user",
        -1,
    )
    assert running["name"] in event["extra"]
    assert post(site, "user", running).status_code == 404


@pytest.mark.parametrize("user", ["viewer", "partial", "nobody"])
def test_who_may_not_edit_the_dag_is_refused(site: Site, running: dict[str, Any], user: str) -> None:
    assert post(site, user, running).status_code == 403
    assert not site.get("pipelineexecutions", running["name"])["metadata"].get("deletionTimestamp")
    assert events(site, running) == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"headers": {}},
        {"headers": {"X-Requested-With": "XMLHttpRequest"}},
        {"headers": {**ACTION, "Sec-Fetch-Site": "cross-site"}},
        {"headers": {**ACTION, "Sec-Fetch-Site": "same-site"}},
        {"headers": {**ACTION, "Origin": "https://evil.example"}},
        {"headers": {**ACTION, "Origin": "null"}},
        {"headers": {**ACTION, "Content-Type": "text/plain"}, "json": None, "content": b'{"uid": "x"}'},
        {"headers": {**ACTION, "Content-Type": "application/x-www-form-urlencoded"}, "json": None, "content": b"uid=x"},
    ],
    ids=str,
)
@pytest.mark.floor
def test_what_another_site_could_send_is_refused(
    site: Site, running: dict[str, Any], arguments: dict[str, Any]
) -> None:
    answer = post(site, "admin", running, **arguments)
    assert answer.status_code == 403, answer.text
    assert not site.get("pipelineexecutions", running["name"])["metadata"].get("deletionTimestamp")


def test_airflows_own_pages_may(site: Site, running: dict[str, Any]) -> None:
    headers = {**ACTION, "Origin": site.airflow.url, "Sec-Fetch-Site": "same-origin"}
    assert post(site, "admin", running, headers=headers).status_code == 202


def test_a_cookie_of_another_site_does_nothing_without_the_header(site: Site, running: dict[str, Any]) -> None:
    with site.client(None) as client:
        client.cookies.set("_token", site.token("admin"))
        path = f"/api/executions/{running['namespace']}/{running['name']}"
        assert client.get(path).status_code == 200
        assert client.post(f"{path}/stop", json={"uid": running["uid"]}).status_code == 403
        assert client.post(f"{path}/stop", json={"uid": running["uid"]}, headers=ACTION).status_code == 202


def test_another_one_of_that_name_is_not_stopped(site: Site, running: dict[str, Any]) -> None:
    assert post(site, "admin", running, json={"uid": "another"}).status_code == 409
    assert post(site, "admin", running, json={}).status_code == 422
    assert not site.get("pipelineexecutions", running["name"])["metadata"].get("deletionTimestamp")


def test_what_has_ended_is_not_stopped(site: Site, running: dict[str, Any]) -> None:
    def ended() -> bool:
        site.control("POST", "release")  # only what waits by now
        status = site.get("pipelineexecutions", running["name"])["status"]
        return bool(status["pipelineExecutionStatus"] == "Succeeded")

    wait_until(ended, 120, "the execution to end")
    answer = post(site, "admin", running)
    assert answer.status_code == 409
    assert "ended" in answer.json()["detail"]
    assert site.get("pipelineexecutions", running["name"])
    assert events(site, running) == []


def test_what_the_controller_could_not_stop_has_not_ended(site: Site, running: dict[str, Any]) -> None:
    def given_up() -> bool:
        conditions = site.get("pipelineexecutions", running["name"])["status"]["conditions"]
        return any(one["type"] == "ACK.Terminal" and one["status"] == "True" for one in conditions)

    site.control("POST", "script", {"rules": ["StopPipelineExecution=InvalidParameterValue:it cannot be"]})
    try:
        assert post(site, "admin", running).status_code == 202
        wait_until(given_up, 120, "the controller to give up")
        answer = post(site, "admin", running)
        assert answer.status_code == 409
        assert "has given up the deletion" in answer.json()["detail"]
        assert running["arn"] in answer.json()["detail"]
    finally:
        site.control("DELETE", "script")


def test_stopping_twice_is_stopping_once(site: Site, running: dict[str, Any]) -> None:
    # A controller that rests leaves the resource there, so that the second one comes before the end.
    site.control("PUT", "controller", {"paused": True})
    try:
        first, second = (post(site, "admin", running) for _ in range(2))
        assert (first.status_code, second.status_code) == (202, 202), second.text
        assert first.json()["message"].startswith(f"{running['name']} is being stopped. The controller tells SageMaker")
        assert second.json()["message"] == f"{running['name']} is being stopped already."
        assert site.get("pipelineexecutions", running["name"])["metadata"]["deletionTimestamp"]
        assert len(events(site, running)) == 1
    finally:
        site.control("PUT", "controller", {"paused": False})


def test_what_is_gone_while_the_page_still_shows_it_is_told(site: Site, running: dict[str, Any]) -> None:
    # The page is told nothing new, and still reads single resources.
    rule = site.proxy.add(
        "deaf", lambda exchange: "/pipelineexecutions?" in exchange.path, Exchange.drop, None, first=True
    )
    site.proxy.cut()
    try:
        path = f"/apis/{API_VERSION}/namespaces/default/pipelineexecutions/{running['name']}"
        site.kubernetes.delete(path).raise_for_status()
        wait_until(lambda: not site.get("pipelineexecutions", running["name"]), 120, "the execution to be gone")
        answer = post(site, "admin", running)
        assert answer.status_code == 409, answer.text
        assert answer.json()["detail"] == f"{running['name']} is gone already."
        assert events(site, running) == []
    finally:
        site.proxy.remove(rule)
    with site.client() as client:
        wait_until(lambda: site.shown(client, running["name"]) is None, 120, "the page to know it, too")

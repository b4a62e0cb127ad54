"""Models and endpoints: who sees them, who decides, and what the pages say where the cluster does not let them look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from airflow_ack_sagemaker.core.resource.freshness import answered
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_REPORTED
from harness.waiting import wait_until
from tests.plugin.definitions import definition
from tests.plugin.served import arn_of, listed, new_group, rollout, version
from tests.plugin.site import ACTION, Site


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with site.client() as client:
        yield client


def wait_shown(client: httpx.Client, path: str, name: str, **wanted: Any) -> dict[str, Any]:
    """Wait until a list has something, with these members; what it has."""

    def look() -> dict[str, Any] | None:
        item = listed(client, path, name)
        return item if item is not None and all(item[key] == value for key, value in wanted.items()) else None

    return wait_until(look, 120, lambda: f"{name} {wanted}: {listed(client, path, name)}")


def decide(site: Site, user: str | None, row: dict[str, Any], **changes: Any) -> httpx.Response:
    body = {"uid": row["uid"], "approved": True, "why": "reviewed", **changes.pop("json", {})}
    with site.client(user) as client:
        path = f"/api/models/{row['namespace']}/{row['name']}/approval"
        return client.post(path, **{"headers": ACTION, "json": body, **changes})


def decisions(site: Site, row: dict[str, Any]) -> list[dict[str, Any]]:
    """What the audit log has of the run that has registered a version."""
    found: list[dict[str, Any]] = site.airflow.api.request("GET", "/eventLogs", params={"run_id": row["run_id"]})[
        "event_logs"
    ]
    return [one for one in found if one["event"].startswith("ack_sagemaker_")]


def test_a_version_leads_to_its_execution_and_to_what_serves_it(site: Site, client: httpx.Client) -> None:
    name = site.execution(site.pipeline(definition()))
    made = site.wait_shown(client, name, "Succeeded")
    package = version(site, new_group(site), metrics={"mse": 2.5, "tokens": 7}, execution=made["arn"])
    row = wait_shown(client, "/api/models", package, number=1)
    assert row["approval"] == "PendingManualApproval"
    # What sounds like a secret's name is none of a number.
    assert row["metrics"] == [{"name": "mse", "value": 2.5}, {"name": "tokens", "value": 7.0}]
    assert (row["dag_id"], row["task_id"], row["may_edit"]) == ("retraining", "register", True)
    assert row["execution"] == {"cluster": "kubernetes_default", "namespace": "default", "name": name}
    endpoint = f"serves-{package[-14:-2]}"
    config = rollout(site, endpoint, model=row["arn"])
    served = wait_shown(client, "/api/endpoints", endpoint, standing="Updated", serves=config)
    assert (served["model"], served["version"]) == (row["arn"], {"group": row["group"], "number": 1})
    assert [one["end"] for one in served["rollouts"]] == ["Serves"]
    again = wait_shown(client, "/api/models", package, endpoints=[{"namespace": "default", "endpoint": endpoint}])
    assert again["uid"] == row["uid"]


def test_a_rollback_is_said_with_what_serves_and_why(site: Site, client: httpx.Client) -> None:
    good = rollout(site, "rolls-back")
    wait_shown(client, "/api/endpoints", "rolls-back", standing="Updated")
    site.control("POST", "script", {"rules": ["endpoint/rolls-back=rollback:the container does not start"]})
    try:
        bad = rollout(site, "rolls-back", dag_id="other_team")
        found = wait_shown(client, "/api/endpoints", "rolls-back", standing="RolledBack")
    finally:
        site.control("DELETE", "script")
    assert (found["serves"], found["asked"], found["status"]) == (good, bad, "InService")
    assert "the container does not start" in found["reason"]
    assert [(one["config"], one["end"]) for one in found["rollouts"]] == [(bad, "Failed"), (good, "Serves")]
    assert (found["failed"], found["attempts"]) == (1, 2)
    # The other one's DAG has rolled it out, which is not for those who may not read that DAG.
    with site.client("partial") as partial:
        mine = wait_shown(partial, "/api/endpoints", "rolls-back")
        assert [one["config"] for one in mine["rollouts"]] == [good]
    # As a task tells it, and goes back.
    reported = {"metadata": {"annotations": {ANNOTATION_REPORTED: '{"state": "Failed", "try": 1, "at": 1}'}}}
    site.patch("endpointconfigs", bad, reported)
    site.patch("endpoints", "rolls-back", {"spec": {"endpointConfigName": good}})
    after = wait_shown(client, "/api/endpoints", "rolls-back", standing="Updated")
    assert after["failure"] == "the container does not start"
    assert [one["end"] for one in after["rollouts"]] == ["Failed", "Serves"]


def test_who_may_edit_the_dag_decides_and_that_is_written_down(site: Site, client: httpx.Client) -> None:
    row = wait_shown(client, "/api/models", version(site, new_group(site)), number=1)
    for user in ("viewer", "partial", "neighbour", "nobody"):
        assert decide(site, user, row).status_code == 403
    assert decide(site, None, row).status_code == 401
    assert decide(site, "user", row, headers={}).status_code == 403
    assert decide(site, "user", row, json={"uid": "another"}).status_code == 409
    assert decide(site, "user", row, json={"why": "x" * 501}).status_code == 422
    assert decisions(site, row) == []
    answer = decide(site, "user", row)
    assert answer.status_code == 202, answer.text
    wait_shown(client, "/api/models", row["name"], approval="Approved")
    said = site.sandbox.aws_client("sagemaker")

    def word() -> str:
        found: str = said.describe_model_package(ModelPackageName=row["arn"])["ModelApprovalStatus"]
        return found

    wait_until(lambda: word() == "Approved", 120, "SageMaker to know it")
    assert said.describe_model_package(ModelPackageName=row["arn"])["ApprovalDescription"] == (
        "user, in Airflow: reviewed"
    )
    assert "already" in decide(site, "user", row).json()["message"]
    assert decide(site, "user", row, json={"approved": False}).status_code == 202
    wait_until(lambda: word() == "Rejected", 120, "SageMaker to know that, too")
    found = sorted((one["event"], one["owner"], one["dag_id"]) for one in decisions(site, row))
    assert found == [
        ("ack_sagemaker_approve_model", "user", "retraining"),
        ("ack_sagemaker_reject_model", "user", "retraining"),
    ]
    assert all(json.loads(one["extra"])["why"] == "reviewed" for one in decisions(site, row))


def test_what_the_controller_has_refused_is_asked_again(site: Site, client: httpx.Client) -> None:
    row = wait_shown(client, "/api/models", version(site, new_group(site)), number=1)
    site.control("POST", "script", {"rules": ["UpdateModelPackage=ConflictException:being modified"]})
    try:
        assert decide(site, "user", row).status_code == 202
        # Not a refusal of what was there before: the controller sends that now and then, too.
        wait_until(lambda: refused(site, row["name"]) and decided(site, row["name"]), 120, "the refusal")
    finally:
        site.control("DELETE", "script")
    answer = decide(site, "user", row)
    assert (answer.status_code, "already" in answer.json()["message"]) == (202, False)
    wait_until(lambda: not refused(site, row["name"]), 120, "the controller to look again")
    said = site.sandbox.aws_client("sagemaker").describe_model_package(ModelPackageName=row["arn"])
    assert said["ModelApprovalStatus"] == "Approved"
    assert "already" in decide(site, "user", row).json()["message"]
    assert len(decisions(site, row)) == 2


def decided(site: Site, name: str) -> bool:
    """Whether the controller has answered the last decision."""
    return answered(site.get("modelpackages", name))


def refused(site: Site, name: str) -> bool:
    """Whether the controller has refused for good what a version says."""
    conditions = site.get("modelpackages", name).get("status", {}).get("conditions", [])
    return any(one["type"] == "ACK.Terminal" and one["status"] == "True" for one in conditions)


def test_only_what_a_readable_dag_has_made(site: Site, client: httpx.Client) -> None:
    group = new_group(site)
    mine, theirs = version(site, group), version(site, group, "other_team")
    rollout(site, "of-another-team", "other_team")
    by_hand = {
        "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
        "kind": "Endpoint",
        "metadata": {"name": "by-hand"},
        "spec": {"endpointName": "by-hand", "endpointConfigName": "nobody-knows"},
    }
    site.create("endpoints", by_hand)
    for name in (mine, theirs):
        wait_shown(client, "/api/models", name, number=1 if name == mine else 2)
    wait_shown(client, "/api/endpoints", "of-another-team")
    assert listed(client, "/api/endpoints", "by-hand") is None
    with site.client("partial") as partial:
        wait_shown(partial, "/api/models", mine)
        page = partial.get("/api/models", params={"group": group}).json()
        assert [one["name"] for one in page["items"]] == [mine]
        assert [one["versions"] for one in page["groups"] if one["group"] == group] == [1]
        assert not page["items"][0]["may_edit"]
        assert listed(partial, "/api/endpoints", "of-another-team") is None
        for path in ("/api/models", "/api/endpoints"):
            assert partial.get(path, params={"dag_id": "other_team"}).status_code == 403


def test_where_the_role_does_not_allow_it_the_page_says_what_to_do(site: Site, client: httpx.Client) -> None:
    seen = wait_shown(client, "/api/models", version(site, new_group(site)), number=1)

    def forbid(exchange: Any) -> None:
        exchange.reply(
            403, {"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": "no"}
        )

    rule = site.proxy.add("forbidden", lambda exchange: "/modelpackages" in exchange.path, forbid, None, first=True)
    site.proxy.cut()
    try:
        wait_until(
            lambda: "rbac-page-lifecycle.yaml" in str(client.get("/api/models").json()["errors"]),
            120,
            lambda: f"the page to say so: {client.get('/api/models').json()['errors']}",
        )
        assert decide(site, "admin", seen).status_code == 503
        # Their watches were cut, too, and begin again.
        wait_until(lambda: not client.get("/api/endpoints").json()["errors"], 120, "endpoints to be told again")
        wait_until(lambda: not client.get("/api/executions").json()["errors"], 120, "executions to be told again")
        assert "rbac-page-lifecycle.yaml" in str(client.get("/api/models").json()["errors"])
    finally:
        site.proxy.remove(rule)
    wait_until(lambda: not client.get("/api/models").json()["errors"], 120, "it to be allowed again")


def test_one_list_and_one_watch_a_kind_and_none_before_somebody_looks(site: Site, client: httpx.Client) -> None:
    """However many there are and look; the pages about executions follow no models."""
    for _ in range(5):
        for path in ("/api/models", "/api/endpoints"):
            assert client.get(path).status_code == 200
    assert arn_of(site, "no-such") is None
    wanted = {"modelpackages", "endpoints", "endpointconfigs"}

    def watches() -> set[str]:
        mine = [path for _, _, path in list(site.requests) if "/modelpackages?" in path or "/endpoint" in path]
        return {path.partition("?")[0].rpartition("/")[2] for path in mine if "watch=" in path}

    # What was listed is watched a moment later.
    wait_until(lambda: watches() >= wanted, 120, lambda: f"the watches: {watches()}")
    assert watches() == wanted


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "offset=-1", "search=" + "x" * 201])
@pytest.mark.parametrize("path", ["/api/models", "/api/endpoints"])
def test_bad_input_is_said(client: httpx.Client, path: str, query: str) -> None:
    assert client.get(f"{path}?{query}").status_code == 422
    assert client.get(f"{path}?cluster=other").status_code == 404

"""What the pages read: live, whole, and without secrets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from airflow_ack_sagemaker import __version__
from airflow_ack_sagemaker.core.definition.parse import parse_definition
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_DEFINITION_SHA256,
    ANNOTATION_DEFINITION_SOURCE,
    ANNOTATION_DEFINITION_VERSION,
)
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION
from harness.waiting import wait_until
from tests.plugin.definitions import SECRET, definition, step
from tests.plugin.site import Site

HOSTILE = '<img src=x onerror=alert(1)>"\u202e&' + "x" * 900


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    with site.client() as client:
        yield client


@pytest.mark.floor
def test_a_run_is_followed_from_its_start_to_its_end(site: Site, client: httpx.Client) -> None:
    pipeline = site.pipeline(definition())
    site.control("POST", "script", {"rules": [f"{pipeline}/Train=hold"]})
    name = site.execution(pipeline, parameters={"Note": "hello"})
    site.wait_shown(client, name, "Executing")

    def training() -> dict[str, Any] | None:
        steps = {step["name"]: step for step in site.detail(client, name)["graph"]["steps"]}
        return steps if steps and steps["Train"]["status"] == "Executing" else None

    steps = wait_until(training, 120, "the training to run")
    assert {key: steps[key]["status"] for key in ("Good", "Register", "Complain")} == dict.fromkeys(
        ("Good", "Register", "Complain"), "NotStarted"
    )
    site.control("POST", "release")
    row = site.wait_shown(client, name, "Succeeded")
    assert (row["state"], row["dag_id"], row["task_id"], row["attempt"]) == ("Succeeded", "retraining", "launch", 1)
    status = site.get("pipelineexecutions", name)["status"]
    began, ended = (datetime.fromisoformat(status[key]) for key in ("creationTime", "lastModifiedTime"))
    assert row["duration"] == (ended - began).total_seconds()
    assert row["console_url"].startswith("https://us-east-1.console.aws.amazon.com/")

    def settled() -> dict[str, Any] | None:
        found = site.detail(client, name)
        return found if {step["status"] for step in found["graph"]["steps"]} == {"Succeeded", "Skipped"} else None

    found = wait_until(settled, 120, "all steps to have ended")
    assert {step["name"] for step in found["graph"]["steps"] if step["status"] == "Skipped"} == {"Complain"}
    assert {"source": "Good", "target": "Register", "branch": "if"} in found["graph"]["edges"]
    assert found["graph"]["source"] == "sagemaker"
    assert {"name": "Note", "value": "hello", "masked": False} in found["parameters"]
    assert [event["kind"] for event in found["timeline"]].count("good") == 1
    assert "kind: PipelineExecution" in found["yaml"]
    assert found["execution"]["usual_duration"] == row["duration"]


def test_the_values_of_a_step(site: Site, client: httpx.Client) -> None:
    document = json.loads(definition())
    train, good = document["Steps"]
    note, token = {"Get": "Parameters.Note"}, {"Get": "Parameters.ApiToken"}
    train["Arguments"] |= {
        "Environment": {"NOTE": note, "COPY": token, "DB_PASSWORD": note},
        "Tags": [{"Key": "password", "Value": {"Std:Join": {"On": "", "Values": [SECRET, note]}}}],
        "HyperParameters": {"pipeline": {"Get": "Execution.PipelineName"}},
    }
    good["Arguments"]["IfSteps"][0]["Arguments"] = {"Outcome": {"Get": "Steps.Good.Outcome"}}
    pipeline = site.pipeline(json.dumps(document))
    name = site.execution(pipeline, parameters={"Note": "hello"})
    site.wait_shown(client, name, "Succeeded")

    def values(step: str) -> dict[str, tuple[str | None, str | None]]:
        path = f"/api/executions/default/{name}/values"
        found = client.get(path, params={"step": step}).raise_for_status().json()
        assert SECRET not in json.dumps(found)
        return {one["where"]: (one["value"], one["why"]) for one in found["values"]}

    seen = wait_until(lambda: values("Train"), 120, "the definition")
    assert seen["/Arguments/Environment/NOTE"] == ("hello", None)
    assert seen["/Arguments/Environment/COPY"] == (None, "Parameters.ApiToken has no value: it is hidden")
    assert seen["/Arguments/Environment/DB_PASSWORD"] == (None, "it is hidden")
    assert seen["/Arguments/Tags/0/Value"] == (None, "it is hidden")
    assert seen["/Arguments/HyperParameters/pipeline"] == (pipeline, None)
    wait_until(lambda: values("Good")["/Arguments/Conditions"] == ("true", None), 120, "the condition")
    wait_until(lambda: values("Register")["/Arguments/Outcome"] == ("true", None), 120, "the outcome")
    assert values("Nothing") == {}


def reporting(place: Any) -> str:
    """A definition whose step writes a report to a place, and a condition on it."""
    outputs = [{"OutputName": "evaluation", "S3Output": {"S3Uri": place}}]
    evaluate = step("Evaluate", kind="Processing", ProcessingOutputConfig={"Outputs": outputs})
    evaluate["PropertyFiles"] = [{"PropertyFileName": "Report", "OutputName": "evaluation", "FilePath": "report.json"}]
    value = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": "mse"}}
    conditions = [{"Type": "LessThan", "LeftValue": value, "RightValue": 6}]
    check = step("Check", "Evaluate", kind="Condition", Conditions=conditions, IfSteps=[step("Deploy")], ElseSteps=[])
    return json.dumps({"Version": "2020-12-01", "Steps": [evaluate, check]})


IDENTITY = {"Get": "Execution.PipelineExecutionId"}


@pytest.mark.parametrize(
    ("place", "shown", "why"),
    [
        ({"Std:Join": {"On": "/", "Values": ["s3://definitions", IDENTITY]}}, "5", None),
        # What stands there may be another execution's, or anybody's.
        ("s3://definitions/same", None, "does not tell executions apart"),
        ({"Std:Join": {"On": "/", "Values": ["s3://secrets", IDENTITY]}}, None, "does not name the bucket"),
    ],
)
def test_a_value_is_read_where_the_execution_has_written_it(
    site: Site, client: httpx.Client, place: Any, shown: str | None, why: str | None
) -> None:
    pipeline = site.pipeline(reporting(place))
    site.control("POST", "script", {"rules": [f"{pipeline}/Evaluate=hold"]})
    name = site.execution(pipeline)
    identity = site.wait_shown(client, name, "Executing")["arn"].rpartition("/")[2]
    s3 = site.sandbox.aws_client("s3")
    for bucket in ("definitions", "secrets"):
        s3.create_bucket(Bucket=bucket)
        for folder in (identity, "same"):
            s3.put_object(Bucket=bucket, Key=f"{folder}/report.json", Body=b'{"mse": 5}')
    site.control("POST", "release")
    site.wait_shown(client, name, "Succeeded")
    path = f"/api/executions/default/{name}/values"

    def value() -> tuple[str | None, str | None] | None:
        found = client.get(path, params={"step": "Check"}).raise_for_status().json()["values"]
        told = {one["where"]: (one["value"], one["why"]) for one in found}
        settled = told.get("/Arguments/Conditions/0/LeftValue")
        return settled if settled and (settled[0] or (why and why in str(settled[1]))) else None

    assert wait_until(value, 120, "the value")[0] == shown


def test_a_failure_says_why(site: Site, client: httpx.Client) -> None:
    text = definition().replace('"RightValue": 1', '"RightValue": 2')
    name = site.execution(site.pipeline(text))
    row = site.wait_shown(client, name, "Failed")
    assert row["state"] == "Failed"
    assert row["reason"]
    steps = {step["name"]: step for step in site.whole_detail(client, name)["graph"]["steps"]}
    assert (steps["Complain"]["status"], steps["Register"]["status"]) == ("Failed", "Skipped")
    assert "not good" in (steps["Complain"]["reason"] or "")


def test_what_is_unchanged_is_not_sent_again(site: Site, client: httpx.Client) -> None:
    name = site.execution(site.pipeline(definition()))
    site.wait_shown(client, name, "Succeeded")
    # What other tests have started may still change the whole list.
    paths = [
        f"/api/executions?search={name}&run_id=none",
        "/api/pipelines?dag_id=other_team",
        f"/api/executions/default/{name}",
    ]
    for path in paths:

        def unchanged(path: str = path) -> bool:
            tag = client.get(path).headers["etag"]
            again = client.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
            return again.status_code == 304 and not again.content and again.headers["etag"] == tag

        wait_until(unchanged, 120, f"{path} not to change")
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_what_comes_and_what_goes_is_seen(site: Site, client: httpx.Client) -> None:
    pipeline = site.pipeline(definition())
    before = client.get("/api/executions").headers["etag"]
    name = site.execution(pipeline)
    row = site.wait_shown(client, name, "Succeeded")
    assert client.get("/api/executions", headers={"If-None-Match": before}).status_code == 200
    path = f"/apis/{API_VERSION}/namespaces/default/pipelineexecutions/{name}"
    site.kubernetes.delete(path).raise_for_status()
    wait_until(lambda: site.shown(client, name) is None, 120, "the deleted one to be gone")
    assert client.get(f"/api/executions/default/{name}").status_code == 404
    again = site.execution(pipeline, run_id=row["run_id"])
    assert again == name
    assert site.wait_shown(client, name)["uid"] != row["uid"]


def test_attempts_are_beside_each_other(site: Site, client: httpx.Client) -> None:
    pipeline = site.pipeline(definition())
    first = site.execution(pipeline, run_id="twice")
    second = site.execution(pipeline, run_id="twice", attempt=2)
    site.execution(pipeline, run_id="thrice")
    site.wait_shown(client, second)
    assert [row["name"] for row in site.detail(client, first)["attempts"]] == [second, first]


@pytest.mark.floor
def test_no_secret_is_in_any_answer(site: Site, client: httpx.Client) -> None:
    annotations = {
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"value": SECRET}),
        "api-token": SECRET,
    }
    text = definition()
    pipeline = site.pipeline(text)
    names = [site.execution(pipeline, parameters={"ApiToken": SECRET}, annotations=annotations) for _ in range(2)]
    site.patch_definition(pipeline, definition(secret=f"{SECRET}-changed", epochs=4))
    names.append(site.execution(pipeline, parameters={"ApiToken": SECRET}, annotations=annotations))
    for name in names:
        site.wait_shown(client, name, "Succeeded")
    answers = [client.get(path) for path in ("/api/executions?limit=200", "/api/pipelines", "/api/health")]
    for name in names:
        answers += [client.get(f"/api/executions/default/{name}{more}") for more in ("", "/diff")]
    assert {answer.status_code for answer in answers} == {200}
    assert not [str(answer.url) for answer in answers if "hunter2" in answer.text]
    found = site.detail(client, names[0])
    assert {"name": "ApiToken", "value": "***", "masked": True} in found["parameters"]
    assert "api-token: '***'" in found["yaml"]


def test_a_definition_is_compared_with_that_of_the_run_before(site: Site, client: httpx.Client) -> None:
    pipeline = site.pipeline(definition())
    site.control("POST", "script", {"rules": [f"{pipeline}/Train=hold"]})
    runs = [site.execution(pipeline, run_id="diff-1")]
    site.wait_shown(client, runs[0], "Executing")
    site.next_second(runs[0])
    runs.append(site.execution(pipeline, run_id="diff-2"))
    site.wait_shown(client, runs[1], "Executing")
    site.patch_definition(pipeline, definition(epochs=4))
    site.next_second(runs[1])
    runs.append(site.execution(pipeline, run_id="diff-3"))
    site.wait_shown(client, runs[2], "Executing")

    first, second, third = (site.difference(client, name) for name in runs)
    assert (first["previous"], first["same"]) == (None, None)
    assert (second["previous"]["run_id"], second["same"], second["diff"]) == ("diff-1", True, None)
    assert (third["previous"]["name"], third["same"]) == (runs[1], False)
    assert '-          "epochs": "3"' in third["diff"]
    assert '+          "epochs": "4"' in third["diff"]


def test_what_is_hostile_is_text(site: Site, client: httpx.Client) -> None:
    name = site.execution(site.pipeline(definition()), parameters={"Note": HOSTILE})
    site.wait_shown(client, name)
    answer = client.get(f"/api/executions/default/{name}")
    assert answer.headers["content-type"] == "application/json"
    assert {"name": "Note", "value": HOSTILE, "masked": False} in answer.json()["parameters"]
    missing = client.get("/api/executions/default/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/json"


@pytest.mark.floor
def test_pipelines_say_where_they_come_from_and_how_they_went(site: Site, client: httpx.Client) -> None:
    s3 = site.sandbox.aws_client("s3")
    s3.create_bucket(Bucket="definitions")
    s3.put_bucket_versioning(Bucket="definitions", VersioningConfiguration={"Status": "Enabled"})
    parsed = parse_definition(definition())
    version = s3.put_object(Bucket="definitions", Key="one.json", Body=parsed.text)["VersionId"]
    facts = {
        "definition_sha256": parsed.sha256,
        "definition_source": "s3://definitions/one.json",
        "definition_version_id": version,
    }
    current, behind, edited = (site.pipeline(parsed.text, **facts) for _ in range(3))
    for _ in range(2):
        site.wait_shown(client, site.execution(current), "Succeeded")
    older = {ANNOTATION_DEFINITION_VERSION: "an-older-one", ANNOTATION_DEFINITION_SOURCE: facts["definition_source"]}
    site.patch("pipelines", behind, {"metadata": {"annotations": older}})
    site.patch_definition(edited, definition(epochs=9))
    for name in (behind, edited):
        site.execution(name)

    def drifts() -> dict[str, Any] | None:
        items = {item["name"]: item for item in client.get("/api/pipelines").json()["items"]}
        wanted = {current: "in_sync", behind: "behind", edited: "edited"}
        return items if {name: items.get(name, {}).get("drift", {}).get("state") for name in wanted} == wanted else None

    item = wait_until(drifts, 120, lambda: f"drifts: {client.get('/api/pipelines').text}")[current]
    assert item["definition"] == {
        "source_uri": "s3://definitions/one.json",
        "version_id": version,
        "sha256": hashlib.sha256(parsed.text.encode()).hexdigest(),
    }
    assert (item["success_rate"], item["ended"], item["dag_ids"], item["status"]) == (1.0, 2, ["retraining"], "Active")
    assert [run["state"] for run in item["durations"]] == ["Succeeded", "Succeeded"]
    assert item["last"]["name"] == item["durations"][-1]["name"]


@pytest.mark.floor
def test_airflow_knows_the_plugin(site: Site) -> None:
    (plugin,) = [
        one for one in site.airflow.api.request("GET", "/plugins")["plugins"] if one["name"] == "ack_sagemaker"
    ]
    assert [app["url_prefix"] for app in plugin["fastapi_apps"]] == ["/ack-sagemaker"]
    apps = {app["destination"]: app for app in plugin["react_apps"]}
    assert set(apps) == {"nav", "dag", "dag_run", "task", "task_instance"}
    assert len({app["url_route"] for app in apps.values()}) == 5
    assert {app["bundle_url"] for app in apps.values()} == {f"/ack-sagemaker/static/main.js?v={__version__}"}
    listed = site.airflow.command("plugins", "--output", "json")
    assert "airflow_ack_sagemaker.plugin.LazyApp" in listed.stdout, listed.stderr


def test_health(site: Site, client: httpx.Client) -> None:
    site.wait_shown(client, site.execution(site.pipeline(definition())), "Succeeded")

    def at_rest() -> dict[str, Any] | None:
        (found,) = client.get("/api/health").json()["clusters"]
        return found if found["waiting"] == 0 else None

    # The controller comes round to what other tests have left, too.
    found = wait_until(at_rest, 120, lambda: f"nothing to wait: {client.get('/api/health').text}")
    assert (found["cluster"], found["namespace"], found["controller"]) == (
        "kubernetes_default",
        "default",
        "reconciling",
    )
    assert (found["watch"]["state"], found["watch"]["error"]) == ("live", None)
    assert 0 <= found["watch"]["age"] < 120
    assert found["executions"] >= 1


def test_an_execution_says_what_it_ran(site: Site, client: httpx.Client) -> None:
    annotations = {ANNOTATION_DEFINITION_SHA256: "a" * 64, ANNOTATION_DEFINITION_VERSION: "v7"}
    name = site.execution(site.pipeline(definition()), annotations=annotations)
    site.wait_shown(client, name)
    assert site.detail(client, name)["definition"] == {"source_uri": None, "version_id": "v7", "sha256": "a" * 64}

"""What the page believes that the routes answer (`ui/src/api/types.ts`) is what they answer, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from airflow_ack_sagemaker.core.definition.parse import parse_definition
from airflow_ack_sagemaker.core.lifecycle.registry import adoption_manifest
from airflow_ack_sagemaker.core.lifecycle.serving import ANNOTATION_MODEL
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_DEFINITION_SHA256,
    ANNOTATION_DEFINITION_VERSION,
    LABEL_ATTEMPT,
    LABEL_DAG,
    RunIdentity,
    label_value,
)
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, PipelineSpec
from airflow_ack_sagemaker.core.resource.status import State
from airflow_ack_sagemaker.plugin.app import create_app
from harness.waiting import HUNG, wait_until
from tests.plugin.definitions import definition
from tests.plugin.served import arn_of, listed, new_group, rollout, version
from tests.plugin.site import ROLE, Site
from tests.plugin.test_step_log import write as write_log
from tests.plugin.typescript import Comparison, Literal, Union, read

TYPES = Path(__file__).parents[2] / "ui" / "src" / "api" / "types.ts"
EXECUTION = "/api/executions/{namespace}/{name}"
ROUTES = {
    "/api/executions": "ExecutionList",
    EXECUTION: "ExecutionDetail",
    f"{EXECUTION}/diff": "DefinitionDiff",
    f"{EXECUTION}/values": "StepValues",
    f"{EXECUTION}/log": "StepLog",
    "/api/pipelines": "PipelineList",
    "/api/models": "ModelList",
    "/api/endpoints": "EndpointList",
    "/api/health": "Health",
}
NEVER_HERE = {
    # A cluster in which no controller has ever written, and a watch that has not begun: there is none on this site.
    "ClusterHealth.last_reconciled: null",
    "ClusterHealth.watch.age: null",
}


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    with site.client() as client:
        yield client


def test_every_route_that_is_read_is_compared() -> None:
    read_routes = {
        route.path  # type: ignore[attr-defined]
        for route in create_app().routes
        if "GET" in route.methods and route.path.startswith("/api/")  # type: ignore[attr-defined]
    }
    assert read_routes == ROUTES.keys()


def test_the_states_are_ours() -> None:
    declared = read(TYPES.read_text())["State"]
    assert isinstance(declared, Union)
    # What is gone is not shown.
    assert {one.text for one in declared.options if isinstance(one, Literal)} == {*State} - {State.GONE}


class Answers:
    """The answers of all routes about what is in the cluster now, compared."""

    def __init__(self, site: Site, client: httpx.Client) -> None:
        self._site = site
        self._client = client
        self.comparison = Comparison(read(TYPES.read_text()))
        self.differences: list[str] = []

    def look(self, route: str, **where: str) -> Any:
        """One answer."""
        step = {"step": "Train"} if route.endswith(("/values", "/log")) else None
        url = route.format(namespace="default", **where)
        answer = self._client.get(url, params=step).raise_for_status().json()
        self.differences += self.comparison.differences(ROUTES[route], answer)
        return answer

    def about(self, name: str) -> None:
        """The answers about one execution, once AWS has answered: what is told meanwhile is not what is compared."""
        self._site.whole_detail(self._client, name)
        self._site.difference(self._client, name)
        self.look(EXECUTION, name=name)
        self.look(f"{EXECUTION}/diff", name=name)
        self.look(f"{EXECUTION}/values", name=name)
        self.look(f"{EXECUTION}/log", name=name)


def shown(site: Site, client: httpx.Client, name: str, state: State) -> None:
    """Wait until the list has an execution in a state of ours."""
    wait_until(lambda: (site.shown(client, name) or {}).get("state") == state, 120, f"{name} {state}")


def text(*, epochs: int = 3, right: int = 1) -> str:
    """A definition with a step that has a display name."""
    found = json.loads(definition(epochs=epochs).replace('"RightValue": 1', f'"RightValue": {right}'))
    found["Steps"][0]["DisplayName"] = "The training"
    found["Steps"][0]["Arguments"]["Tags"] = [{"Get": "Parameters.Note"}, {"Get": "Execution.CurrentDateTime"}]
    return json.dumps(found)


def drift(listed: dict[str, Any], pipeline: str) -> str:
    """How a pipeline in the list stands to S3."""
    found: str = next((item["drift"]["state"] for item in listed["items"] if item["name"] == pipeline), "not listed")
    return found


def uploaded(site: Site, body: str) -> dict[str, Any]:
    """Put a definition into S3; what a pipeline records of it."""
    s3 = site.sandbox.aws_client("s3")
    s3.create_bucket(Bucket="of-types")
    s3.put_bucket_versioning(Bucket="of-types", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="of-types", Key="one.json", Body=body)["VersionId"]
    s3.close()
    return {
        "definition_sha256": parse_definition(body).sha256,
        "definition_source": "s3://of-types/one.json",
        "definition_version_id": version,
    }


def of_a_log(site: Site, client: httpx.Client, answers: Answers, execution: str) -> None:
    """One that has been written."""
    made = site.shown(client, execution)
    assert made is not None
    write_log(site, made["arn"], "epoch 1")
    wait_until(lambda: answers.look(f"{EXECUTION}/log", name=execution)["lines"], 120, "the lines of a log")


def of_models_and_endpoints(site: Site, client: httpx.Client, answers: Answers, execution: str) -> None:
    """Everything that a version and an endpoint can be."""
    made = site.shown(client, execution)
    assert made is not None
    group = new_group(site)
    approved = version(site, group, metrics={"mse": 2.5}, execution=made["arn"])
    version(site, new_group(site))
    refused = version(site, "no-such-group", waits=False)
    site.patch("modelpackages", approved, {"spec": {"modelApprovalStatus": "Approved"}})
    endpoint = "of-types"
    rollout(site, endpoint, model=arn_of(site, approved))
    standing(client, answers, endpoint, "Updated")
    site.control("POST", "script", {"rules": [f"endpoint/{endpoint}=rollback:it does not start"]})
    rollout(site, endpoint)
    standing(client, answers, endpoint, "RolledBack")
    site.control("DELETE", "script")
    config = rollout(site, "of-types-by-hand")
    notes = {"metadata": {"annotations": {ANNOTATION_MODEL: None}, "labels": {LABEL_ATTEMPT: None}}}
    site.patch("endpointconfigs", config, notes)
    standing(client, answers, "of-types-by-hand", "Updated")
    site.control("PUT", "controller", {"paused": True})
    try:
        rollout(site, "of-types-unseen")
        identity = RunIdentity("retraining", "run-of-adoption", "register")
        arn = str(arn_of(site, approved)).rpartition("/")[0] + "/9"
        unseen = site.create("modelpackages", adoption_manifest(arn, "default", identity=identity))["metadata"]["name"]
        wait_until(lambda: listed(client, "/api/endpoints", "of-types-unseen"), 120, "an endpoint that nobody has seen")
        wait_until(lambda: listed(client, "/api/models", unseen), 120, "a version that nobody has seen")
        wait_until(
            lambda: (listed(client, "/api/models", refused) or {}).get("remedy"), 120, "a version that is refused"
        )
        wait_until(
            lambda: [one for one in answers.look("/api/models")["groups"] if one["approved"]], 120, "an approved one"
        )
        wait_until(
            lambda: any(item["endpoints"] for item in answers.look("/api/models")["items"]), 120, "what serves it"
        )
        answers.look("/api/endpoints")
    finally:
        site.control("PUT", "controller", {"paused": False})


def standing(client: httpx.Client, answers: Answers, endpoint: str, wanted: str) -> None:
    """Wait until an endpoint's rollout stands so, and compare what is told of it."""
    wait_until(
        lambda: (listed(client, "/api/endpoints", endpoint) or {}).get("standing") == wanted,
        120,
        lambda: f"{endpoint} {wanted}: {listed(client, '/api/endpoints', endpoint)}",
    )
    answers.look("/api/endpoints")


def test_the_answers_are_as_declared(site: Site, client: httpx.Client) -> None:
    """For everything that an execution and a pipeline can be; what the page may get as null was null at least once."""
    answers = Answers(site, client)
    pipeline = site.pipeline(text(), **uploaded(site, text()))
    known = {ANNOTATION_DEFINITION_SHA256: "b" * 64, ANNOTATION_DEFINITION_VERSION: "v"}
    succeeded = [site.execution(pipeline, annotations=known, parameters={"Note": "n"})]
    shown(site, client, succeeded[0], State.SUCCEEDED)
    wait_until(lambda: drift(answers.look("/api/pipelines"), pipeline) == "in_sync", 120, "S3 to have been asked")
    site.patch_definition(pipeline, text(epochs=4))
    for said in ({}, known):
        succeeded.append(site.execution(pipeline, annotations=said))
        shown(site, client, succeeded[-1], State.SUCCEEDED)
    failed = site.execution(site.pipeline(text(right=2)))
    shown(site, client, failed, State.FAILED)
    refused = site.execution("never-made")
    wait_until(lambda: (site.shown(client, refused) or {}).get("remedy"), 120, "a remedy")
    member = RunIdentity("retraining", "run-of-a-batch", "launch").member(1)
    manifest = ExecutionSpec(pipeline, []).manifest("default", member, attempt=1, tried=Try())
    # As somebody may make it by hand: of a run, but of no attempt.
    manifest["metadata"]["name"] = "by-hand"
    for kept in ("annotations", "labels"):
        manifest["metadata"][kept] = {
            key: one for key, one in manifest["metadata"][kept].items() if "attempt" not in key
        }
    site.create("pipelineexecutions", manifest)
    held = site.pipeline(text())
    site.control("POST", "script", {"rules": [f"{held}/Train=hold"]})
    running = site.execution(held)
    shown(site, client, running, State.IN_PROGRESS)
    labels = {LABEL_DAG: label_value("retraining")}
    # SageMaker does not take it.
    site.create("pipelines", PipelineSpec("no-definition", ROLE, "{}", labels=labels).manifest("default"))
    site.control("PUT", "controller", {"paused": True})
    try:
        site.create("pipelines", PipelineSpec("not-seen-yet", ROLE, text(), labels=labels).manifest("default"))
        unseen = site.execution(held)
        shown(site, client, unseen, State.UNSEEN)
        answers.look("/api/health")
        wait_until(
            lambda: "not-seen-yet" in {item["name"] for item in answers.look("/api/pipelines")["items"]},
            HUNG,
            "a pipeline that nobody has seen",
        )
        answers.about(unseen)
    finally:
        site.control("PUT", "controller", {"paused": False})
    of_models_and_endpoints(site, client, answers, succeeded[0])
    of_a_log(site, client, answers, succeeded[0])
    for name in (*succeeded, failed, refused, running, "by-hand"):
        answers.about(name)
    answers.look("/api/executions")
    answers.look("/api/pipelines")
    answers.look("/api/health")
    site.control("POST", "release")
    rule = site.proxy.add("down", lambda exchange: True, lambda exchange: exchange.drop(), None, first=True)
    site.proxy.cut()
    try:
        wait_until(lambda: answers.look("/api/health")["clusters"][0]["watch"]["error"], 120, "a failure")
    finally:
        site.proxy.remove(rule)
    wait_until(
        lambda: answers.look("/api/health")["clusters"][0]["watch"]["state"] == "live", HUNG, "the watch to be back"
    )
    assert answers.differences == []
    assert answers.comparison.unseen(*ROUTES.values()) == NEVER_HERE


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": "x", "b": None, "c": [{"d": 1.5}], "e": {"one": True}}, []),
        ({"a": "y", "b": 2, "c": [], "e": {}}, []),
        ({"b": None, "c": [], "e": {}, "f": 0}, ["T.a: missing", "T.f: not declared"]),
        ({"a": "z", "b": None, "c": [], "e": {}}, ["T.a: 'z' is none of its types"]),
        ({"a": "x", "b": "2", "c": [], "e": {}}, ["T.b: '2' is none of its types"]),
        ({"a": "x", "b": None, "c": [{"d": True}], "e": {}}, ["T.c[0].d: True is no number"]),
        ({"a": "x", "b": None, "c": [], "e": {"three": True}}, ["T.e (key): 'three' is none of its types"]),
        ({"a": "x", "b": None, "c": None, "e": {"two": 1}}, ["T.c: None is no array", "T.e.two: 1 is no boolean"]),
        (None, ["T: None is no object"]),
    ],
)
def test_a_difference_is_told(value: Any, said: list[str]) -> None:
    types = read(
        """/** A comment. */
        export type K = "one" | "two";
        export type T = { a: | "x" | "y"; b: number | null; c: { d: number }[]; e: Partial<Record<K, boolean>> };
        """
    )
    comparison = Comparison(types)
    assert sorted(comparison.differences("T", value)) == said


def test_what_no_answer_had_is_told() -> None:
    comparison = Comparison(read("export type T = { a: string | null; b: { c: number } | null };"))
    assert comparison.differences("T", {"a": None, "b": {"c": 1}}) == []
    assert comparison.unseen("T") == {"T.a", "T.b: null"}


@pytest.mark.parametrize(
    "source", ["export interface T {}", "export type T = { a?: string };", "export type T = A & B;"]
)
def test_what_is_not_known_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r"expected|not known"):
        read(source)

"""Nobody sees or does what Airflow would not let him: every route, for every kind of user."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from airflow_ack_sagemaker.plugin.app import create_app
from harness.waiting import HUNG, wait_until
from tests.plugin.definitions import definition
from tests.plugin.served import listed, new_group, version
from tests.plugin.site import ACTION, Site

QUERY = {"step": "Train"}
"""What a route requires; the others do not mind."""


def routes() -> list[tuple[str, str]]:
    """Every route that the application has: method and path."""
    found = [(method, route.path) for route in create_app().routes for method in sorted(route.methods)]  # type: ignore[attr-defined]
    assert len(found) >= 7
    return [(method, path) for method, path in found if method != "HEAD"]


class Made(NamedTuple):
    """What a DAG has made: names of resources."""

    execution: str
    version: str

    def where(self, path: str) -> str:
        """The address of what it has made, on this route."""
        name = self.version if path.startswith("/api/models") else self.execution
        return path.format(namespace="default", name=name, file="main.js")


@pytest.fixture(scope="module")
def made(site: Site) -> dict[str, Made]:
    """An execution of each DAG, of a pipeline of its own, and a model version that the pages know."""
    group = new_group(site)
    found = {
        dag_id: Made(site.execution(site.pipeline(definition()), dag_id), version(site, group, dag_id))
        for dag_id in ("retraining", "other_team")
    }
    with site.client() as client:
        for one in found.values():
            site.wait_shown(client, one.execution)
            pipeline = site.get("pipelineexecutions", one.execution)["spec"]["pipelineName"]
            # Each kind has a watch of its own.
            wait_until(lambda pipeline=pipeline: pipeline in client.get("/api/pipelines").text, HUNG, pipeline)  # type: ignore[misc]
            wait_until(lambda one=one: listed(client, "/api/models", one.version), 120, f"{one.version} to be shown")  # type: ignore[misc]
    return found


@pytest.fixture(scope="module")
def names(made: dict[str, Made]) -> dict[str, str]:
    """The executions."""
    return {dag_id: one.execution for dag_id, one in made.items()}


def ask(site: Site, user: str | None, method: str, path: str, made: Made) -> Any:
    where = made.where(path)
    with site.client(user) as client:
        body = {"uid": "x", "approved": True} if method == "POST" else None
        return client.request(method, where, params=QUERY, headers=ACTION, json=body)


@pytest.mark.floor
@pytest.mark.parametrize(("method", "path"), routes())
def test_nobody_is_refused(site: Site, made: dict[str, Made], method: str, path: str) -> None:
    answer = ask(site, None, method, path, made["retraining"])
    assert answer.status_code == 401, answer.text


@pytest.mark.parametrize(("method", "path"), routes())
def test_a_forged_token_is_refused(site: Site, made: dict[str, Made], method: str, path: str) -> None:
    with site.client(None) as client:
        where = made["retraining"].where(path)
        headers = {**ACTION, "Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsInJvbGUiOiJhZG1pbiJ9."}
        assert client.request(method, where, headers=headers, json={"uid": "x", "approved": True}).status_code in (
            401,
            403,
        )


@pytest.mark.floor
@pytest.mark.parametrize(("method", "path"), routes())
def test_who_has_no_role_is_refused(site: Site, made: dict[str, Made], method: str, path: str) -> None:
    assert ask(site, "nobody", method, path, made["retraining"]).status_code == 403


@pytest.mark.parametrize(("method", "path"), [route for route in routes() if "static" not in route[1]])
def test_who_may_read_no_dag_is_refused(site: Site, made: dict[str, Made], method: str, path: str) -> None:
    assert ask(site, "ungranted", method, path, made["retraining"]).status_code == 403


@pytest.mark.floor
@pytest.mark.parametrize(("method", "path"), [route for route in routes() if "{name}" in route[1]])
def test_an_execution_of_a_dag_that_one_may_not_read(site: Site, made: dict[str, Made], method: str, path: str) -> None:
    answer = ask(site, "partial", method, path, made["other_team"])
    assert answer.status_code == 403
    assert "arn:" not in answer.text


@pytest.mark.parametrize("path", ["/api/executions", "/api/pipelines", "/api/health", "/api/models", "/api/endpoints"])
def test_lists_of_a_dag_that_one_may_not_read(site: Site, names: dict[str, str], path: str) -> None:
    with site.client("partial") as client:
        assert client.get(path, params={"dag_id": "other_team"}).status_code == 403
        assert client.get(path, params={"dag_id": "no_such_dag"}).status_code == 403
        assert client.get(path, params={"dag_id": "retraining"}).status_code == 200


@pytest.mark.floor
def test_lists_show_only_what_may_be_read(site: Site, names: dict[str, str]) -> None:
    with site.client("partial") as client:
        listed = client.get("/api/executions", params={"limit": 200}).json()
        pipelines = client.get("/api/pipelines").text
        assert {row["dag_id"] for row in listed["items"]} == {"retraining"}
        assert listed["dags"] == ["retraining"]
        assert names["other_team"] not in str(listed) + pipelines
        assert names["retraining"] in str(listed)
        assert names["retraining"].rpartition("-")[0].rpartition("-")[0] in pipelines
    with site.client("viewer") as client:
        listed = client.get("/api/executions", params={"limit": 200}).json()
        assert {"retraining", "other_team"} <= {row["dag_id"] for row in listed["items"]}
        assert client.get("/api/executions", params={"dag_id": "other_team"}).json()["total"] == 1


def test_answers_do_not_go_from_one_user_to_another(site: Site, names: dict[str, str]) -> None:
    with site.client("viewer") as all_dags, site.client("partial") as one_dag:
        tag = all_dags.get("/api/executions").headers["etag"]
        answer = one_dag.get("/api/executions", headers={"If-None-Match": tag})
        assert answer.status_code == 200
        assert names["other_team"] not in answer.text
        assert "private" in answer.headers["cache-control"]


def test_what_no_dag_has_made_is_not_shown(site: Site) -> None:
    pipeline = site.pipeline(definition())
    manifest = {
        "apiVersion": "sagemaker.services.k8s.aws/v1alpha1",
        "kind": "PipelineExecution",
        "metadata": {"name": f"{pipeline}-by-hand"},
        "spec": {"pipelineName": pipeline},
    }
    site.create("pipelineexecutions", manifest)
    seen = site.execution(pipeline)
    with site.client() as client:
        site.wait_shown(client, seen)
        assert client.get("/api/executions", params={"search": f"{pipeline}-by-hand"}).json()["total"] == 0
        assert client.get(f"/api/executions/default/{pipeline}-by-hand").status_code == 404


def test_rights_show_in_what_may_be_done(site: Site, names: dict[str, str]) -> None:
    may = {}
    for user in ("viewer", "user", "partial", "admin"):
        with site.client(user) as client:
            may[user] = client.get(f"/api/executions/default/{names['retraining']}").json()["may_edit"]
    assert may == {"viewer": False, "user": True, "partial": False, "admin": True}


@pytest.mark.parametrize(
    "file", ["..%2F__init__.py", "%2e%2e%2factions.py", "__init__.py", "no.js", "%00.js", ".", "static"]
)
def test_only_the_pages_own_files_are_served(site: Site, file: str) -> None:
    with site.client() as client:
        answer = client.get(f"/static/{file}")
        assert answer.status_code == 404
        assert "import" not in answer.text


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/api", "/"])
def test_there_is_nothing_else(site: Site, path: str) -> None:
    with site.client(None) as client:
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "sort=name",
        "sort=--created",
        "limit=0",
        "limit=201",
        "offset=-1",
        "state=Unheard",
        "map_index=x",
        "search=" + "x" * 201,
    ],
)
def test_bad_input_is_said(site: Site, query: str) -> None:
    with site.client() as client:
        answer = client.get(f"/api/executions?{query}")
        assert answer.status_code == 422
        assert query.partition("=")[0] in answer.text
        assert client.get("/api/executions?cluster=other").status_code == 404

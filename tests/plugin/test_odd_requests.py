"""Requests of odd form get an answer that says so, and never an error of the server's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from airflow.api_fastapi.core_api.security import get_user

from airflow_ack_sagemaker.plugin import files
from airflow_ack_sagemaker.plugin.access import readable_dags, reads_connections
from airflow_ack_sagemaker.plugin.app import create_app
from airflow_ack_sagemaker.plugin.shared import secrets_known
from tests.plugin.site import ACTION

ACTIONS = ("/api/executions/ml/x/stop", "/api/models/ml/x/approval")


def always(value: Any) -> Callable[[], Any]:
    return lambda: value


def asked(method: str, path: str, **request: Any) -> httpx.Response:
    """The answer to somebody who may do everything."""
    app = create_app()
    given: dict[Any, Any] = {
        get_user: object(),
        secrets_known: None,
        readable_dags: frozenset({"retraining"}),
        reads_connections: False,
        **{one.dependency: None for one in files.router.dependencies},
    }
    app.dependency_overrides = {name: always(value) for name, value in given.items()}

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow.example") as client:
            return await client.request(method, path, **request)

    return asyncio.run(ask())


@pytest.mark.parametrize("path", ACTIONS)
@pytest.mark.parametrize("uid", [r'"\ud800"', "NaN", "1", "[]"])
def test_what_an_answer_cannot_hold_is_not_repeated_in_it(path: str, uid: str) -> None:
    headers = {**ACTION, "Content-Type": "application/json"}
    said = asked("POST", path, headers=headers, content=f'{{"uid":{uid},"approved":true}}')
    assert said.status_code == 422
    (problem,) = said.json()["detail"]
    assert problem["loc"] == ["body", "uid"]
    assert problem["msg"]


@pytest.mark.parametrize("path", ACTIONS)
@pytest.mark.parametrize("origin", ["http://[", "http://]", "null", "", "http://other.example"])
def test_an_origin_that_is_none_of_ours_is_refused_whatever_it_is(path: str, origin: str) -> None:
    headers = {**ACTION, "Content-Type": "application/json", "Origin": origin}
    assert asked("POST", path, headers=headers, content='{"uid":"x","approved":true}').status_code == 403


@pytest.mark.parametrize("file", ["a" * 300 + ".js", "a" * 5_000 + ".js", "%00.js", "..", "licenses.md"])
def test_a_file_that_cannot_be_there_is_not_there(file: str) -> None:
    assert asked("GET", f"/static/{file}").status_code == 404

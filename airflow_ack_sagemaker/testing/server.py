"""Run a DAG to its end on a real Airflow, through its REST API (version 2, Airflow 3.1 and newer)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from airflow_ack_sagemaker.testing.dags import DagResult

_ENDED = frozenset({"success", "failed"})
_PAUSE = 1.0
_ANSWER = 60.0
"""Seconds within which Airflow answers: the first request of each kind takes long on a busy machine."""
_PAGE = 100


def run_on_server(
    url: str,
    dag_id: str,
    conf: Mapping[str, Any] | None = None,
    *,
    username: str,
    password: str,
    timeout: float = 600.0,
) -> DagResult:
    """Trigger a DAG on a running Airflow and wait for the run's end.

    ```python
    from airflow_ack_sagemaker.testing import run_on_server

    def check_staging(password):
        result = run_on_server("https://airflow.staging", "retrain", {"rounds": 5}, username="ci", password=password)
        assert result.succeeded, result.tasks
    ```

    :param url: of the API server.
    :param dag_id: the DAG, which is unpaused for it.
    :param conf: configuration of the run.
    :param username: who runs it.
    :param password: of that user.
    :param timeout: seconds until the run must have ended.
    :raises TimeoutError: the run has not ended within ``timeout``; it goes on.
    :raises httpx.HTTPError: Airflow refuses, or does not answer.
    """
    end = time.monotonic() + timeout
    with httpx.Client(base_url=url, timeout=_ANSWER) as client:
        login = client.post("/auth/token", json={"username": username, "password": password}).raise_for_status()
        client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        runs = f"/api/v2/dags/{quote(dag_id, safe='')}/dagRuns"
        client.patch(f"/api/v2/dags/{quote(dag_id, safe='')}", json={"is_paused": False}).raise_for_status()
        run = client.post(runs, json={"conf": dict(conf or {}), "logical_date": None}).raise_for_status().json()
        path = f"{runs}/{quote(run['dag_run_id'], safe='')}"
        while run["state"] not in _ENDED:
            if time.monotonic() >= end:
                raise TimeoutError(f"{dag_id} {run['dag_run_id']} is {run['state']} after {timeout:g} s.")
            time.sleep(_PAUSE)
            try:
                run = client.get(path).raise_for_status().json()
            except httpx.TransportError:
                continue  # a server that restarts, or is busy: the run goes on
        tasks: dict[str, str] = {}
        returned: dict[str, Any] = {}
        for one in _all(client, f"{path}/taskInstances", "task_instances"):
            key = one["task_id"] if one["map_index"] < 0 else f"{one['task_id']}[{one['map_index']}]"
            tasks[key] = str(one["state"])
            xcom = client.get(
                f"{path}/taskInstances/{quote(one['task_id'], safe='')}/xcomEntries/return_value",
                params={"map_index": one["map_index"], "deserialize": True},
            )
            if xcom.status_code != httpx.codes.NOT_FOUND:
                returned[key] = xcom.raise_for_status().json()["value"]
    return DagResult(run["state"], tasks, returned, run["dag_run_id"])


def _all(client: httpx.Client, path: str, member: str) -> Iterator[dict[str, Any]]:
    """The entries of a list, which comes in pages."""
    seen, total = 0, 1
    while seen < total:
        page = client.get(path, params={"limit": _PAGE, "offset": seen}).raise_for_status().json()
        yield from page[member]
        seen, total = seen + _PAGE, page["total_entries"]

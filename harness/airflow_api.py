"""What the demo and the tests ask of a running Airflow, through its REST API (version 2, Airflow 3.1 and newer)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self
from urllib.parse import quote

import httpx

from harness.waiting import wait_until

FINISHED_RUN = frozenset({"success", "failed"})
_ANSWER_SECONDS = 120.0
"""Many times what an answer takes on a busy machine: what takes longer hangs."""


class DagBroken(Exception):
    """A DAG file does not import; the message is Airflow's stack trace."""


class AirflowApi:
    """A client for one Airflow at `url` that logs in as `username` when first asked.

    Every method raises httpx.HTTPError when Airflow refuses or does not answer; waiting methods raise TimeoutError.
    The environment's proxies and certificates are not used: the server is on this machine.
    """

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url = url
        self._login = {"username": username, "password": password}
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=_ANSWER_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def request(self, method: str, path: str, **arguments: Any) -> Any:
        """One authenticated request below /api/v2; the decoded body (None when it is empty)."""
        if "Authorization" not in self._client.headers:
            answer = self._client.post("/auth/token", json=self._login)
            answer.raise_for_status()
            self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        response = self._client.request(method, f"/api/v2{path}", **arguments)
        if response.is_error:
            raise httpx.HTTPStatusError(
                f"{method} {path}: {response.status_code} {response.text[:2000]}",
                request=response.request,
                response=response,
            )
        return response.json() if response.content else None

    def health(self) -> dict[str, dict[str, Any]]:
        """Part -> its status and latest heartbeat, as Airflow reports them; empty while nobody answers."""
        try:
            response = self._client.get("/api/v2/monitor/health")
        except httpx.TransportError:
            return {}
        answer: dict[str, dict[str, Any]] = response.json() if response.is_success else {}
        return answer

    def warm_up(self, timeout: float) -> None:
        """Let the API server build what it builds for the first task (7 s of CPU); that task would wait for it.

        :param timeout: seconds; on a busy machine those 7 s can be minutes.
        """
        self._client.get("/execution/health", timeout=timeout).raise_for_status()

    # DAGs

    def import_errors(self) -> dict[str, str]:
        """File name -> stack trace of each DAG file that does not import."""
        answer = self.request("GET", "/importErrors", params={"limit": 100})
        return {error["filename"]: error["stack_trace"] for error in answer["import_errors"]}

    def dag_ids(self) -> set[str]:
        """The ids of all DAGs that were parsed."""
        return {dag["dag_id"] for dag in self.request("GET", "/dags", params={"limit": 100})["dags"]}

    def wait_for_dag(self, dag_id: str, timeout: float = 60.0) -> None:
        """Wait until the DAG processor has parsed a DAG. Raises DagBroken when a file does not import instead."""

        def known() -> bool:
            if dag_id in self.dag_ids():
                return True
            if errors := self.import_errors():
                raise DagBroken("\n".join(f"{name}:\n{trace}" for name, trace in errors.items()))
            return False

        wait_until(known, timeout, f"the DAG {dag_id}")

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler start runs of a DAG."""
        self.request("PATCH", f"/dags/{quote(dag_id)}", json={"is_paused": False})

    def pause(self, dag_id: str) -> None:
        """Let the scheduler start no more runs of a DAG."""
        self.request("PATCH", f"/dags/{quote(dag_id)}", json={"is_paused": True})

    def read_again(self, dag_id: str) -> None:
        """Let the DAG processor read the file of a DAG now, and know the watchers of one that was unpaused."""
        token = self.request("GET", f"/dags/{quote(dag_id)}")["file_token"]
        self.request("PUT", f"/parseDagFile/{token}")

    # DAG runs

    def trigger(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        logical_date: str | None = None,
    ) -> str:
        """Start a run of a DAG (`conf`: its parameters) and return the run's id.

        Airflow may lose against another writer of its own (a deadlock in the database: 500). What has a name is then
        asked for again: it is there or not, never twice.
        """
        body = {"conf": dict(conf or {}), "dag_run_id": run_id, "logical_date": logical_date}
        lost = False

        def started() -> str:
            nonlocal lost
            try:
                answer: dict[str, str] = self.request("POST", f"/dags/{quote(dag_id)}/dagRuns", json=body)
            except httpx.HTTPStatusError as error:
                if lost and run_id is not None and error.response.status_code == httpx.codes.CONFLICT:
                    return run_id
                lost = run_id is not None and "Database error" in error.response.text
                if not lost:
                    raise
                return ""
            return answer["dag_run_id"]

        return wait_until(started, 30, f"the start of {dag_id} {run_id}")

    def run_dag(self, dag_id: str, conf: Mapping[str, Any] | None = None, timeout: float = 120.0) -> tuple[str, str]:
        """Wait for a DAG, unpause it, run it once and wait for the end: (run id, state)."""
        self.wait_for_dag(dag_id)
        self.unpause(dag_id)
        run_id = self.trigger(dag_id, conf)
        return run_id, self.wait_dag_run(dag_id, run_id, timeout)

    def dag_run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """One DAG run as Airflow describes it."""
        answer: dict[str, Any] = self.request("GET", _run_path(dag_id, run_id))
        return answer

    def dag_runs(self, dag_id: str) -> list[dict[str, Any]]:
        """The runs of a DAG, newest first."""
        path = f"/dags/{quote(dag_id)}/dagRuns"
        answer: dict[str, list[dict[str, Any]]] = self.request("GET", path, params={"order_by": "-id", "limit": 100})
        return answer["dag_runs"]

    def wait_dag_run(self, dag_id: str, run_id: str, timeout: float = 120.0) -> str:
        """Wait until a run has ended; its state: success or failed."""

        def ended() -> str | None:
            # By its list: Airflow 3.1 answers before it has committed a run, which is "not found" until then.
            states = {run["dag_run_id"]: str(run["state"]) for run in self.dag_runs(dag_id)}
            state = states.get(run_id)
            return state if state in FINISHED_RUN else None

        return wait_until(ended, timeout, lambda: f"the end of {dag_id} {run_id}: {self.states(dag_id, run_id)}")

    def mark_run(self, dag_id: str, run_id: str, state: str) -> None:
        """What the buttons "mark as failed" and "mark as success" of a DAG run do."""
        self.request("PATCH", _run_path(dag_id, run_id), json={"state": state})

    def backfill(
        self, dag_id: str, first: str, last: str, *, at_once: int, conf: Mapping[str, Any] | None = None
    ) -> None:
        """Start a backfill from one day to another (ISO 8601, both inclusive), some runs `at_once`."""
        days = {"from_date": first, "to_date": last, "max_active_runs": at_once}
        self.request("POST", "/backfills", json={"dag_id": dag_id, "dag_run_conf": dict(conf or {}), **days})

    def delete_run(self, dag_id: str, run_id: str) -> None:
        """Delete a DAG run that does not run."""
        self.request("DELETE", _run_path(dag_id, run_id))

    # Task instances

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """All task instances of a run as Airflow describes them, mapped ones included."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances"
        answer: dict[str, list[dict[str, Any]]] = self.request("GET", path, params={"limit": 100})
        return answer["task_instances"]

    def task_instance(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> dict[str, Any]:
        """One task instance as Airflow describes it."""
        path = _task_path(dag_id, run_id, task_id)
        answer: dict[str, Any] = self.request("GET", path if map_index < 0 else f"{path}/{map_index}")
        return answer

    def task_state(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str | None:
        """The state of a task instance; None before the scheduler has looked at it."""
        state: str | None = self.task_instance(dag_id, run_id, task_id, map_index)["state"]
        return state

    def states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """The state of each task instance of a run: `task`, or `task[3]` for a mapped one."""
        return {
            instance["task_id"] + (f"[{instance['map_index']}]" if instance["map_index"] >= 0 else ""): instance[
                "state"
            ]
            for instance in self.task_instances(dag_id, run_id)
        }

    def wait_task_state(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        states: str | Sequence[str],
        timeout: float = 60.0,
        map_index: int = -1,
    ) -> str:
        """Wait until a task instance is in one of `states`; that state."""
        wanted = (states,) if isinstance(states, str) else tuple(states)

        def reached() -> str | None:
            state = self.task_state(dag_id, run_id, task_id, map_index)
            return state if state in wanted else None

        return wait_until(
            reached, timeout, lambda: f"{task_id} to be {' or '.join(wanted)}: {self.states(dag_id, run_id)}"
        )

    def mark_task(
        self, dag_id: str, run_id: str, task_id: str, state: str, map_index: int = -1, *, upstream: bool = False
    ) -> None:
        """What the buttons "mark as failed" and "mark as success" of a task do; `upstream`: of those before it, too."""
        path = _task_path(dag_id, run_id, task_id)
        body = {"new_state": state, "include_upstream": upstream}
        self.request("PATCH", path if map_index < 0 else f"{path}/{map_index}", json=body)

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str) -> None:
        """What a person does who answers a task's question ("Required Actions")."""
        path = f"{_task_path(dag_id, run_id, task_id)}/-1/hitlDetails"
        self.request("PATCH", path, json={"chosen_options": [option], "params_input": {}})

    def clear(
        self, dag_id: str, run_id: str, task_ids: Sequence[str | tuple[str, int]], *, only_failed: bool = False
    ) -> None:
        """What the button "clear task" does; a mapped instance is (task, map index)."""
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": list(task_ids), "only_failed": only_failed}
        self.request("POST", f"/dags/{quote(dag_id)}/clearTaskInstances", json=body)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """A value that a task pushed; None when it pushed none of this key."""
        path = f"{_task_path(dag_id, run_id, task_id)}/xcomEntries/{quote(key, safe='')}"
        try:
            return self.request("GET", path, params={"map_index": map_index, "stringify": False})["value"]
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.NOT_FOUND:
                return None
            raise

    def xcoms(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> dict[str, Any]:
        """All values that a task pushed, by key."""
        path = f"{_task_path(dag_id, run_id, task_id)}/xcomEntries"
        answer = self.request("GET", path, params={"map_index": map_index, "limit": 100})
        keys = [entry["key"] for entry in answer["xcom_entries"] if entry["map_index"] == map_index]
        return {key: self.xcom(dag_id, run_id, task_id, key, map_index) for key in keys}

    def task_log(
        self, dag_id: str, run_id: str, task_id: str, try_number: int | None = None, map_index: int = -1
    ) -> str:
        """The log of a try (default: the newest), one line per entry, errors with their type and message."""
        tried = try_number or self.task_instance(dag_id, run_id, task_id, map_index)["try_number"]
        path = f"{_task_path(dag_id, run_id, task_id)}/logs/{tried}"
        parameters = {"full_content": True, "map_index": map_index}
        answer = self.request("GET", path, params=parameters, headers={"Accept": "application/json"})
        return "\n".join(_log_line(entry) for entry in answer["content"])

    def extra_links(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> dict[str, str | None]:
        """The buttons of a task instance: name -> address, None while there is nothing to show."""
        path = f"{_task_path(dag_id, run_id, task_id)}/links"
        answer: dict[str, dict[str, str | None]] = self.request("GET", path, params={"map_index": map_index})
        return answer["extra_links"]

    def asset_events(self) -> list[dict[str, Any]]:
        """The asset events, newest first."""
        answer: dict[str, list[dict[str, Any]]] = self.request(
            "GET", "/assets/events", params={"order_by": "-timestamp", "limit": 100}
        )
        return answer["asset_events"]


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def _task_path(dag_id: str, run_id: str, task_id: str) -> str:
    return f"{_run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}"


def _log_line(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    lines = [" ".join(str(entry[key]) for key in ("timestamp", "level", "event") if entry.get(key) is not None)]
    lines += [f"{error.get('exc_type')}: {error.get('exc_value')}" for error in entry.get("error_detail") or []]
    return "\n".join(lines)

"""A real Airflow on this machine: scheduler, DAG processor, API server and triggerer, each a process of its own."""

from __future__ import annotations

import base64
import importlib.metadata
import json
import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from harness.airflow_api import AirflowApi
from harness.environment import clean_environment
from harness.servers import Servers, free_port
from harness.waiting import wait_until

USERNAME = "admin"


class AirflowProcesses(Servers):
    """An Airflow with its own home, database, free port and administrator; the parts stop and start one by one.

    ```
    with AirflowProcesses(home, dags, connections={"kubernetes_default": {"conn_type": "kubernetes", ...}}) as airflow:
        run_id, state = airflow.api.run_dag("scheduled_retraining")
        airflow.stop("triggerer", number=signal.SIGKILL)
        airflow.start("triggerer")
    ```

    :param home: AIRFLOW_HOME, made when missing; what the parts print is in `home/output/<part>.log`.
    :param dags: folder of the DAG files. A new or changed file is noticed within `refresh_seconds`.
    :param users: more users beside the administrator: name -> role (viewer, user, op, admin); see `passwords`.
    :param connections: connection id -> its fields as in Airflow's JSON notation.
    :param settings: (section, option) -> value, on top of the settings below.
    :param environment: more variables for all parts.
    :param database_url: SQLAlchemy's address of an empty database; without it a SQLite file in `home`.
    :param parallelism: how many tasks run at once.
    """

    names: ClassVar[Sequence[str]] = ("api-server", "scheduler", "dag-processor", "triggerer")
    ready_within = 600.0
    asked_every = 0.3
    ended_by = signal.SIGKILL  # the fast way: the database is of no use afterwards

    def __init__(
        self,
        home: Path,
        dags: Path,
        *,
        users: Mapping[str, str] | None = None,
        connections: Mapping[str, Mapping[str, Any]] | None = None,
        settings: Mapping[tuple[str, str], str] | None = None,
        environment: Mapping[str, str] | None = None,
        database_url: str | None = None,
        parallelism: int = 4,
        refresh_seconds: int = 5,
    ) -> None:
        super().__init__(home)
        self.home = self.folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        roles = {USERNAME: "admin", **(users or {})}
        self.passwords = {name: secrets.token_urlsafe(12) for name in roles}
        self.username = USERNAME
        self.password = self.passwords[USERNAME]
        self.api = AirflowApi(self.url, self.username, self.password)
        self._database_url = database_url
        configured = _settings(self.home, dags.resolve(), self.url, self.port, parallelism, refresh_seconds)
        configured["core", "simple_auth_manager_users"] = ",".join(f"{name}:{role}" for name, role in roles.items())
        self.environment = {
            **clean_environment(self.home),
            "AIRFLOW_HOME": str(self.home),
            # A fork after macOS's network libraries were used aborts without this.
            "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
            **{
                f"AIRFLOW__{section.upper()}__{option.upper()}": value
                for (section, option), value in {**configured, **(settings or {})}.items()
            },
            **({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database_url} if database_url else {}),
            **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(fields) for name, fields in (connections or {}).items()},
            **(environment or {}),
        }

    @property
    def program(self) -> Sequence[str]:
        """The command line of `airflow`, to which its arguments are added."""
        return _airflow()

    def _command(self, name: str) -> Sequence[str]:
        return [*self.program, name, *_ARGUMENTS.get(name, [])]

    def _environment(self) -> Mapping[str, str]:
        return self.environment

    def wait_ready(self, *names: str, timeout: float | None = None) -> None:
        """As of all servers; the API server has then built what it builds for the first task, too."""
        super().wait_ready(*names, timeout=timeout)
        if "api-server" in (names or self._parts):
            self.api.warm_up(timeout or self.ready_within)

    def _is_ready(self, name: str) -> bool:
        health = self.api.health()
        if not health or name == "api-server":
            return bool(health) and health["metadatabase"]["status"] == "healthy"
        key = name.replace("-", "_")
        beat: str | None = health.get(key, {}).get(f"latest_{key}_heartbeat")
        # A dead part counts as healthy for 30 s: only a heartbeat of this process is one.
        return beat is not None and datetime.fromisoformat(beat).timestamp() >= self._parts[name].started

    def command(self, *arguments: str, timeout: float = 600.0) -> subprocess.CompletedProcess[str]:
        """Run an `airflow ...` command in this Airflow's environment."""
        self.prepare()
        return subprocess.run(
            [*self.program, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str, timeout: float = 120.0) -> None:
        """What a person does who answers a task's question, as soon as the scheduler knows that the task waits for it.

        A task that is answered before takes a new process while the scheduler has not read the end of the first: it
        takes the task for killed then (``SchedulerJobRunner.process_executor_events``).
        """
        self.api.wait_task_state(dag_id, run_id, task_id, ("awaiting_input", "deferred"), timeout)
        read = f"TaskInstance Finished: dag_id={dag_id}, task_id={task_id}, run_id={run_id},"
        log = self.home / "output" / "scheduler.log"
        wait_until(
            lambda: read in log.read_text(errors="replace"), timeout, f"the scheduler to read that {task_id} waits"
        )
        self.api.answer(dag_id, run_id, task_id, option)

    def close(self) -> None:
        """End all parts, and the connections of `api`."""
        super().close()
        self.api.close()

    def _prepare(self) -> None:
        passwords = self.home / "passwords.json"
        if passwords.exists():
            return
        self.home.mkdir(parents=True, exist_ok=True)
        if self._database_url is None:
            shutil.copy(_empty_database(), self.home / "airflow.db")
        else:
            _migrate(self.environment)
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps(self.passwords))


# Served logs would be two more processes for each of them; the API server reads the files.
_ARGUMENTS: dict[str, list[str]] = {"scheduler": ["--skip-serve-logs"], "triggerer": ["--skip-serve-logs"]}


def _airflow() -> Sequence[str]:
    return [sys.executable, "-m", "airflow"]


def _settings(
    home: Path, dags: Path, url: str, port: int, parallelism: int, refresh_seconds: int
) -> dict[tuple[str, str], str]:
    secret = secrets.token_hex(32)
    return {
        ("core", "auth_manager"): "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        ("core", "dags_folder"): str(dags),
        ("core", "execution_api_server_url"): f"{url}/execution/",
        ("core", "dagbag_import_timeout"): "300",  # on a busy machine it is not the file's fault
        ("core", "executor"): "LocalExecutor",
        ("core", "fernet_key"): base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        ("core", "hostname_callable"): "socket.gethostname",  # the default asks a name server
        ("core", "load_examples"): "False",
        ("core", "min_serialized_dag_update_interval"): "1",
        ("core", "parallelism"): str(parallelism),
        ("core", "simple_auth_manager_passwords_file"): str(home / "passwords.json"),
        ("database", "load_default_connections"): "False",
        ("database", "sql_alchemy_conn"): f"sqlite:///{home / 'airflow.db'}?timeout=60",
        ("logging", "base_log_folder"): str(home / "logs"),
        ("logging", "colored_console_log"): "False",
        ("ack_sagemaker", "instance"): "",
        ("api", "base_url"): url,
        ("api", "host"): "127.0.0.1",
        ("api", "port"): str(port),
        ("api", "workers"): "1",
        ("api", "secret_key"): secret,
        ("api_auth", "jwt_secret"): secret,
        ("dag_processor", "bundle_refresh_check_interval"): "1",
        # A changed file is read again at once. One that has not changed says the same, and to read them all again and
        # again is a third of what such an Airflow computes.
        ("dag_processor", "min_file_process_interval"): "600",
        ("dag_processor", "dag_file_processor_timeout"): "300",
        ("dag_processor", "refresh_interval"): str(refresh_seconds),
        ("scheduler", "scheduler_heartbeat_sec"): "1",
        ("scheduler", "scheduler_idle_sleep_time"): "0.3",
        ("triggerer", "job_heartbeat_sec"): "2",
        ("usage_data_collection", "enabled"): "False",
        # A task gives up when the API server does not answer in time: on a busy machine that is not its fault.
        ("workers", "execution_api_timeout"): "30",
    }


def _empty_database() -> Path:
    """A migrated database without content: 6 s, so it is made once per virtual environment and Airflow version."""
    template = Path(sys.prefix) / f"airflow-wal-{importlib.metadata.version('apache-airflow')}.db"
    if not template.exists():
        with tempfile.TemporaryDirectory(dir=sys.prefix) as folder:
            home = Path(folder)
            environment = {
                **clean_environment(home),
                "AIRFLOW_HOME": str(home),
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
            }
            _migrate(environment)
            # Readers and the writer do not wait for each other in this mode, which stays with the file. Without it a
            # busy machine gets "database is locked" now and then.
            with closing(sqlite3.connect(home / "airflow.db")) as database:
                database.execute("PRAGMA journal_mode=WAL").fetchall()
            os.replace(home / "airflow.db", template)
    return template


def _migrate(environment: Mapping[str, str]) -> None:
    command = [*_airflow(), "db", "migrate"]
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)

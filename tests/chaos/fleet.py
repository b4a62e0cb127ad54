"""Airflow with two of each part that may die: schedulers, triggerers and Celery workers, each a node of its own."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg2

from harness.airflow_processes import AirflowProcesses
from harness.process import GuardedProcess
from harness.waiting import wait_until

SCHEDULERS = ("scheduler-1", "scheduler-2")
TRIGGERERS = ("triggerer-1", "triggerer-2")
WORKERS = ("worker-1", "worker-2")
NODES = SCHEDULERS + TRIGGERERS + WORKERS
SLOTS = 6
"""Tasks at once on one worker."""

_JOBS = {"scheduler": "SchedulerJob", "triggerer": "TriggererJob"}

# What Airflow notices after minutes it has to notice after seconds here: every kill is followed by such a wait.
_SETTINGS: dict[tuple[str, str], str] = {
    ("core", "executor"): "CeleryExecutor",
    ("core", "parallelism"): str(SLOTS),
    # Each run's tasks wait for other runs' otherwise.
    ("core", "max_active_tasks_per_dag"): "1000",
    ("core", "max_active_runs_per_dag"): "1000",
    ("celery", "worker_concurrency"): str(SLOTS),
    ("celery", "sync_parallelism"): "1",
    ("celery", "worker_enable_remote_control"): "False",
    # A message that a dead worker had taken comes again after this time; a live one's redelivery is refused by Airflow.
    ("celery_broker_transport_options", "visibility_timeout"): "30",
    ("scheduler", "job_heartbeat_sec"): "2",
    ("scheduler", "orphaned_tasks_check_interval"): "5",
    ("scheduler", "scheduler_health_check_threshold"): "20",
    ("scheduler", "task_instance_heartbeat_timeout"): "20",
    ("scheduler", "task_instance_heartbeat_timeout_detection_interval"): "3",
    ("scheduler", "task_queued_timeout"): "60",
    ("scheduler", "task_queued_timeout_check_interval"): "5",
    ("scheduler", "num_stuck_in_queued_retries"): "10",
    ("triggerer", "triggerer_health_check_threshold"): "15",
    ("workers", "min_heartbeat_interval"): "3",
}


class Fleet:
    """The parts, under names such as ``worker-1``; a context manager.

    ``airflow`` has the API server and the DAG processor, which nobody kills here, and the client of the REST API.

    :param broker_url: Celery's address of the Redis.
    """

    def __init__(
        self,
        home: Path,
        dags: Path,
        *,
        connections: Mapping[str, Mapping[str, Any]],
        database_url: str,
        broker_url: str,
        settings: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        celery = {
            ("celery", "broker_url"): broker_url,
            ("celery", "result_backend"): f"db+{database_url}",
        }
        self.airflow = AirflowProcesses(
            home,
            dags,
            connections=connections,
            settings={**_SETTINGS, **celery, **(settings or {})},
            database_url=database_url,
        )
        self.api = self.airflow.api
        self._database_url = database_url.replace("+psycopg2", "")
        self._nodes: dict[str, GuardedProcess] = {}
        # The proxies' threads kill nodes, too.
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        try:
            # The first of them makes the database, which the others need.
            self.airflow.start("api-server", "dag-processor")
            self.start(*NODES)
            self.airflow.wait_healthy()
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def start(self, *nodes: str) -> None:
        """Start nodes that do not run, without waiting until they are ready."""
        with self._lock:
            for node in nodes:
                if node not in self._nodes or not self._nodes[node].running:
                    command = [*self.airflow.program, *self._command(node)]
                    output = self.airflow.home / "output" / f"{node}.log"
                    self._nodes[node] = GuardedProcess(node, command, self.airflow.environment, output)

    def _command(self, node: str) -> list[str]:
        kind, _, _ = node.partition("-")
        pid = self.airflow.home / f"{node}.pid"
        pid.unlink(missing_ok=True)
        if kind == "worker":
            quiet = ["--without-gossip", "--without-mingle", "--skip-serve-logs"]
            # A name of its own at each start, as a new node has: Celery refuses one that seems to be there still.
            return [
                "celery",
                "worker",
                "--celery-hostname",
                f"{node}-{time.time_ns()}@chaos",
                "--pid",
                str(pid),
                *quiet,
            ]
        return [kind, "--skip-serve-logs", "--pid", str(pid)]

    def kill(self, *nodes: str) -> None:
        """What becomes of nodes that lose their power: all their processes end at once."""
        with self._lock:
            for node in nodes:
                self._nodes[node].ask_to_stop(signal.SIGKILL)
            for node in nodes:
                self._nodes[node].stop(signal.SIGKILL)

    def replace(self, *nodes: str) -> None:
        """Kill nodes and start them anew, as whatever runs them does."""
        with self._lock:
            self.kill(*nodes)
            self.start(*nodes)

    def revive(self) -> list[str]:
        """Start the nodes that have ended by themselves; what each said last."""
        with self._lock:
            ended = [node for node in NODES if not self._nodes[node].running]
            last = [f"{node} has ended by itself:\n{self._nodes[node].tail(60)}" for node in ended]
            self.start(*ended)
        return last

    def processes(self, node: str) -> list[psutil.Process]:
        """A node's processes."""
        return self._nodes[node].processes()

    def owner(self, port: int) -> tuple[str, psutil.Process]:
        """The worker node and the process of a connection, by the port of its own end.

        :raises LookupError: no worker has such a connection.
        """
        for node in WORKERS:
            for process in self.processes(node):
                with suppress(psutil.Error):
                    if any(connection.laddr.port == port for connection in process.net_connections("tcp")):
                        return node, process
        raise LookupError(f"no worker has a connection from port {port}")

    def wait_ready(self, *nodes: str, timeout: float = 240.0) -> None:
        """Wait until nodes (default: all) do their work. Raises ProcessEnded when one ends instead."""
        wait_until(lambda: self.ready(*nodes), timeout, lambda: "the fleet to be ready:\n" + self.output(), every=0.5)

    def ready(self, *nodes: str) -> bool:
        """Whether nodes (default: all) do their work. Raises ProcessEnded when one has ended by itself."""
        with self._lock:
            for node in nodes or NODES:
                self._nodes[node].check()
            return all(self._is_ready(node) for node in nodes or NODES)

    def _is_ready(self, node: str) -> bool:
        kind, _, _ = node.partition("-")
        process = self._nodes[node]
        if kind == "worker":
            # Its output goes on after a restart: the last start counts.
            return " ready." in process.output.read_text(errors="replace").rpartition("Connected to")[2]
        # A job does not say which process it is; those of earlier starts have no younger heartbeat than this start.
        started = sorted(
            other.started for name, other in self._nodes.items() if name.startswith(kind) and other.running
        )
        query = (
            "SELECT count(*) FROM job WHERE job_type = %s AND start_date >= to_timestamp(%s) "
            "AND latest_heartbeat > start_date"
        )
        with closing(psycopg2.connect(self._database_url)) as connection, connection.cursor() as cursor:
            cursor.execute(query, (_JOBS[kind], process.started))
            row = cursor.fetchone()
        return bool(row and row[0] >= len([moment for moment in started if moment >= process.started]))

    def output(self, lines: int = 20) -> str:
        """The end of what each node printed."""
        nodes = "\n".join(f"--- {node}\n{process.tail(lines)}" for node, process in self._nodes.items())
        return f"{self.airflow.output(lines)}\n{nodes}"

    def close(self) -> None:
        """End everything."""
        for process in self._nodes.values():
            process.ask_to_stop(signal.SIGKILL)
        for process in self._nodes.values():
            process.stop(signal.SIGKILL)
        self.airflow.close()

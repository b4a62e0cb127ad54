"""Airflow with two of each part that may die: schedulers, triggerers and Celery workers, each a node of its own."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from harness.airflow_processes import AirflowProcesses

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


# Celery's own configuration. Whoever reads it has imported, once, what each task would import in a process of its own.
_CELERY = """\
import boto3
import airflow.providers.amazon.aws.hooks.s3
import airflow_ack_sagemaker.operators.pipeline_executions
import airflow_ack_sagemaker.task_groups
from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG as CONFIG
"""


class Fleet(AirflowProcesses):
    """An Airflow on Celery, its nodes under names such as `worker-1`; a context manager.

    Beside the nodes it has the API server and the DAG processor, which nobody kills here.

    :param broker_url: Celery's address of the Redis.
    """

    names = ("api-server", "dag-processor", *NODES)

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
            ("celery", "celery_config_options"): "chaos_celery.CONFIG",
        }
        super().__init__(
            home,
            dags,
            connections=connections,
            settings={**_SETTINGS, **celery, **(settings or {})},
            database_url=database_url,
        )
        self._address = database_url.replace("+psycopg2", "")

    def _prepare(self) -> None:
        folder = self.home / "config"  # which Airflow has on its path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "chaos_celery.py").write_text(_CELERY)
        super()._prepare()

    def _command(self, name: str) -> Sequence[str]:
        if name not in NODES:
            return super()._command(name)
        pid = self.home / f"{name}.pid"
        pid.unlink(missing_ok=True)
        if name in WORKERS:
            # A name of its own at each start, as a new node has: Celery refuses one that seems to be there still.
            unique = f"{name}-{time.time_ns()}@chaos"
            command = ["celery", "worker", "--celery-hostname", unique, "--without-gossip", "--without-mingle"]
        else:
            command = [name.partition("-")[0]]
        return [*self.program, *command, "--skip-serve-logs", "--pid", str(pid)]

    def replace(self, *nodes: str) -> None:
        """Kill nodes, as if they lost their power, and start them anew, as whatever runs them does."""
        with self._lock:
            self.stop(*nodes, number=signal.SIGKILL)
            self.start(*nodes)

    def revive(self) -> list[str]:
        """Start the nodes that have ended by themselves; what each said last."""
        with self._lock:
            ended = [node for node in NODES if not self.part(node).running]
            last = [f"{node} has ended by itself:\n{self.part(node).tail(60)}" for node in ended]
            self.start(*ended)
        return last

    def processes(self, node: str) -> list[psutil.Process]:
        """A node's processes."""
        return self.part(node).processes()

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

    def _is_ready(self, name: str) -> bool:
        if name not in NODES:
            return super()._is_ready(name)
        process = self.part(name)
        if name in WORKERS:
            # Its output goes on after a restart: the last start counts.
            return " ready." in process.output.read_text(errors="replace").rpartition("Connected to")[2]
        # A job does not say which process it is; those of earlier starts have no younger heartbeat than this start.
        kind = name.partition("-")[0]
        same = [self.part(node) for node in NODES if node.startswith(kind)]
        younger = [other for other in same if other.running and other.started >= process.started]
        query = (
            "SELECT count(*) FROM job WHERE job_type = %s AND start_date >= to_timestamp(%s) "
            "AND latest_heartbeat > start_date"
        )
        with closing(psycopg2.connect(self._address)) as connection, connection.cursor() as cursor:
            cursor.execute(query, (_JOBS[kind], process.started))
            row = cursor.fetchone()
        return bool(row and row[0] >= len(younger))

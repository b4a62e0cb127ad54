"""Run a DAG to its end with ``dag.test()``: no scheduler, no server, triggers included."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import DAG

_BUNDLES = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"


@dataclass(frozen=True, slots=True)
class DagResult:
    """How a run ended: its state, the state of each task, and what tasks returned (XCom ``return_value``).

    Of a mapped task, the key is ``task_id[map_index]``.

    ```python
    from airflow_ack_sagemaker.testing import DagResult

    result = DagResult("success", tasks={"run": "success"}, returned={"run": {"status": "Succeeded"}})
    assert result.succeeded
    assert result.returned["run"]["status"] == "Succeeded"
    ```
    """

    state: str
    tasks: Mapping[str, str] = field(default_factory=dict)
    returned: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the run ended as ``success``."""
        return self.state == "success"


def run_dag(dag: DAG, conf: Mapping[str, Any] | None = None, *, retry_delay: float = 0.0) -> DagResult:
    """Run a DAG once, in this process.

    Airflow's database must be there (``airflow db migrate``); where it has no tables yet, they are made. Retries follow
    after ``retry_delay`` seconds instead of the DAG's own delay.

    ```python
    from airflow.sdk import DAG
    from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator
    from airflow_ack_sagemaker.testing import run_dag

    with DAG("retrain") as dag:
        AckPipelineExecutionOperator(task_id="run", pipeline_name="demand")

    def test_a_pipeline_that_is_not_there(ack_sandbox):
        assert run_dag(dag).tasks == {"run": "failed"}
    ```

    :param dag: the DAG.
    :param conf: configuration of the run.
    :param retry_delay: seconds before a retry, instead of the DAG's own.
    :raises AckInputError: Airflow does not find the DAG in its file, as one that a function makes.
    """
    _make_database()
    for task in dag.tasks:
        if hasattr(task, "retry_delay"):
            task.retry_delay = timedelta(seconds=retry_delay)
            task.retry_exponential_backoff = False
    with _bundle_of(dag), _signal_handlers():
        try:
            run: Any = dag.test(run_conf=dict(conf or {}))
        except Exception as error:
            _check_found(dag, error)
            raise
    tasks, returned = {}, {}
    for instance in run.get_task_instances():
        key = instance.task_id if instance.map_index < 0 else f"{instance.task_id}[{instance.map_index}]"
        tasks[key] = str(instance.state)
        value = instance.xcom_pull(task_ids=instance.task_id, map_indexes=instance.map_index)
        if value is not None:
            returned[key] = value
    return DagResult(str(getattr(run.state, "value", run.state)), tasks, returned, run.run_id)


def _check_found(dag: DAG, error: Exception) -> None:
    from airflow.models.dag_version import DagVersion

    from airflow_ack_sagemaker.exceptions import AckInputError

    if DagVersion.get_latest_version(dag.dag_id) is None:
        raise AckInputError(
            f"Airflow does not find the DAG {dag.dag_id!r} in {dag.fileloc}: make it at the top level of its file, not "
            "in a function; the file must be one that Airflow can import alone."
        ) from error


@contextmanager
def _bundle_of(dag: DAG) -> Iterator[None]:
    """Have Airflow find the DAG's file, wherever it lies: a run needs a stored version of its DAG."""
    bundle = {
        "name": "ack-testing",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(Path(dag.fileloc).parent)},
    }
    before = os.environ.get(_BUNDLES)
    os.environ[_BUNDLES] = json.dumps([bundle])
    try:
        yield
    finally:
        if before is None:
            del os.environ[_BUNDLES]
        else:
            os.environ[_BUNDLES] = before


@contextmanager
def _signal_handlers() -> Iterator[None]:
    """Put the process's own handler back: a task leaves one for SIGTERM that ends a task, not a test."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _make_database() -> None:
    from airflow import settings
    from airflow.utils.db import initdb
    from sqlalchemy import inspect

    if settings.engine is None or not inspect(settings.engine).has_table("dag_run"):
        initdb()

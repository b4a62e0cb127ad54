"""A try of a task, as Airflow tells it, as a `Run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ack_sagemaker.compat import instance_of_airflow

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ack_sagemaker.core.resource.identity import RunIdentity
    from airflow_ack_sagemaker.runs.look import Run


def identity_of_task(context: Context) -> RunIdentity:
    """Who the task instance is."""
    from airflow_ack_sagemaker.core.resource.identity import RunIdentity

    ti = context["ti"]
    map_index = ti.map_index if ti.map_index is not None else -1
    return RunIdentity(ti.dag_id, ti.run_id, ti.task_id, map_index, instance=instance_of_airflow())


def run_of(context: Context, namespace: str) -> Run:
    """Who the task instance is, which try of it this is as Airflow's database has it, and where it works."""
    from airflow_ack_sagemaker.core.resource.launched_by import Try
    from airflow_ack_sagemaker.runs.look import Run

    ti, dag_run = context["ti"], context["dag_run"]
    start = dag_run.start_date
    tried = Try(
        number=ti.try_number,
        max_tries=ti.max_tries,
        clear_number=getattr(dag_run, "clear_number", None) or 0,
        run_start=start.isoformat() if start is not None else None,
    )
    # Only numbers the attempt where the cluster has none any more, so that a clear never gives a name twice: nothing is
    # decided by it. As airflow.sdk counts it (RuntimeTaskInstance.get_first_reschedule_date).
    first = min(max(ti.max_tries - (ti.task.retries or 0) + 1, 1), ti.try_number)
    return Run(identity_of_task(context), namespace, tried, first)

"""Airflow's audit log."""

from __future__ import annotations

import json

from airflow.models import Log
from airflow.utils.session import create_session

from airflow_ack_sagemaker.core.pages.executions import Row

STOP = "ack_sagemaker_stop_execution"


def record_stop(user_name: str, row: Row) -> None:
    """Write down who stops an execution, before it is done: an action without a record is worse than a record of an
    action that failed. Blocks.
    """
    what = {"cluster": row.cluster, "namespace": row.namespace, "name": row.name, "uid": row.uid, "arn": row.arn}
    with create_session() as session:
        session.add(
            Log(
                event=STOP,
                owner=user_name,
                owner_display_name=user_name,
                extra=json.dumps(what),
                dag_id=row.dag_id,
                run_id=row.run_id,
                task_id=row.task_id,
                map_index=row.map_index,
            )
        )

"""Airflow's audit log."""

from __future__ import annotations

import json

from airflow.models import Log
from airflow.utils.session import create_session

from airflow_ack_sagemaker.core.pages.executions import Row
from airflow_ack_sagemaker.core.pages.models import VersionRow

STOP = "ack_sagemaker_stop_execution"
APPROVE, REJECT = "ack_sagemaker_approve_model", "ack_sagemaker_reject_model"


def record_stop(user_name: str, row: Row) -> None:
    """Write down who stops an execution, before it is done: an action without a record is worse than a record of an
    action that failed. Blocks.
    """
    _record(STOP, user_name, row)


def record_decision(user_name: str, row: VersionRow, approved: bool, why: str) -> None:
    """Write down who approves or rejects a version, before it is done. Blocks."""
    _record(APPROVE if approved else REJECT, user_name, row, why=why)


def _record(event: str, user_name: str, row: Row | VersionRow, **more: str) -> None:
    what = {"cluster": row.cluster, "namespace": row.namespace, "name": row.name, "uid": row.uid, "arn": row.arn}
    with create_session() as session:
        session.add(
            Log(
                event=event,
                owner=user_name,
                owner_display_name=user_name,
                extra=json.dumps({**what, **more}),
                dag_id=row.dag_id,
                run_id=row.run_id,
                task_id=row.task_id,
                map_index=row.map_index,
            )
        )

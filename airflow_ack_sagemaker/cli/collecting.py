"""Which finished executions the command line may collect: it cannot ask Airflow whether a task still needs one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from airflow_ack_sagemaker.core.resource.identity import identity_of
from airflow_ack_sagemaker.core.run.collectable import collectable
from airflow_ack_sagemaker.core.run.reported import reported_at

KEEP_REPORTED = timedelta(hours=1)
"""How long an execution stays after a task reported it: that task's next try looks for it."""


def going(
    executions: Sequence[Mapping[str, Any]], *, now: datetime, history_limit: int | None, ttl: timedelta | None = None
) -> list[Mapping[str, Any]]:
    """The executions to delete, oldest first. What no task launched goes as soon as it has ended."""
    beyond = collectable(executions, now=now, history_limit=history_limit, ttl=ttl)
    return [one for one in beyond if identity_of(one) is None or _is_settled(one, now)]


def _is_settled(resource: Mapping[str, Any], now: datetime) -> bool:
    reported = reported_at(resource)
    return reported is not None and now - reported >= KEEP_REPORTED

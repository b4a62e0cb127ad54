"""Is a controller at work? What the resources of a namespace tell, since the controller itself is not asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from airflow_ack_sagemaker.core.pages.executions import Row
from airflow_ack_sagemaker.core.pages.pipelines import PipelineRow
from airflow_ack_sagemaker.core.resource.status import ANSWER_TIME, State

RECENT = timedelta(minutes=5)
"""A write of the controller that is younger says that it works."""


@dataclass(frozen=True, slots=True)
class Health:
    """``controller``: ``reconciling`` (it has written lately), ``silent`` (something waits for it, and it does not
    answer), ``idle`` (nothing waits, nothing was written lately) or ``unknown``. Times are texts.
    """

    controller: Literal["reconciling", "silent", "idle", "unknown"]
    last_reconciled: str | None
    waiting: int
    waiting_oldest: str | None


def health_of(executions: Sequence[Row], pipelines: Sequence[PipelineRow], *, now: datetime, known: bool) -> Health:
    """How the controller fares.

    :param now: the present time, with a time zone.
    :param known: whether these are all that there are now; False while they are being read or cannot be.
    """
    touched = [*(row.touched for row in executions), *(row.touched for row in pipelines)]
    last = max(filter(None, touched), default=None)
    waiting = [row.created for row in executions if row.state is State.UNSEEN]
    waiting += [row.changed or "" for row in pipelines if row.state is State.UNSEEN]
    oldest = min(filter(None, waiting), default=None)
    return Health(_controller(last, oldest, now, known, bool(executions or pipelines)), last, len(waiting), oldest)


def _controller(
    last: str | None, oldest: str | None, now: datetime, known: bool, anything: bool
) -> Literal["reconciling", "silent", "idle", "unknown"]:
    if not known or not anything:
        return "unknown"
    wrote = datetime.fromisoformat(last) if last else None
    if oldest is not None and now - datetime.fromisoformat(oldest) > ANSWER_TIME:
        # One that is busy answers others meanwhile.
        return "reconciling" if wrote is not None and now - wrote <= ANSWER_TIME else "silent"
    if wrote is not None and now - wrote <= RECENT:
        return "reconciling"
    return "idle" if wrote is not None else "unknown"

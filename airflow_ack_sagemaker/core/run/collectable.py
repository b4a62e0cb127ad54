"""Which finished executions may go: a pure choice over what is in the cluster.

Each finished resource that stays costs the controller a DescribePipelineExecution a minute, for ever; SageMaker keeps
the execution itself. One that still runs, or whose end no task has told Airflow yet, stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_IDENTITY
from airflow_ack_sagemaker.core.resource.status import classify
from airflow_ack_sagemaker.core.resource.times import time_or_none
from airflow_ack_sagemaker.core.run.reported import is_reported, quiet_since

_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)


def collectable(
    resources: Sequence[Resource],
    *,
    now: datetime,
    history_limit: int | None,
    ttl: timedelta | None,
    keep_reported: timedelta = timedelta(0),
) -> list[Resource]:
    """The executions to delete, oldest first.

    :param resources: PipelineExecution resources, of any pipelines.
    :param now: the present time, with a time zone; the API server's where it is known, since it has written the rest.
    :param history_limit: newest finished executions that stay, of each pipeline (given by name or by ARN); None: no
        limit.
    :param ttl: age since the last change of an execution after which it goes; None: no limit.
    :param keep_reported: how long one stays in any case after a task has reported it: Airflow may not have stored
        that yet, and the task's next try looks for it.
    """
    by_pipeline: dict[str, list[tuple[datetime, Resource]]] = defaultdict(list)
    for resource in resources:
        if _may_go(resource):
            by_pipeline[fields.pipeline_name(resource)].append((_ended(resource), resource))
    going: list[tuple[datetime, Resource]] = []
    for finished in by_pipeline.values():
        finished.sort(key=_by_end, reverse=True)
        for index, pair in enumerate(finished):
            beyond = history_limit is not None and index >= history_limit
            expired = ttl is not None and now - pair[0] >= ttl
            if (beyond or expired) and _settled(pair, now - keep_reported):
                going.append(pair)
    return [resource for _, resource in sorted(going, key=_by_end)]


def _by_end(finished: tuple[datetime, Resource]) -> tuple[datetime, str]:
    return finished[0], fields.name(finished[1])


def _may_go(resource: Resource) -> bool:
    if fields.deleted(resource) is not None or not classify(resource).finished:
        return False
    ours = ANNOTATION_IDENTITY in fields.annotations_of(resource)
    # What somebody applied by hand has no task that waits for it.
    return not ours or is_reported(resource)


def _settled(finished: tuple[datetime, Resource], before: datetime) -> bool:
    ended, resource = finished
    return (quiet_since(resource) or ended) <= before


def _ended(resource: Resource) -> datetime:
    changed = time_or_none(fields.status(resource).get("lastModifiedTime"))
    return changed or fields.created(resource) or _LONG_AGO

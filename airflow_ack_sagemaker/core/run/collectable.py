"""Which finished executions may go: a pure choice over what is in the cluster.

Each finished resource that stays costs the controller a DescribePipelineExecution a minute, for ever; SageMaker keeps
the execution itself. One that still runs, or whose end no task has told Airflow yet, stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_IDENTITY
from airflow_ack_sagemaker.core.resource.status import classify
from airflow_ack_sagemaker.core.resource.times import parse_time
from airflow_ack_sagemaker.core.run.reported import is_reported, reported_at


def collectable(
    resources: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
    history_limit: int | None,
    ttl: timedelta | None,
    keep_reported: timedelta = timedelta(0),
) -> list[Mapping[str, Any]]:
    """The executions to delete, oldest first.

    :param resources: PipelineExecution resources, of any pipelines.
    :param now: the present time, with a time zone.
    :param history_limit: newest finished executions that stay, of each pipeline; None: no limit.
    :param ttl: age since the last change of an execution after which it goes; None: no limit.
    :param keep_reported: how long one stays in any case after a task has reported it: Airflow may not have stored
        that yet, and the task's next try looks for it.
    """
    by_pipeline: dict[str, list[tuple[datetime, Mapping[str, Any]]]] = defaultdict(list)
    for resource in resources:
        if _may_go(resource):
            by_pipeline[(resource.get("spec") or {}).get("pipelineName", "")].append((_ended(resource), resource))
    going: list[tuple[datetime, Mapping[str, Any]]] = []
    for finished in by_pipeline.values():
        finished.sort(key=lambda pair: (pair[0], pair[1]["metadata"]["name"]), reverse=True)
        for index, pair in enumerate(finished):
            beyond = history_limit is not None and index >= history_limit
            expired = ttl is not None and now - pair[0] >= ttl
            if (beyond or expired) and _settled(pair, now - keep_reported):
                going.append(pair)
    return [resource for _, resource in sorted(going, key=lambda pair: (pair[0], pair[1]["metadata"]["name"]))]


def _may_go(resource: Mapping[str, Any]) -> bool:
    metadata = resource["metadata"]
    if metadata.get("deletionTimestamp") or not classify(resource).finished:
        return False
    ours = ANNOTATION_IDENTITY in (metadata.get("annotations") or {})
    # What somebody applied by hand has no task that waits for it.
    return not ours or is_reported(resource)


def _settled(finished: tuple[datetime, Mapping[str, Any]], before: datetime) -> bool:
    ended, resource = finished
    return (reported_at(resource) or ended) <= before


def _ended(resource: Mapping[str, Any]) -> datetime:
    changed = (resource.get("status") or {}).get("lastModifiedTime") or resource["metadata"]["creationTimestamp"]
    return parse_time(changed)

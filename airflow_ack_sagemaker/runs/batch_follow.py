"""Following a batch of executions in a process of one's own, with the blocking client."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from airflow_ack_sagemaker.core.resource.identity import LABEL_RUN, RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.run.batch import index_of
from airflow_ack_sagemaker.core.run.batch_wait import BatchWait
from airflow_ack_sagemaker.core.run.decision import attempt_of
from airflow_ack_sagemaker.follow.blocking import changes
from airflow_ack_sagemaker.follow.loop import Page, Scope
from airflow_ack_sagemaker.follow.policy import Settings
from airflow_ack_sagemaker.kube.client import KubeClient

_SHORTEST = 0.05
"""Seconds between two looks at the deadlines."""


def follow_batch(
    client: KubeClient,
    namespace: str,
    identity: RunIdentity,
    batch_wait: BatchWait,
    *,
    poll_interval: float,
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Follow the executions of a run until something is due. `.policy` says which errors are waited out.

    :param identity: the task instance's, without an index.
    :param poll_interval: seconds between lists, where ``watch`` is forbidden.
    :param now: Unix time in seconds, of the deadlines.
    :raises KubeError: an error that waiting does not mend.
    """

    def left() -> float:
        moment = batch_wait.next_time()
        return float("inf") if moment is None else max(moment - now(), _SHORTEST)

    # What becomes of an earlier attempt says nothing about the one that is followed.
    newest: dict[int, int] = {}
    least = batch_wait.attempts
    listed: dict[int, Mapping[str, Any]] = {}
    scope = Scope(PIPELINE_EXECUTION, namespace, f"{LABEL_RUN}={identity.digest}")
    settings = Settings(poll_interval=poll_interval, clock=clock)
    with closing(changes(client, scope, settings, left=left)) as stream:
        for change in stream:
            if isinstance(change, Page):
                if change.first:
                    listed = {}
                for resource in change.items:
                    index = _index(resource, identity)
                    if index is not None and attempt_of(resource) >= least.get(index, 0):
                        listed[index] = max(listed.get(index, resource), resource, key=attempt_of)
                if not change.last:
                    continue
                newest = {index: attempt_of(resource) for index, resource in listed.items()}
                for index in batch_wait.indexes:
                    batch_wait.see(index, listed.get(index), now())
            elif change is not None and (index := _index(change.object, identity)) is not None:
                attempt = attempt_of(change.object)
                if attempt >= newest.get(index, least.get(index, 0)):
                    newest[index] = attempt
                    batch_wait.see(index, None if change.type == "DELETED" else change.object, now())
            if batch_wait.due(now()):
                return


def _index(resource: Mapping[str, Any], identity: RunIdentity) -> int | None:
    index = index_of(resource)
    return index if index is not None and identity.member(index).owns(resource) else None

"""A batch followed in this process until something is due."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.identity import LABEL_RUN
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.run.batch import index_of
from airflow_ack_sagemaker.core.run.batch_wait import BatchWait
from airflow_ack_sagemaker.core.run.decision import attempt_of
from airflow_ack_sagemaker.kube.base_client import INACTIVITY
from airflow_ack_sagemaker.kube.errors import (
    ApiError,
    Forbidden,
    Gone,
    KubeError,
    ServerError,
    TooManyRequests,
    Unreachable,
)
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.kube.retry import Retry

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient
    from airflow_ack_sagemaker.runs.batch import Batch

_PAUSES = Retry(first=0.25, longest=30.0)
_WATCH_SECONDS = 300
_WORTH_A_LINE = 5
"""Failures in a row: a watch that says nothing for long breaks once and is begun again."""


def wait_here(client: KubeClient, batch: Batch, batch_wait: BatchWait, *, poll_interval: float, log: Log) -> None:
    """Follow the batch in this process until something is due. What passes by waiting is waited out.

    :param poll_interval: seconds between lists, where ``watch`` is forbidden.
    """
    failures, forbidden = 0, False
    while True:
        error: KubeError | None = None
        try:
            if forbidden:
                _list(client, batch, batch_wait)
            else:
                _watch(client, batch, batch_wait, _list(client, batch, batch_wait))
            failures = 0
        except Gone:
            pass
        except (Unreachable, ServerError, TooManyRequests) as passing:
            error, failures = passing, failures + 1
            if failures == _WORTH_A_LINE:
                log.info("%s Trying again.", passing)
        except Forbidden as refused:
            if forbidden:
                raise
            log.warning("%s Looking every %.0f s instead.", refused, poll_interval)
            forbidden = True
        if batch_wait.due(time.time()):
            return
        if error is not None:
            client.sleep(
                _PAUSES.pause(min(failures - 1, 20), error.retry_after if isinstance(error, ApiError) else None)
            )
        elif forbidden:
            client.sleep(_until(batch_wait, poll_interval))


def _list(client: KubeClient, batch: Batch, batch_wait: BatchWait) -> str:
    """Show the batch_wait all there is: the version to watch from."""
    listed = client.list(PIPELINE_EXECUTION, batch.run.namespace, label_selector=_selector(batch))
    newest: dict[int, Mapping[str, Any]] = {}
    for resource in listed.items:
        resource.setdefault("kind", PIPELINE_EXECUTION.kind)
        resource.setdefault("apiVersion", API_VERSION)
        index = index_of(resource)
        if index is not None and batch.run.identity.member(index).owns(resource):
            newest[index] = max(newest.get(index, resource), resource, key=attempt_of)
    now = time.time()
    for index in batch_wait.indexes:
        batch_wait.see(index, newest.get(index), now)
    return listed.resource_version


def _watch(client: KubeClient, batch: Batch, batch_wait: BatchWait, version: str) -> None:
    while not batch_wait.due(time.time()):
        left = _until(batch_wait, _WATCH_SECONDS)
        events = client.watch(
            PIPELINE_EXECUTION,
            batch.run.namespace,
            resource_version=version,
            label_selector=_selector(batch),
            timeout_seconds=max(1, round(left + 0.5)),
            inactivity=min(left, INACTIVITY),
        )
        began, count = time.monotonic(), 0
        with closing(events) as source:
            for event in source:
                count += 1
                version = str((event.object.get("metadata") or {}).get("resourceVersion") or version)
                index = index_of(event.object)
                if (
                    event.type != "BOOKMARK"
                    and index is not None
                    and batch.run.identity.member(index).owns(event.object)
                ):
                    batch_wait.see(index, None if event.type == "DELETED" else event.object, time.time())
                if batch_wait.due(time.time()):
                    return
        if not count and time.monotonic() - began < 1.0 < left:
            client.sleep(1.0)  # something closes every watch at once: do not spin


def _until(batch_wait: BatchWait, longest: float) -> float:
    moment = batch_wait.next_time()
    return longest if moment is None else min(max(moment - time.time(), 0.05), longest)


def _selector(batch: Batch) -> str:
    return f"{LABEL_RUN}={batch.run.identity.digest}"

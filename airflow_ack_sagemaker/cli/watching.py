"""The executions of a namespace as they are, then each that changes: for ``watch``, which a person ends."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, PIPELINE_EXECUTION

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient

PAUSE = 1.0
"""Seconds between two connections, whatever ended the first."""


def changes(client: KubeClient, *, pipeline: str | None, names: Collection[str]) -> Iterator[dict[str, Any]]:
    """Never ends by itself. A deleted execution is shown as it was last, with its deletion.

    :param pipeline: only executions of this one. :param names: only these; none: all.
    :raises KubeError: an error that waiting does not mend.
    """
    from airflow_ack_sagemaker.core.resource import fields
    from airflow_ack_sagemaker.kube.errors import Gone, ServerError, TooManyRequests, Unreachable

    shown: dict[str, str | None] = {}

    def is_wanted(resource: dict[str, Any]) -> bool:
        return (not names or fields.name(resource) in names) and (
            pipeline is None or fields.pipeline_name(resource) == pipeline
        )

    def is_new(resource: dict[str, Any]) -> bool:
        before, now = shown.get(fields.name(resource)), fields.version(resource)
        shown[fields.name(resource)] = now
        return before != now

    connected = False
    while True:
        try:
            listed = client.list(PIPELINE_EXECUTION)
            connected = True
            for item in sorted(listed.items, key=lambda one: str(fields.created(one))):
                if is_wanted(item) and is_new(item):
                    yield _typed(item)
            with closing(client.watch(PIPELINE_EXECUTION, resource_version=listed.resource_version)) as events:
                for event in events:
                    if event.type != "BOOKMARK" and is_wanted(event.object) and is_new(event.object):
                        yield _typed(event.object)
        except (Gone, ServerError, TooManyRequests, Unreachable):
            if not connected:
                raise
        client.sleep(PAUSE)


def _typed(resource: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, **resource, "kind": PIPELINE_EXECUTION.kind}

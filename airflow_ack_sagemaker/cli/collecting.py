"""Which finished executions the command line may collect: it cannot ask Airflow whether a task still needs one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.cli.app import DryRun
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.identity import identity_of
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.run.collectable import collectable
from airflow_ack_sagemaker.core.run.reported import quiet_since

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient

KEEP_REPORTED = timedelta(hours=1)
"""How long an execution stays after a task reported it: that task's next try looks for it."""


def going(
    executions: Sequence[Mapping[str, Any]], *, now: datetime, history_limit: int | None, ttl: timedelta | None = None
) -> list[Mapping[str, Any]]:
    """The executions to delete, oldest first. What no task launched goes as soon as it has ended."""
    beyond = collectable(executions, now=now, history_limit=history_limit, ttl=ttl)
    return [one for one in beyond if identity_of(one) is None or _is_settled(one, now)]


def collected(client: KubeClient, chosen: Iterable[Mapping[str, Any]], dry_run: DryRun) -> Iterator[Mapping[str, Any]]:
    """Delete them one by one; gives each that was still there as it was seen, or that would be deleted.

    :raises KubeError: the cluster refuses one or cannot be asked; those before it are gone.
    """
    from airflow_ack_sagemaker.kube.deletion import delete_if_same

    for one in chosen:
        name, uid = fields.name(one), fields.uid(one)
        if dry_run is DryRun.CLIENT or delete_if_same(client, PIPELINE_EXECUTION, name, client.namespace, uid=uid):
            yield one


def _is_settled(resource: Mapping[str, Any], now: datetime) -> bool:
    reported = quiet_since(resource)
    return reported is not None and now - reported >= KEEP_REPORTED

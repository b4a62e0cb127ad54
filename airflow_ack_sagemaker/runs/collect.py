"""What a launch leaves of its task's earlier runs: each finished resource costs the controller an AWS call a minute."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.run.collectable import collectable
from airflow_ack_sagemaker.kube.deletion import delete_if_same
from airflow_ack_sagemaker.kube.errors import KubeError
from airflow_ack_sagemaker.kube.log import Log
from airflow_ack_sagemaker.kube.server_clock import clock_of

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient


@dataclass(frozen=True, slots=True)
class History:
    """How much of it stays. ``keep_reported`` is how long one stays in any case once it was reported (`collectable`),
    ``most`` how many go in one launch, which is not to be held up.
    """

    limit: int | None
    ttl: timedelta | None
    keep_reported: timedelta
    most: int = 100

    @property
    def unlimited(self) -> bool:
        """Whether nothing ever goes."""
        return self.limit is None and self.ttl is None


def server_time(client: KubeClient, resources: Sequence[Mapping[str, Any]], *, log: Log) -> datetime:
    """The API server's time, which has stamped what is collected; this machine's where it cannot be told.

    :param resources: executions, of which one is asked about where the client does not know it yet.
    """
    now, clock = time.time(), client.clock
    if clock is None and resources:
        name, namespace = fields.name(resources[0]), fields.namespace(resources[0])
        clock = clock_of(client, PIPELINE_EXECUTION, name, namespace, log=log)
    return datetime.fromtimestamp(now if clock is None else clock.now(now), timezone.utc)


def collect(
    client: KubeClient, earlier: Sequence[Mapping[str, Any]], history: History, namespace: str, *, log: Log
) -> int:
    """Delete what is beyond the limit or age. What cannot be deleted is a warning, never an error.

    :param earlier: executions of the task's earlier runs. Those of the present run are its record: not among them.
    :returns: how many were deleted.
    """
    going = collectable(
        earlier,
        now=server_time(client, earlier, log=log),
        history_limit=history.limit,
        ttl=history.ttl,
        keep_reported=history.keep_reported,
    )
    deleted = 0
    for resource in going[: history.most]:
        name = fields.name(resource)
        try:
            if delete_if_same(client, PIPELINE_EXECUTION, name, namespace, uid=fields.uid(resource)):
                deleted += 1
                log.info("Collected pipelineexecution/%s of an earlier run.", name)
        except KubeError as error:
            log.warning("Finished executions of earlier runs are not collected: %s", error)
            break
    return deleted

"""What a launch leaves of its task's earlier runs: each finished resource costs the controller an AWS call a minute."""

from __future__ import annotations

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


def collect(
    client: KubeClient, earlier: Sequence[Mapping[str, Any]], history: History, namespace: str, *, log: Log
) -> int:
    """Delete what is beyond the limit or age. What cannot be deleted is a warning, never an error.

    :param earlier: executions of the task's earlier runs. Those of the present run are its record: not among them.
    :returns: how many were deleted.
    """
    going = collectable(
        earlier,
        now=datetime.now(timezone.utc),
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

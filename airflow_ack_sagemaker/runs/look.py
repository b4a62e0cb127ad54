"""What the cluster has of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.resource.identity import LABEL_RUN, LABEL_TASK, RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.launched_by import Try

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import KubeClient


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a task that launches executions: who, which try, and where.

    ``first_attempt`` is the number of the attempt where the cluster has none any more (`core.run.decision.decide`).
    """

    identity: RunIdentity
    namespace: str
    tried: Try = Try()  # noqa: RUF009 (it is frozen)
    first_attempt: int = 1


def resources_of(
    client: KubeClient,
    namespace: str,
    identity: RunIdentity,
    *,
    kind: Kind = PIPELINE_EXECUTION,
    earlier_runs: bool = False,
) -> list[dict[str, Any]]:
    """The executions, or other jobs, of this run, or of all runs of its task: one request either way.

    The label's value is a digest: ask `RunIdentity.owns` or `RunIdentity.of_run` whose each is.

    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    selector = f"{LABEL_TASK}={identity.task_digest}" if earlier_runs else f"{LABEL_RUN}={identity.digest}"
    found = client.list(kind, namespace, label_selector=selector).items
    return [{"kind": kind.kind, **item} for item in found]

"""An execution in one line: what a table shows of a PipelineExecution, small enough to keep ten thousand of them.

Times are texts (RFC 3339, UTC), durations are seconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import identity_of
from airflow_ack_sagemaker.core.resource.status import FINISHED, State, classify, cut
from airflow_ack_sagemaker.core.resource.times import text_of, time_or_none
from airflow_ack_sagemaker.core.run.decision import attempt_of

Place = tuple[str, str, str]
"""A pipeline: cluster, namespace, name in SageMaker."""
TaskInstance = tuple[str | None, str | None, str | None, int, int | None]
"""What the attempts of one execution have in common: DAG, run, task, map index, place in a batch."""
_RAN = frozenset({State.SUCCEEDED, State.FAILED, State.STOPPED})
_WHOSE = ("dag_id", "run_id", "task_id", "map_index", "index")
_MAX_REASON = 500
"""Characters of a reason that a table shows; the execution's own page has it whole."""


@dataclass(frozen=True, slots=True)
class Row:
    """One execution. ``dag_id`` and the members after it are None or -1 where no task of Airflow made the resource.
    ``state`` is our word, ``status`` SageMaker's own. ``ended`` is known only if SageMaker has ended it. ``touched`` is
    when the controller last wrote its status.
    """

    cluster: str
    namespace: str
    name: str
    uid: str
    pipeline: str
    state: State
    created: str
    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int = -1
    index: int | None = None
    attempt: int | None = None
    status: str | None = None
    reason: str | None = None
    remedy: str | None = None
    started: str | None = None
    ended: str | None = None
    duration: float | None = None
    arn: str | None = None
    touched: str | None = None

    @property
    def over(self) -> bool:
        """Whether no waiting will change it."""
        return self.state in FINISHED

    @property
    def task_instance(self) -> TaskInstance:
        """What its attempts have in common."""
        return (self.dag_id, self.run_id, self.task_id, self.map_index, self.index)

    @property
    def place(self) -> Place:
        """Its pipeline."""
        return (self.cluster, self.namespace, self.pipeline)

    def shown(self, usual: Mapping[Place, float]) -> dict[str, Any]:
        """The row as JSON. ``usual``: how long executions of its pipeline take, in seconds."""
        values = {name: getattr(self, name) for name in _SHOWN}
        return values | {"state": self.state.value, "usual_duration": usual.get(self.place)}


_SHOWN = tuple(name for name in Row.__slots__ if name != "touched")


def row_of(resource: Resource, cluster: str) -> Row:
    """The row of a PipelineExecution; ``cluster`` says where it was read."""
    outcome = classify(resource)
    identity = identity_of(resource)
    status = fields.status(resource)
    started = time_or_none(status.get("creationTime")) if outcome.started else None
    ended = time_or_none(status.get("lastModifiedTime")) if outcome.state in _RAN else None
    return Row(
        cluster=cluster,
        namespace=outcome.namespace,
        name=outcome.name,
        uid=outcome.uid or "",
        pipeline=fields.pipeline_name(resource),
        state=outcome.state,
        created=outcome.created or "",
        **({} if identity is None else {name: getattr(identity, name) for name in _WHOSE}),
        attempt=attempt_of(resource) or None,
        status=outcome.sagemaker_status,
        reason=cut(outcome.reason, _MAX_REASON),
        remedy=outcome.remedy,
        started=text_of(started),
        ended=text_of(ended),
        duration=max((ended - started).total_seconds(), 0.0) if started and ended else None,
        arn=outcome.arn,
        touched=text_of(fields.status_written(resource)),
    )


def usual_durations(rows: Iterable[Row]) -> dict[Place, float]:
    """How long the succeeded executions of each pipeline took: the median, in seconds."""
    found: defaultdict[Place, list[float]] = defaultdict(list)
    for row in rows:
        if row.state is State.SUCCEEDED and row.duration is not None:
            found[row.place].append(row.duration)
    return {key: median(values) for key, values in found.items()}

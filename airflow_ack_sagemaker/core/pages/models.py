"""Versions of the model registry in one line each, small enough to keep thousands of them.

Times are texts (RFC 3339, UTC).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.lifecycle.registry import ANNOTATION_EXECUTION, LABEL_GROUP, version_of
from airflow_ack_sagemaker.core.lifecycle.serving import ANNOTATION_METRICS, metrics_of
from airflow_ack_sagemaker.core.pages.listing import has_words
from airflow_ack_sagemaker.core.resource import fields, freshness
from airflow_ack_sagemaker.core.resource.arns import arn_of
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_IDENTITY,
    ANNOTATION_INSTANCE,
    RunIdentity,
    identity_of,
)
from airflow_ack_sagemaker.core.resource.status import State, cut
from airflow_ack_sagemaker.core.resource.times import text_of

MAX_METRICS = 10
"""Metrics of a version that are shown; its resource has all."""
MAX_TEXT = 500
"""Characters of a text that is shown of it."""
_WHOSE = ("dag_id", "run_id", "task_id", "map_index")
_KEPT_SPEC = ("modelPackageGroupName", "modelApprovalStatus", "metadataProperties")
_KEPT_ANNOTATIONS = (ANNOTATION_IDENTITY, ANNOTATION_INSTANCE, ANNOTATION_METRICS, ANNOTATION_EXECUTION)


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version. ``number`` is None until SageMaker has it. ``state`` is our word, ``status`` and ``approval`` are
    SageMaker's own. ``dag_id`` and the members after it are None or -1 where no task of Airflow made the resource.
    ``execution`` is the ARN of the pipeline execution that made the model. ``may_be_served`` is what tasks go by.
    """

    cluster: str
    namespace: str
    name: str
    uid: str
    group: str
    number: int | None
    state: State
    status: str | None
    approval: str | None
    reason: str | None
    remedy: str | None
    metrics: tuple[tuple[str, float], ...]
    created: str
    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int = -1
    execution: str | None = None
    arn: str | None = None
    may_be_served: bool = False

    def shown(self) -> dict[str, Any]:
        """The row as JSON, without the execution, which is told as a link."""
        hidden = ("execution", "may_be_served")
        values = {name: getattr(self, name) for name in self.__slots__ if name not in hidden}
        return values | {"state": self.state.value, "metrics": shown_metrics(self.metrics)}


@dataclass(frozen=True, slots=True)
class Query:
    """Which versions are wanted; None is no restriction. Each word of ``search`` must be found somewhere, in upper or
    lower case.
    """

    group: str | None = None
    approval: str | None = None
    search: str = ""
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """A group: how many of its versions may be read, and the newest of them that may be served."""

    group: str
    versions: int
    approved: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """``items`` of the ``total`` that fit, the newest first. ``counts`` are the approvals of what fits, whatever
    approval is wanted; ``groups`` are those of all that may be read.
    """

    items: Sequence[VersionRow]
    total: int
    counts: dict[str, int]
    groups: Sequence[Group]


def prune_version(resource: Resource) -> dict[str, Any]:
    """The part of a ModelPackage that a row is made of: without the specification of its containers."""
    return pruned(resource, spec=_KEPT_SPEC, annotations=_KEPT_ANNOTATIONS, labels=(LABEL_GROUP,))


def pruned(
    resource: Resource, *, spec: Collection[str], annotations: Collection[str], labels: Collection[str]
) -> dict[str, Any]:
    """What outcomes are read from, with these members of the spec, annotations and labels."""
    found = freshness.prune(resource)
    metadata = dict(found["metadata"])
    kept = {key: value for key, value in fields.annotations_of(resource).items() if key in annotations}
    metadata["annotations"] = {**metadata.get("annotations", {}), **kept}
    metadata["labels"] = {key: value for key, value in fields.labels_of(resource).items() if key in labels}
    more = {key: value for key, value in fields.spec(resource).items() if key in spec}
    return {**found, "metadata": metadata, "spec": {**found["spec"], **more}}


def version_row(resource: Resource, cluster: str) -> VersionRow:
    """The row of a pruned ModelPackage; ``cluster`` says where it was read."""
    outcome = freshness.observe(resource)
    version = version_of(resource)
    group = version.group if version is not None else fields.text(fields.spec(resource), "modelPackageGroupName")
    return VersionRow(
        cluster=cluster,
        namespace=outcome.namespace,
        name=outcome.name,
        uid=outcome.uid or "",
        group=group or fields.label(resource, LABEL_GROUP),
        number=version.number if version is not None else None,
        state=outcome.state,
        status=outcome.sagemaker_status,
        approval=fields.text(fields.spec(resource), "modelApprovalStatus"),
        reason=cut(outcome.reason, MAX_TEXT),
        remedy=outcome.remedy,
        metrics=known_metrics(resource),
        created=text_of(fields.created(resource)) or "",
        **whose(identity_of(resource)),
        execution=_execution(resource),
        arn=outcome.arn,
        may_be_served=version is not None and version.is_approved,
    )


def whose(identity: RunIdentity | None) -> dict[str, Any]:
    """The task that made a resource, as members of a row."""
    return {} if identity is None else {name: getattr(identity, name) for name in _WHOSE}


def known_metrics(resource: Resource) -> tuple[tuple[str, float], ...]:
    """The first metrics that are written on a resource. What JSON has no number for is left out."""
    found = ((str(cut(name, MAX_TEXT)), float(value)) for name, value in sorted(_numbers(resource)))
    return tuple((name, value) for name, value in found if math.isfinite(value))[:MAX_METRICS]


def shown_metrics(metrics: Iterable[tuple[str, float]]) -> list[dict[str, Any]]:
    """Metrics as JSON."""
    return [{"name": name, "value": value} for name, value in metrics]


def page_of(rows: Sequence[VersionRow], query: Query) -> Page:
    """One page of what the query wants.

    :param rows: what the reader may see.
    """
    words = query.search.casefold().split()
    fitting = [row for row in rows if query.group in (None, row.group) and _found(row, words)]
    counts = Counter(row.approval for row in fitting if row.approval)
    if query.approval is not None:
        fitting = [row for row in fitting if row.approval == query.approval]
    fitting.sort(key=lambda row: (row.created, row.number or 0, row.name), reverse=True)
    items = fitting[query.offset : query.offset + query.limit]
    return Page(items, len(fitting), dict(counts), _groups(rows))


def _groups(rows: Iterable[VersionRow]) -> list[Group]:
    by_group: defaultdict[str, list[VersionRow]] = defaultdict(list)
    for row in rows:
        by_group[row.group].append(row)
    return [Group(name, len(by_group[name]), _approved(by_group[name])) for name in sorted(by_group)]


def _approved(rows: Iterable[VersionRow]) -> int | None:
    """The newest version that may be served. Where several resources tell of one, all must say so, as for tasks."""
    approved: dict[int, bool] = {}
    for row in rows:
        if row.number is not None:
            approved[row.number] = approved.get(row.number, True) and row.may_be_served
    return max((number for number, may in approved.items() if may), default=None)


def _found(row: VersionRow, words: Sequence[str]) -> bool:
    texts = (row.group, str(row.number), row.name, row.dag_id, row.run_id, row.approval, row.status, row.reason)
    return has_words(texts, words)


def _execution(resource: Resource) -> str | None:
    """The ARN of the execution that made the model: as the task has written it, or SageMaker itself."""
    by = fields.spec(resource).get("metadataProperties")
    said = (
        fields.annotation(resource, ANNOTATION_EXECUTION),
        fields.text(by, "generatedBy") if isinstance(by, dict) else None,
    )
    arns = (arn_of(text) for text in said)
    return next((arn.text for arn in arns if arn is not None and arn.execution_of is not None), None)


def _numbers(resource: Resource) -> Iterable[tuple[str, float]]:
    for name, value in metrics_of(resource).items():
        if isinstance(value, float) or abs(value) < 2**1000:  # a greater int is no float
            yield name, value

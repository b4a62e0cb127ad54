"""The pipelines of a namespace at a glance: where each definition comes from, and how its executions went."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.pages.executions import Place, Row
from airflow_ack_sagemaker.core.resource import fields, freshness
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_DEFINITION_SHA256,
    ANNOTATION_DEFINITION_SOURCE,
    ANNOTATION_DEFINITION_VERSION,
    LABEL_DAG,
    label_value,
)
from airflow_ack_sagemaker.core.resource.status import State
from airflow_ack_sagemaker.core.resource.times import text_of

MAX_DURATIONS = 30
_FINALIZER = "finalizers.sagemaker.services.k8s.aws/"
"""What the controller puts on a resource whose thing in AWS is its own; a refused one has none."""
_DIGEST = "pipelineDefinitionSHA256"
"""Where a pruned Pipeline has the digest of the text that it no longer has; no field of the kind. It is that of the
text as it stands: to read a definition takes a thousand times as long, and this is done in an event loop.
"""


@dataclass(frozen=True, slots=True)
class DefinitionSource:
    """Where a definition was read from, and the digest of its canonical text; None where that is not known."""

    source_uri: str | None = None
    version_id: str | None = None
    sha256: str | None = None

    def shown(self) -> dict[str, str | None]:
        """As JSON."""
        return {"source_uri": self.source_uri, "version_id": self.version_id, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class PipelineRow:
    """A Pipeline. ``definition`` is what its annotations say, ``text_sha256`` the digest of its text as it stands;
    ``changed`` is since when an answer of the controller may be expected, ``touched`` when it last wrote. ``owned``:
    the controller's own mark is on it, so that its ARN is that of the pipeline that it made.
    """

    cluster: str
    namespace: str
    name: str
    uid: str
    pipeline: str
    state: State
    status: str | None
    reason: str | None
    remedy: str | None
    definition: DefinitionSource
    text_sha256: str | None
    owned: bool
    dag_label: str | None
    arn: str | None
    region: str | None
    changed: str | None
    touched: str | None

    @property
    def place(self) -> Place:
        """What its executions have in common."""
        return (self.cluster, self.namespace, self.pipeline)


@dataclass(frozen=True, slots=True)
class Summary:
    """How a pipeline's executions went. ``success_rate`` is over the ``ended`` ones: those that succeeded or failed."""

    last: Row | None
    success_rate: float | None
    ended: int
    recent: tuple[Row, ...]
    """Those with a duration, oldest first."""
    dag_ids: tuple[str, ...]


def definition_of(resource: Resource) -> DefinitionSource:
    """What the annotations of a Pipeline or PipelineExecution say about its definition."""
    return DefinitionSource(
        fields.annotation(resource, ANNOTATION_DEFINITION_SOURCE),
        fields.annotation(resource, ANNOTATION_DEFINITION_VERSION),
        fields.annotation(resource, ANNOTATION_DEFINITION_SHA256),
    )


def prune(resource: Resource) -> dict[str, Any]:
    """A Pipeline without the text of its definition and without its managers' lists of fields. The digest of the text
    stays, and of the managers what `freshness` reads.
    """
    pruned = freshness.prune(resource)
    spec = dict(fields.spec(resource))
    text = spec.pop("pipelineDefinition", None)
    if isinstance(text, str):
        spec[_DIGEST] = plain_digest(text)
    metadata = fields.metadata(resource)
    for key in ("labels", "annotations"):
        if key in metadata:
            pruned["metadata"][key] = metadata[key]
    return {**pruned, "spec": spec}


def plain_digest(text: str) -> str:
    """The digest of a text as it stands."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def pipeline_row(resource: Resource, cluster: str) -> PipelineRow:
    """The row of a pruned Pipeline."""
    outcome = freshness.observe(resource)
    created, changed = fields.created(resource), freshness.spec_changed(resource)
    return PipelineRow(
        cluster=cluster,
        namespace=outcome.namespace,
        name=outcome.name,
        uid=outcome.uid or "",
        pipeline=fields.pipeline_name(resource),
        state=outcome.state,
        status=outcome.sagemaker_status,
        reason=outcome.reason,
        remedy=outcome.remedy,
        definition=definition_of(resource),
        text_sha256=fields.text(fields.spec(resource), _DIGEST),
        owned=any(name.startswith(_FINALIZER) for name in fields.finalizers(resource)),
        dag_label=fields.label(resource, LABEL_DAG) or None,
        arn=outcome.arn,
        region=outcome.region,
        changed=text_of(max(filter(None, (created, changed)), default=None)),
        touched=text_of(fields.status_written(resource)),
    )


def summarize(rows: Iterable[Row]) -> Summary:
    """How these executions of one pipeline went."""
    ordered = sorted(rows, key=lambda row: (row.created, row.name))
    succeeded = sum(row.state is State.SUCCEEDED for row in ordered)
    ended = succeeded + sum(row.state is State.FAILED for row in ordered)
    return Summary(
        last=ordered[-1] if ordered else None,
        success_rate=succeeded / ended if ended else None,
        ended=ended,
        recent=tuple(row for row in ordered if row.duration is not None)[-MAX_DURATIONS:],
        dag_ids=tuple(sorted({row.dag_id for row in ordered if row.dag_id is not None})),
    )


def visible(pipeline: PipelineRow, labels: Collection[str], *, read: bool) -> bool:
    """Whether a pipeline is shown to a user who may read the DAGs of these labels.

    :param read: whether the user may read one of its executions.
    """
    return read or (pipeline.dag_label is not None and pipeline.dag_label in labels)


def dag_labels(dag_ids: Iterable[str]) -> frozenset[str]:
    """The label values of these DAGs."""
    return frozenset(label_value(dag_id) for dag_id in dag_ids)


@dataclass(frozen=True, slots=True)
class Drift:
    """Whether S3, the annotations and the cluster agree: ``in_sync``, ``behind``, ``edited`` or ``unknown``."""

    state: str
    detail: str | None = None


def needs_canonical(pipeline: PipelineRow) -> bool:
    """Whether only the canonical text tells if it is the definition that was applied."""
    known = pipeline.definition.sha256
    return bool(known and pipeline.text_sha256 and known != pipeline.text_sha256)


def drift_of(
    pipeline: PipelineRow, newest: str | None, why_unknown: str | None, canonical_sha256: str | None = None
) -> Drift:
    """The drift of a pipeline's definition.

    :param canonical_sha256: the digest of its canonical text; needed where that of the text as it stands is not the one
        of its annotations. None: not known yet.
    :param newest: the version that S3 would give now; None where that is not known.
    :param why_unknown: why not.
    """
    known = pipeline.definition
    if needs_canonical(pipeline):
        if canonical_sha256 is None:
            return Drift("unknown", "The definition in the cluster is being compared with the one that was applied")
        if canonical_sha256 != known.sha256:
            return Drift(
                "edited", "The definition in the cluster is not the one that was applied: somebody has edited it"
            )
    if known.source_uri is None:
        return Drift("unknown", "The resource does not say where its definition came from")
    if known.version_id is None:
        return Drift("unknown", "The definition was read from a bucket without versioning")
    if newest is None:
        return Drift("unknown", why_unknown)
    if newest != known.version_id:
        return Drift("behind", f"S3 has version {newest}, the cluster has {known.version_id}")
    return Drift("in_sync")

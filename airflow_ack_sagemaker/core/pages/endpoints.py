"""Endpoints at a glance: what serves, how a rollout stands, how the ones before went.

An endpoint is kept and shared, so it belongs to no run. Whose it is, the configurations tell that were made for it.
Times are texts (RFC 3339, UTC).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from airflow_ack_sagemaker.core.lifecycle.attempts import attempt_of
from airflow_ack_sagemaker.core.lifecycle.progress import progress
from airflow_ack_sagemaker.core.lifecycle.registry import version_name
from airflow_ack_sagemaker.core.lifecycle.serving import (
    ANNOTATION_FORMER,
    ANNOTATION_METRICS,
    ANNOTATION_MODEL,
    ANNOTATION_SERVES,
    LABEL_ENDPOINT,
)
from airflow_ack_sagemaker.core.lifecycle.standing import Rollout, Standing, failure_reason, read, serving_config
from airflow_ack_sagemaker.core.pages.listing import has_words
from airflow_ack_sagemaker.core.pages.models import MAX_TEXT, known_metrics, pruned, shown_metrics, whose
from airflow_ack_sagemaker.core.resource import fields, freshness
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_IDENTITY,
    ANNOTATION_INSTANCE,
    ANNOTATION_REPORTED,
    LABEL_ATTEMPT,
    identity_of,
    label_value,
)
from airflow_ack_sagemaker.core.resource.status import State, cut
from airflow_ack_sagemaker.core.resource.times import text_of
from airflow_ack_sagemaker.core.run.reported import reported_state

MAX_ROLLOUTS = 10
"""Rollouts of an endpoint that are shown, the newest."""
_WHOSE = (ANNOTATION_IDENTITY, ANNOTATION_INSTANCE)


class RolloutEnd(StrEnum):
    """What became of a configuration."""

    SERVES = "Serves"
    ROLLING_OUT = "RollingOut"
    REPLACED = "Replaced"
    """It has served, and another one does now."""
    FAILED = "Failed"
    """It was rolled back, refused, or never came to serve."""
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class ConfigRow:
    """A configuration that was made for an endpoint: one attempt to roll a model out. ``ended`` is the end that a task
    has told Airflow, ``model`` the ARN of a model package, or an artifact.
    """

    cluster: str
    namespace: str
    name: str
    config: str
    endpoint: str
    created: str
    ended: State | None = None
    attempt: int | None = None
    model: str | None = None
    former: str | None = None
    metrics: tuple[tuple[str, float], ...] = ()
    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int = -1


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint. ``standing`` is how its present rollout stands; ``asked`` is the configuration that the resource
    asks for, ``serves`` the one that serves as far as it is known; ``failure`` is SageMaker's last failure reason,
    which stays until an update succeeds.
    """

    cluster: str
    namespace: str
    name: str
    uid: str
    endpoint: str
    state: State
    standing: Standing
    status: str | None
    reason: str | None
    remedy: str | None
    asked: str
    serves: str | None
    progress: str
    failure: str | None
    created: str
    dag_id: str | None = None
    arn: str | None = None

    @property
    def place(self) -> tuple[str, str, str]:
        """What its configurations have in common with it: cluster, namespace, and their label's value."""
        return (self.cluster, self.namespace, label_value(self.endpoint))


@dataclass(frozen=True, slots=True)
class Seen:
    """An endpoint with those of its configurations that the reader may see, the newest first."""

    endpoint: EndpointRow
    configs: tuple[ConfigRow, ...]

    @property
    def model(self) -> str | None:
        """What serves; None where that is not known, or not the reader's to see."""
        return next((one.model for one in self.configs if one.config == self.endpoint.serves), None)

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        hidden = {"dag_id"}
        values = {name: getattr(self.endpoint, name) for name in EndpointRow.__slots__ if name not in hidden}
        return {
            **values,
            "state": self.endpoint.state.value,
            "standing": self.endpoint.standing.value,
            "model": self.model,
            "version": version_name(self.model),
            "rollouts": [self._rollout(one) for one in self.configs[:MAX_ROLLOUTS]],
            "failed": sum(self._end(one) is RolloutEnd.FAILED for one in self.configs),
            "attempts": len(self.configs),
        }

    def _rollout(self, one: ConfigRow) -> dict[str, Any]:
        hidden = {"cluster", "namespace", "endpoint", "ended"}
        values = {name: getattr(one, name) for name in ConfigRow.__slots__ if name not in hidden}
        more = {"end": self._end(one).value, "version": version_name(one.model), "metrics": shown_metrics(one.metrics)}
        return values | more

    def _end(self, one: ConfigRow) -> RolloutEnd:
        if one.config == self.endpoint.serves:
            return RolloutEnd.SERVES
        if one.ended is not None:
            return RolloutEnd.REPLACED if one.ended is State.SUCCEEDED else RolloutEnd.FAILED
        if one.config != self.endpoint.asked:
            return RolloutEnd.UNKNOWN
        return RolloutEnd.ROLLING_OUT if self.endpoint.standing is Standing.UPDATING else RolloutEnd.FAILED


@dataclass(frozen=True, slots=True)
class Query:
    """Which endpoints are wanted. Each word of ``search`` must be found somewhere, in upper or lower case."""

    search: str = ""
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """``items`` of the ``total`` that fit: first those whose rollout has failed, then by name."""

    items: Sequence[Seen]
    total: int


def prune_endpoint(resource: Resource) -> dict[str, Any]:
    """The part of an Endpoint that a row is made of."""
    return pruned(resource, spec=("endpointName",), annotations=(*_WHOSE, ANNOTATION_SERVES), labels=())


def prune_config(resource: Resource) -> dict[str, Any]:
    """The part of an EndpointConfig that a row is made of: without its variants."""
    notes = (*_WHOSE, ANNOTATION_FORMER, ANNOTATION_METRICS, ANNOTATION_MODEL, ANNOTATION_REPORTED)
    return pruned(resource, spec=(), annotations=notes, labels=(LABEL_ENDPOINT, LABEL_ATTEMPT))


def endpoint_row(resource: Resource, cluster: str) -> EndpointRow:
    """The row of a pruned Endpoint; ``cluster`` says where it was read."""
    outcome = freshness.observe(resource)
    spec, identity = fields.spec(resource), identity_of(resource)
    asked = fields.text(spec, "endpointConfigName") or ""
    reading = read(resource, Rollout(asked), outcome)
    # Of one that asks for nothing there is no rollout to read.
    standing, judged = (reading.standing, reading.outcome) if asked else (Standing.UPDATING, outcome)
    return EndpointRow(
        cluster=cluster,
        namespace=outcome.namespace,
        name=outcome.name,
        uid=outcome.uid or "",
        endpoint=fields.text(spec, "endpointName") or outcome.name,
        state=judged.state,
        standing=standing,
        status=outcome.sagemaker_status,
        reason=cut(judged.reason, MAX_TEXT),
        remedy=judged.remedy,
        asked=asked,
        serves=serving_config(resource) or fields.annotation(resource, ANNOTATION_SERVES) or None,
        progress=cut(progress(resource), MAX_TEXT) or "",
        failure=cut(failure_reason(resource), MAX_TEXT),
        created=text_of(fields.created(resource)) or "",
        dag_id=identity.dag_id if identity is not None else None,
        arn=outcome.arn,
    )


def config_row(resource: Resource, cluster: str) -> ConfigRow:
    """The row of a pruned EndpointConfig; ``cluster`` says where it was read."""
    return ConfigRow(
        cluster=cluster,
        namespace=fields.namespace(resource),
        name=fields.name(resource),
        config=fields.text(fields.spec(resource), "endpointConfigName") or fields.name(resource),
        endpoint=fields.label(resource, LABEL_ENDPOINT),
        created=text_of(fields.created(resource)) or "",
        ended=reported_state(resource),
        attempt=attempt_of(resource) or None,
        model=cut(fields.annotation(resource, ANNOTATION_MODEL), MAX_TEXT) or None,
        former=fields.annotation(resource, ANNOTATION_FORMER) or None,
        metrics=known_metrics(resource),
        **whose(identity_of(resource)),
    )


def readable(endpoints: Iterable[EndpointRow], configs: Iterable[ConfigRow], dag_ids: Collection[str]) -> list[Seen]:
    """The endpoints that tasks of these DAGs have made or rolled something out to."""
    own: defaultdict[tuple[str, str, str], list[ConfigRow]] = defaultdict(list)
    for config in configs:
        if config.dag_id is not None and config.dag_id in dag_ids and config.endpoint:
            own[config.cluster, config.namespace, config.endpoint].append(config)
    found = []
    for endpoint in endpoints:
        mine = own.get(endpoint.place, [])
        if mine or (endpoint.dag_id is not None and endpoint.dag_id in dag_ids):
            mine.sort(key=lambda one: (one.created, one.attempt or 0, one.name), reverse=True)
            found.append(Seen(endpoint, tuple(mine)))
    return found


def page_of(seen: Iterable[Seen], query: Query) -> Page:
    """One page of what the query wants.

    :param seen: what the reader may see.
    """
    words = query.search.casefold().split()
    fitting = [one for one in seen if _found(one, words)]
    fitting.sort(key=lambda one: (_RANKS.get(one.endpoint.standing, 0), one.endpoint.endpoint.casefold()))
    return Page(fitting[query.offset : query.offset + query.limit], len(fitting))


def served_by(seen: Iterable[Seen]) -> Mapping[str, list[dict[str, str]]]:
    """The endpoints that serve each model, by the model."""
    found: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for one in seen:
        if one.model is not None:
            found[one.model].append({"namespace": one.endpoint.namespace, "endpoint": one.endpoint.endpoint})
    return found


_RANKS = {Standing.UPDATING: 1, Standing.UPDATED: 2}


def _found(one: Seen, words: Sequence[str]) -> bool:
    row = one.endpoint
    texts = (row.endpoint, row.name, row.status, row.standing.value, row.serves, row.reason, row.failure, one.model)
    return has_words([*texts, *(config.dag_id for config in one.configs)], words)

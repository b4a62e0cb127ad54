"""Rows filtered, searched, sorted and cut into pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from airflow_ack_sagemaker.core.pages.executions import Row

MAX_LIMIT = 200
SORTS: dict[str, Callable[[Row], Any]] = {
    "created": lambda row: row.created or None,
    "pipeline": lambda row: row.pipeline.casefold(),
    "dag_id": lambda row: (row.dag_id or "").casefold(),
    "state": lambda row: row.state.value,
    "duration": lambda row: row.duration,
}
"""What a list may be sorted by. Rows without such a value come last in both orders."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which executions are wanted; None is no restriction. ``sort`` is a name of `SORTS`; "-" before it reverses the
    order. Each word of ``search`` must be found somewhere, in upper or lower case.
    """

    dag_id: str | None = None
    run_id: str | None = None
    task_id: str | None = None
    map_index: int | None = None
    pipeline: str | None = None
    namespace: str | None = None
    states: tuple[str, ...] = ()
    search: str = ""
    sort: str = "-created"
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """``items`` of the ``total`` that fit. ``counts`` are the states of what fits, whatever states are wanted;
    ``pipelines`` and ``dags`` are those of all that may be read.
    """

    items: Sequence[Row]
    total: int
    counts: dict[str, int]
    pipelines: Sequence[str]
    dags: Sequence[str]


class OfDag(Protocol):
    """What a task of a DAG has made; None: no task has."""

    @property
    def dag_id(self) -> str | None:
        """The DAG."""


T = TypeVar("T", bound=OfDag)


def readable(rows: Iterable[T], dag_ids: Collection[str]) -> list[T]:
    """The rows of these DAGs."""
    return [row for row in rows if row.dag_id is not None and row.dag_id in dag_ids]


def any_readable(rows: Iterable[OfDag], dag_ids: Collection[str]) -> bool:
    """Whether one of the rows is of these DAGs."""
    return any(row.dag_id is not None and row.dag_id in dag_ids for row in rows)


def page_of(rows: Sequence[Row], query: Query) -> Page:
    """One page of what the query wants.

    :param rows: what the reader may see.
    :raises KeyError: there is no such sort.
    """
    fitting = [row for row in rows if _fits(row, query)]
    if words := query.search.casefold().split():
        fitting = [row for row in fitting if _found(row, words)]
    counts = Counter(row.state.value for row in fitting)
    if query.states:
        fitting = [row for row in fitting if row.state.value in query.states]
    ordered = _sorted(fitting, query.sort)
    return Page(
        items=ordered[query.offset : query.offset + query.limit],
        total=len(fitting),
        counts=dict(counts),
        pipelines=sorted({row.pipeline for row in rows}),
        dags=sorted({row.dag_id for row in rows if row.dag_id is not None}),
    )


def _fits(row: Row, query: Query) -> bool:
    return (
        (query.dag_id is None or row.dag_id == query.dag_id)
        and (query.run_id is None or row.run_id == query.run_id)
        and (query.task_id is None or row.task_id == query.task_id)
        and (query.map_index is None or row.map_index == query.map_index)
        and (query.pipeline is None or row.pipeline == query.pipeline)
        and (query.namespace is None or row.namespace == query.namespace)
    )


def _found(row: Row, words: Sequence[str]) -> bool:
    texts = (row.name, row.pipeline, row.dag_id, row.run_id, row.task_id, row.status, row.state.value, row.reason)
    return has_words(texts, words)


def has_words(texts: Iterable[str | None], words: Sequence[str]) -> bool:
    """Whether each of the words, which are casefolded, is found in one of the texts."""
    text = "\n".join(filter(None, texts)).casefold()
    return all(word in text for word in words)


def _sorted(rows: list[Row], sort: str) -> list[Row]:
    value = SORTS[sort.removeprefix("-")]
    newest_first = sorted(rows, key=lambda row: (row.created, row.name), reverse=True)
    known = [row for row in newest_first if value(row) is not None]
    known.sort(key=value, reverse=sort.startswith("-"))
    return known + [row for row in newest_first if value(row) is None]

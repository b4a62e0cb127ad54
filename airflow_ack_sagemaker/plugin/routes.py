"""What the pages read."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal, NamedTuple

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from airflow_ack_sagemaker.core.pages import listing
from airflow_ack_sagemaker.core.pages.differences import previous_of
from airflow_ack_sagemaker.core.pages.executions import Place, Row
from airflow_ack_sagemaker.core.pages.listing import MAX_LIMIT, SORTS, page_of, readable
from airflow_ack_sagemaker.core.pages.pipelines import (
    Drift,
    PipelineRow,
    dag_labels,
    definition_of,
    drift_of,
    summarize,
    visible,
)
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.status import State, classify
from airflow_ack_sagemaker.links import console_url
from airflow_ack_sagemaker.plugin.access import may_edit, readable_dags
from airflow_ack_sagemaker.plugin.aws import AwsTrouble
from airflow_ack_sagemaker.plugin.detail import described, difference_of, graph_of
from airflow_ack_sagemaker.plugin.masker import MASKER
from airflow_ack_sagemaker.plugin.reader import Board, Look
from airflow_ack_sagemaker.plugin.responses import answer, fingerprint
from airflow_ack_sagemaker.plugin.settings import clusters
from airflow_ack_sagemaker.plugin.shared import Shared
from airflow_ack_sagemaker.plugin.single_flight import NotYet

router = APIRouter(prefix="/api")

DagIds = Annotated[frozenset[str], Depends(readable_dags)]
Text = Annotated[str | None, Query(max_length=1_000)]
_SHORT_WAIT, _LONG_WAIT = 1.0, 10.0
"""Seconds that a list, and one execution, wait for the first look at a cluster."""


class Found(NamedTuple):
    """An execution that the user may read, and where it was found."""

    row: Row
    resource: dict[str, Any]
    board: Board


@router.get("/executions")
async def executions(
    request: Request,
    dag_ids: DagIds,
    dag_id: Text = None,
    run_id: Text = None,
    task_id: Text = None,
    map_index: int | None = None,
    pipeline: Text = None,
    state: Annotated[list[State] | None, Query()] = None,
    search: Annotated[str, Query(max_length=200)] = "",
    sort: Annotated[str, Query(pattern=f"^-?({'|'.join(SORTS)})$")] = "-created",
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
    cluster: Text = None,
    namespace: Text = None,
) -> Response:
    """A page of the executions of the DAGs that the user may read."""
    shared = Shared.of(request)
    boards = await _looked_at(shared, cluster, _SHORT_WAIT)
    query = listing.Query(
        dag_id=dag_id,
        run_id=run_id,
        task_id=task_id,
        map_index=map_index,
        pipeline=pipeline,
        namespace=namespace,
        states=tuple(one.value for one in state or ()),
        search=search,
        sort=sort,
        limit=limit,
        offset=offset,
    )
    looks = [board.now for board in boards]
    common = _common(boards)

    def make() -> dict[str, Any]:
        page = page_of(readable((row for look in looks for row in look.executions), dag_ids), query)
        usual = _usual(looks)
        return {
            **common,
            "total": page.total,
            "items": [_shown(row, usual) for row in page.items],
            "counts": page.counts,
            "pipelines": page.pipelines,
            "dags": page.dags,
        }

    tag = shared.responses.tag("executions", query, _states(boards), fingerprint(dag_ids))
    return await shared.responses.of(request, tag, make)


@router.get("/executions/{namespace}/{name}")
async def execution(
    request: Request, user: GetUserDep, dag_ids: DagIds, namespace: str, name: str, cluster: Text = None
) -> Response:
    """One execution with all that is known of it."""
    row, resource, board = await find(request, dag_ids, cluster, namespace, name)
    shared = Shared.of(request)
    graph, editable, about = await asyncio.gather(
        graph_of(row, resource, board, shared.aws(board.cluster.aws_conn_id), shared.details),
        run_in_threadpool(may_edit, request, user, row.dag_id or ""),
        shared.details.described((row.uid, fields.version(resource)), lambda: described(resource)),
    )
    others = (one for one in board.executions.items.values() if one.run_id == row.run_id)
    siblings = [one for one in others if one.task_instance == row.task_instance]
    siblings.sort(key=lambda one: (one.attempt or 0, one.created, one.name), reverse=True)
    content = {
        "execution": {**_shown(row, board.now.usual), "reason": _whole_reason(resource)},
        "may_edit": editable,
        "attempts": [_shown(one, board.now.usual) for one in siblings],
        "graph": graph,
        **about,
    }
    return await run_in_threadpool(answer, request, content)


@router.get("/executions/{namespace}/{name}/diff")
async def diff(request: Request, dag_ids: DagIds, namespace: str, name: str, cluster: Text = None) -> Response:
    """What the definition has changed since the execution before, of those that the user may read."""
    row, resource, board = await find(request, dag_ids, cluster, namespace, name)
    previous = previous_of(row, readable(list(board.executions.items.values()), dag_ids))
    before = board.executions.resource(previous.name) if previous is not None else None
    if previous is None or before is None:
        note = "There is no earlier execution of this pipeline that you may read."
        return answer(request, {"previous": None, "same": None, "diff": None, "note": note})
    found = await difference_of(row, resource, previous, before, Shared.of(request).aws(board.cluster.aws_conn_id))
    known = definition_of(before).shown()
    shown = {key: getattr(previous, key) for key in ("namespace", "name", "created", "run_id")}
    shown |= {"version_id": known["version_id"], "sha256": known["sha256"]}
    return answer(request, {"previous": shown, **asdict(found)})


@router.get("/pipelines")
async def pipelines(request: Request, dag_ids: DagIds, dag_id: Text = None, cluster: Text = None) -> Response:
    """The pipelines of the DAGs that the user may read."""
    shared = Shared.of(request)
    boards = await _looked_at(shared, cluster, _SHORT_WAIT)
    wanted = frozenset({dag_id}) if dag_id is not None else dag_ids
    labels = dag_labels(wanted)
    looks = [board.now for board in boards]
    by_pipeline: defaultdict[Place, list[Row]] = defaultdict(list)
    for row in readable((row for look in looks for row in look.executions), wanted):
        by_pipeline[row.place].append(row)
    found = [
        (board, one)
        for board, look in zip(boards, looks, strict=True)
        for one in look.pipelines
        if visible(one, by_pipeline[one.place], labels)
    ]
    drifts = await asyncio.gather(*(_drift(shared, board, one) for board, one in found))
    common = _common(boards)

    def make() -> dict[str, Any]:
        usual = _usual(looks)
        items = [
            _pipeline(one, by_pipeline[one.place], drift, usual) for (_, one), drift in zip(found, drifts, strict=True)
        ]
        return {**common, "items": sorted(items, key=lambda item: (item["pipeline"].casefold(), item["name"]))}

    tag = shared.responses.tag("pipelines", _states(boards), fingerprint(wanted), drifts)
    return await shared.responses.of(request, tag, make)


@router.get("/health")
async def health(request: Request, dag_ids: DagIds) -> Response:
    """How the controllers fare, and the watches."""
    boards = await _looked_at(Shared.of(request), None, _SHORT_WAIT)
    return answer(request, {"clusters": [_health(board) for board in boards]})


async def find(request: Request, dag_ids: frozenset[str], cluster: str | None, namespace: str, name: str) -> Found:
    """The execution of this name that the user may read.

    :raises HTTPException: 403 where it is of another DAG, 404 where there is none, 503 where that is not known.
    """
    boards = await _looked_at(Shared.of(request), cluster, _LONG_WAIT)
    for board in boards:
        row = board.executions.items.get(name)
        if row is None or row.namespace != namespace or row.dag_id is None:
            continue
        if row.dag_id not in dag_ids:
            raise HTTPException(403, "You may not read the DAG that this execution belongs to.")
        if (resource := board.executions.resource(name)) is not None:
            return Found(row, resource, board)
    for board in boards:
        if board.trouble is not None:
            raise HTTPException(503, f"The cluster cannot be read: {board.trouble}")
        if board.loading:
            raise HTTPException(503, "The cluster is being read. Look again in a moment.")
    raise HTTPException(404, f"There is no execution {name!r} in namespace {namespace!r} (any more).")


async def _looked_at(shared: Shared, cluster: str | None, seconds: float) -> list[Board]:
    entries = [one for one in clusters() if cluster is None or one.kubernetes_conn_id == cluster]
    if not entries:
        raise HTTPException(404, f"No cluster {cluster!r} is configured in Airflow's option [ack_sagemaker] clusters.")
    boards = [shared.boards.of(entry) for entry in entries]
    await asyncio.gather(*(board.wait(seconds) for board in boards))
    return boards


def _common(boards: Sequence[Board]) -> dict[str, Any]:
    return {
        "loading": any(board.loading and board.trouble is None for board in boards),
        "errors": [board.trouble for board in boards if board.trouble is not None],
    }


def _states(boards: Sequence[Board]) -> list[tuple[object, ...]]:
    return [board.state for board in boards]


def _usual(looks: Sequence[Look]) -> dict[Place, float]:
    return {place: seconds for look in looks for place, seconds in look.usual.items()}


def _shown(row: Row, usual: Mapping[Place, float]) -> dict[str, Any]:
    reason = row.reason and MASKER.text(row.reason)
    return {**row.shown(usual), "reason": reason, "console_url": _console(row.arn)}


def _console(arn: str | None) -> str | None:
    return (console_url(arn) if arn else "") or None


async def _drift(shared: Shared, board: Board, pipeline: PipelineRow) -> Drift:
    known = pipeline.definition
    aws = shared.aws(board.cluster.aws_conn_id)
    if aws is None or known.source_uri is None or known.version_id is None:
        return drift_of(pipeline, None, "S3 is not asked: the cluster's entry has no aws_conn_id")
    try:
        newest = await aws.newest_version(known.source_uri, None)
    except NotYet:
        return drift_of(pipeline, None, "S3 is being asked")
    except AwsTrouble as error:
        return drift_of(pipeline, None, str(error))
    return drift_of(pipeline, newest, "S3 has no versions of it")


def _pipeline(one: PipelineRow, rows: Sequence[Row], drift: Drift, usual: Mapping[Place, float]) -> dict[str, Any]:
    summary = summarize(rows)
    return {
        "cluster": one.cluster,
        "namespace": one.namespace,
        "name": one.name,
        "pipeline": one.pipeline,
        "state": one.state.value,
        "status": one.status,
        "reason": one.reason and MASKER.text(one.reason),
        "remedy": one.remedy,
        "definition": one.definition.shown(),
        "drift": asdict(drift),
        "last": _shown(summary.last, usual) if summary.last is not None else None,
        "success_rate": summary.success_rate,
        "ended": summary.ended,
        "usual_duration": usual.get(one.place),
        "durations": [
            {key: getattr(row, key) for key in ("namespace", "name", "created", "duration", "state")}
            for row in summary.recent
        ],
        "dag_ids": summary.dag_ids,
        "arn": one.arn,
        "console_url": _console(one.arn),
    }


def _health(board: Board) -> dict[str, Any]:
    ages = [age for age in (board.executions.age, board.pipelines.age) if age is not None]
    watch: Literal["live", "connecting", "failed"] = "connecting" if board.loading else "live"
    if board.trouble is not None:
        watch = "failed"
    return {
        "cluster": board.cluster.kubernetes_conn_id,
        "namespace": board.namespace,
        **asdict(board.health),
        "watch": {"state": watch, "age": max(ages, default=None), "error": board.trouble},
        "executions": len(board.executions.items),
        "pipelines": len(board.pipelines.items),
    }


def _whole_reason(resource: dict[str, Any]) -> str | None:
    reason = classify(resource).reason
    return reason and MASKER.text(reason)

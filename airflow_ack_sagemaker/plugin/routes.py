"""What the pages read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal, NamedTuple

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from airflow_ack_sagemaker.aws.errors import SourceError
from airflow_ack_sagemaker.aws.s3 import S3Source
from airflow_ack_sagemaker.core.errors import AckError
from airflow_ack_sagemaker.core.pages import listing
from airflow_ack_sagemaker.core.pages.differences import previous_of
from airflow_ack_sagemaker.core.pages.executions import Place, Row
from airflow_ack_sagemaker.core.pages.listing import MAX_LIMIT, SORTS, any_readable, page_of, readable
from airflow_ack_sagemaker.core.pages.lookups import may_ask_bucket
from airflow_ack_sagemaker.core.pages.pipelines import (
    Drift,
    PipelineRow,
    dag_labels,
    definition_of,
    drift_of,
    needs_canonical,
    summarize,
    visible,
)
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.status import State, classify
from airflow_ack_sagemaker.links import console_url
from airflow_ack_sagemaker.plugin.access import may_edit, readable_dags, reads_connections
from airflow_ack_sagemaker.plugin.aws import AwsTrouble
from airflow_ack_sagemaker.plugin.detail import described, difference_of, graph_of, source_of
from airflow_ack_sagemaker.plugin.masker import MASKER
from airflow_ack_sagemaker.plugin.reader import Board, Look
from airflow_ack_sagemaker.plugin.responses import answer, fingerprint
from airflow_ack_sagemaker.plugin.settings import ClusterSetting, clusters
from airflow_ack_sagemaker.plugin.shared import Shared, secrets_known
from airflow_ack_sagemaker.plugin.single_flight import NotYet
from airflow_ack_sagemaker.plugin.step_log import step_log
from airflow_ack_sagemaker.plugin.step_values import step_values
from airflow_ack_sagemaker.plugin.threads import in_thread

router = APIRouter(prefix="/api", dependencies=[Depends(secrets_known)])

DagIds = Annotated[frozenset[str], Depends(readable_dags)]
Whole = Annotated[bool, Depends(reads_connections)]
"""Whether the user may see the words of an error."""
Text = Annotated[str | None, Query(max_length=1_000)]
SHORT_WAIT, LONG_WAIT = 1.0, 10.0
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
    whole: Whole,
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
    boards = await looked_at(shared, cluster, SHORT_WAIT)
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
    common = _common(boards, whole=whole)

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

    tag = shared.responses.tag("executions", query, _states(boards), fingerprint(dag_ids), whole)
    return await shared.responses.of(request, tag, make)


@router.get("/executions/{namespace}/{name}")
async def execution(
    request: Request, user: GetUserDep, dag_ids: DagIds, whole: Whole, namespace: str, name: str, cluster: Text = None
) -> Response:
    """One execution with all that is known of it."""
    row, resource, board = await find(request, dag_ids, cluster, namespace, name, whole=whole)
    shared = Shared.of(request)
    graph, editable, about = await asyncio.gather(
        graph_of(row, resource, board, shared.aws(board.cluster.aws_conn_id), shared.details, whole=whole),
        may_edit(request, user, row.dag_id or ""),
        shared.details.described((row.uid, fields.version(resource)), lambda: described(resource)),
    )
    look = board.now

    def make() -> Response:
        index = look.index()
        content = {
            "execution": {**_shown(row, index.usual), "reason": _whole_reason(resource)},
            "may_edit": editable,
            "attempts": [_shown(one, index.usual) for one in index.attempts(row)],
            "graph": graph,
            **about,
        }
        return answer(request, content)

    return await in_thread(make)


@router.get("/executions/{namespace}/{name}/diff")
async def diff(
    request: Request, dag_ids: DagIds, whole: Whole, namespace: str, name: str, cluster: Text = None
) -> Response:
    """What the definition has changed since the execution before, of those that the user may read."""
    row, resource, board = await find(request, dag_ids, cluster, namespace, name, whole=whole)
    shared = Shared.of(request)
    look = board.now
    previous = await in_thread(lambda: previous_of(row, readable(look.index().of_place.get(row.place, ()), dag_ids)))
    before = board.executions.resource(previous.name) if previous is not None else None
    if previous is None or before is None:
        note = "There is no earlier execution of this pipeline that you may read."
        return answer(request, {"previous": None, "same": None, "diff": None, "note": note})
    found = await difference_of(
        row,
        resource,
        previous,
        before,
        board,
        shared.aws(board.cluster.aws_conn_id),
        shared.details,
        whole=whole,
    )
    known = source_of(definition_of(before))
    shown = {key: getattr(previous, key) for key in ("namespace", "name", "created", "run_id")}
    shown |= {"version_id": known["version_id"], "sha256": known["sha256"]}
    return await in_thread(answer, request, {"previous": shown, **asdict(found)})


@router.get("/executions/{namespace}/{name}/values")
async def values(
    request: Request,
    dag_ids: DagIds,
    whole: Whole,
    namespace: str,
    name: str,
    step: Annotated[str, Query(max_length=64)],
    cluster: Text = None,
) -> Response:
    """What the expressions of one step of the execution's definition are."""
    row, resource, board = await find(request, dag_ids, cluster, namespace, name, whole=whole)
    shared = Shared.of(request)
    aws = shared.aws(board.cluster.aws_conn_id)
    found = await step_values(row, resource, board, aws, shared.details, step, whole=whole)
    return await in_thread(answer, request, found)


@router.get("/executions/{namespace}/{name}/log")
async def log(
    request: Request,
    dag_ids: DagIds,
    whole: Whole,
    namespace: str,
    name: str,
    step: Annotated[str, Query(max_length=64)],
    cluster: Text = None,
) -> Response:
    """The end of the log of one step's job."""
    row, _, board = await find(request, dag_ids, cluster, namespace, name, whole=whole)
    found = await step_log(row, board, Shared.of(request).aws(board.cluster.aws_conn_id), step, whole=whole)
    return await in_thread(answer, request, found)


@router.get("/pipelines")
async def pipelines(
    request: Request, dag_ids: DagIds, whole: Whole, dag_id: Text = None, cluster: Text = None
) -> Response:
    """The pipelines of the DAGs that the user may read."""
    shared = Shared.of(request)
    boards = await looked_at(shared, cluster, SHORT_WAIT)
    wanted = frozenset({dag_id}) if dag_id is not None else dag_ids
    labels = dag_labels(wanted)
    looks = [board.now for board in boards]

    def shown() -> list[tuple[Board, Look, PipelineRow]]:
        return [
            (board, look, one)
            for board, look in zip(boards, looks, strict=True)
            for one in look.pipelines
            if visible(one, labels, read=any_readable(look.index().of_place.get(one.place, ()), wanted))
        ]

    found = await in_thread(shown)
    drifts = await asyncio.gather(*(_drift(shared, board, one, whole=whole) for board, _, one in found))
    common = _common(boards, whole=whole)

    def make() -> dict[str, Any]:
        items = [
            _pipeline(one, readable(look.index().of_place.get(one.place, ()), wanted), drift, look.index().usual)
            for (_, look, one), drift in zip(found, drifts, strict=True)
        ]
        return {**common, "items": sorted(items, key=lambda item: (item["pipeline"].casefold(), item["name"]))}

    tag = shared.responses.tag("pipelines", _states(boards), fingerprint(wanted), drifts, whole)
    return await shared.responses.of(request, tag, make)


@router.get("/health")
async def health(request: Request, dag_ids: DagIds, whole: Whole) -> Response:
    """How the controllers fare, and the watches."""
    boards = await looked_at(Shared.of(request), None, SHORT_WAIT)
    return await in_thread(lambda: answer(request, {"clusters": [_health(board, whole=whole) for board in boards]}))


async def find(
    request: Request, dag_ids: frozenset[str], cluster: str | None, namespace: str, name: str, *, whole: bool
) -> Found:
    """The execution of this name that the user may read.

    :raises HTTPException: 403 where it is of another DAG, 404 where there is none, 503 where that is not known.
    """
    boards = await looked_at(Shared.of(request), cluster, LONG_WAIT)
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
            raise HTTPException(503, f"The cluster cannot be read: {board.trouble.shown(whole)}")
        if board.loading:
            raise HTTPException(503, "The cluster is being read. Look again in a moment.")
    raise HTTPException(404, f"There is no execution {name!r} in namespace {namespace!r} (any more).")


def entries_of(cluster: str | None) -> list[ClusterSetting]:
    """The configured entries of a connection; None: all.

    :raises HTTPException: 404: there is none.
    """
    entries = [one for one in clusters() if cluster is None or one.kubernetes_conn_id == cluster]
    if not entries:
        raise HTTPException(404, f"No cluster {cluster!r} is configured in Airflow's option [ack_sagemaker] clusters.")
    return entries


async def looked_at(shared: Shared, cluster: str | None, seconds: float) -> list[Board]:
    """The boards of these entries, once they are read or so many seconds have passed."""
    boards = [shared.boards.of(entry) for entry in entries_of(cluster)]
    await asyncio.gather(*(board.wait(seconds) for board in boards))
    return boards


def _common(boards: Sequence[Board], *, whole: bool) -> dict[str, Any]:
    return {
        "loading": any(board.loading and board.trouble is None for board in boards),
        "errors": [board.trouble.shown(whole) for board in boards if board.trouble is not None],
    }


def _states(boards: Sequence[Board]) -> list[tuple[object, ...]]:
    return [board.state for board in boards]


def _usual(looks: Sequence[Look]) -> dict[Place, float]:
    return {place: seconds for look in looks for place, seconds in look.index().usual.items()}


def _shown(row: Row, usual: Mapping[Place, float]) -> dict[str, Any]:
    reason = row.reason and MASKER.text(row.reason)  # again: more may be known to be secret by now
    return {**row.shown(usual), "reason": reason, "console_url": console(row.arn)}


def console(arn: str | None) -> str | None:
    """The console's page of an ARN; None for what is none."""
    return (console_url(arn) if arn else "") or None


async def _drift(shared: Shared, board: Board, pipeline: PipelineRow, *, whole: bool) -> Drift:
    canonical = None
    if needs_canonical(pipeline):
        with contextlib.suppress(NotYet, AckError):
            canonical = await shared.details.canonical(pipeline, lambda: board.definition(pipeline))
    newest, why = await _newest(shared, board, pipeline, whole=whole)
    return drift_of(pipeline, newest, why, canonical)


async def _newest(shared: Shared, board: Board, pipeline: PipelineRow, *, whole: bool) -> tuple[str | None, str]:
    """The version that S3 would give now, or why that is not known."""
    known = pipeline.definition
    aws = shared.aws(board.cluster.aws_conn_id)
    if aws is None or known.source_uri is None or known.version_id is None:
        return None, "S3 is not asked: the cluster's entry has no aws_conn_id"
    try:
        source = S3Source.parse(known.source_uri)
        if not may_ask_bucket(source.bucket, board.cluster.buckets):
            return None, "S3 is not asked: the cluster's entry does not name the bucket (buckets)"
        return await aws.newest_version(source), "S3 has no versions of it"
    except SourceError:
        return None, "The source that the resource names is no object of S3"
    except NotYet:
        return None, "S3 is being asked"
    except AwsTrouble as error:
        return None, error.trouble.shown(whole)


def _pipeline(one: PipelineRow, rows: Sequence[Row], drift: Drift, usual: Mapping[Place, float]) -> dict[str, Any]:
    summary = summarize(rows)
    return {
        "cluster": one.cluster,
        "namespace": one.namespace,
        "name": one.name,
        "pipeline": one.pipeline,
        "state": one.state.value,
        "status": one.status,
        "reason": MASKER.cut(one.reason),
        "remedy": one.remedy,
        "definition": source_of(one.definition),
        "drift": {"state": drift.state, "detail": drift.detail and MASKER.text(drift.detail)},
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
        "console_url": console(one.arn),
    }


def _health(board: Board, *, whole: bool) -> dict[str, Any]:
    ages = [age for age in (board.executions.age, board.pipelines.age) if age is not None]
    watch: Literal["live", "connecting", "failed"] = "connecting" if board.loading else "live"
    if board.trouble is not None:
        watch = "failed"
    return {
        "cluster": board.cluster.kubernetes_conn_id,
        "namespace": board.namespace,
        **asdict(board.health),
        "watch": {
            "state": watch,
            "age": max(ages, default=None),
            "error": board.trouble and board.trouble.shown(whole),
        },
        "executions": len(board.executions.items),
        "pipelines": len(board.pipelines.items),
    }


def _whole_reason(resource: dict[str, Any]) -> str | None:
    return MASKER.cut(classify(resource).reason)

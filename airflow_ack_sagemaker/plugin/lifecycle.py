"""What the pages about models and endpoints read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from airflow_ack_sagemaker.core.pages import endpoints as endpoint_pages
from airflow_ack_sagemaker.core.pages import models as model_pages
from airflow_ack_sagemaker.core.pages.executions import Row
from airflow_ack_sagemaker.core.pages.listing import MAX_LIMIT, readable
from airflow_ack_sagemaker.core.pages.models import VersionRow
from airflow_ack_sagemaker.plugin.access import editable_dags
from airflow_ack_sagemaker.plugin.followed import Followed
from airflow_ack_sagemaker.plugin.masker import MASKER
from airflow_ack_sagemaker.plugin.reader import Board
from airflow_ack_sagemaker.plugin.responses import fingerprint
from airflow_ack_sagemaker.plugin.routes import (
    LONG_WAIT,
    SHORT_WAIT,
    DagIds,
    Text,
    Whole,
    console,
    entries_of,
    looked_at,
)
from airflow_ack_sagemaker.plugin.shared import Shared, secrets_known
from airflow_ack_sagemaker.plugin.shelf import Shelf
from airflow_ack_sagemaker.plugin.trouble import Trouble

router = APIRouter(prefix="/api", dependencies=[Depends(secrets_known)])

Editable = Annotated[frozenset[str], Depends(editable_dags)]
Search = Annotated[str, Query(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Offset = Annotated[int, Query(ge=0)]


@router.get("/models")
async def models(
    request: Request,
    dag_ids: DagIds,
    editable: Editable,
    whole: Whole,
    dag_id: Text = None,
    group: Text = None,
    approval: Text = None,
    search: Search = "",
    limit: Limit = 50,
    offset: Offset = 0,
    cluster: Text = None,
) -> Response:
    """A page of the model versions that tasks of the DAGs have registered which the user may read."""
    shared = Shared.of(request)
    shelves, boards = await _looked_at(shared, cluster, SHORT_WAIT)
    wanted = frozenset({dag_id}) if dag_id is not None else dag_ids
    query = model_pages.Query(group=group, approval=approval, search=search, limit=limit, offset=offset)
    looks, rows = [shelf.now for shelf in shelves], [board.now.executions for board in boards]
    common = _common(shelves, [(shelf.models,) for shelf in shelves], whole=whole)

    def make() -> dict[str, Any]:
        page = model_pages.page_of(readable((row for look in looks for row in look.models), wanted), query)
        served = endpoint_pages.served_by(
            endpoint_pages.readable(
                (one for look in looks for one in look.endpoints),
                (one for look in looks for one in look.configs),
                dag_ids,
            )
        )
        executions = _by_arn(page.items, (row for part in rows for row in readable(part, dag_ids)))
        return {
            **common,
            "total": page.total,
            "items": [_version(row, executions, served, editable) for row in page.items],
            "counts": page.counts,
            "groups": [asdict(one) for one in page.groups],
        }

    states = [*(shelf.state for shelf in shelves), *(board.state for board in boards)]
    tag = shared.responses.tag(
        "models", query, states, fingerprint(wanted), fingerprint(dag_ids), fingerprint(editable), whole
    )
    return await shared.responses.of(request, tag, make)


@router.get("/endpoints")
async def endpoints(
    request: Request,
    dag_ids: DagIds,
    whole: Whole,
    dag_id: Text = None,
    search: Search = "",
    limit: Limit = 50,
    offset: Offset = 0,
    cluster: Text = None,
) -> Response:
    """A page of the endpoints that tasks of the DAGs have rolled something out to which the user may read."""
    shared = Shared.of(request)
    shelves, _ = await _looked_at(shared, cluster, SHORT_WAIT)
    wanted = frozenset({dag_id}) if dag_id is not None else dag_ids
    query = endpoint_pages.Query(search=search, limit=limit, offset=offset)
    looks = [shelf.now for shelf in shelves]
    common = _common(shelves, [(shelf.endpoints, shelf.configs) for shelf in shelves], whole=whole)

    def make() -> dict[str, Any]:
        seen = endpoint_pages.readable(
            (one for look in looks for one in look.endpoints), (one for look in looks for one in look.configs), wanted
        )
        page = endpoint_pages.page_of(seen, query)
        items = [{**one.shown(), "console_url": console(one.endpoint.arn)} for one in page.items]
        return {**common, "total": page.total, "items": _masked(items)}

    tag = shared.responses.tag("endpoints", query, [shelf.state for shelf in shelves], fingerprint(wanted), whole)
    return await shared.responses.of(request, tag, make)


async def find_version(
    request: Request, dag_ids: frozenset[str], cluster: str | None, namespace: str, name: str, *, whole: bool
) -> tuple[VersionRow, Board]:
    """The version with a resource of this name that the user may read, and the board of its cluster.

    :raises HTTPException: 403 where it is of another DAG, 404 where there is none, 503 where that is not known.
    """
    shelves, boards = await _looked_at(Shared.of(request), cluster, LONG_WAIT)
    for shelf, board in zip(shelves, boards, strict=True):
        row = shelf.models.items.get(name)
        if row is None or row.namespace != namespace or row.dag_id is None:
            continue
        if row.dag_id not in dag_ids:
            raise HTTPException(403, "You may not read the DAG that this version belongs to.")
        return row, board
    for shelf in shelves:
        if (trouble := shelf.trouble_of(shelf.models)) is not None:
            raise HTTPException(503, f"The cluster cannot be read: {trouble.shown(whole)}")
        if not shelf.models.loaded:
            raise HTTPException(503, "The cluster is being read. Look again in a moment.")
    raise HTTPException(404, f"There is no model package {name!r} in namespace {namespace!r} (any more).")


async def _looked_at(shared: Shared, cluster: str | None, seconds: float) -> tuple[list[Shelf], list[Board]]:
    shelves = [shared.boards.shelf_of(entry) for entry in entries_of(cluster)]
    waiting = asyncio.gather(*(shelf.wait(seconds) for shelf in shelves))
    boards = await looked_at(shared, cluster, seconds)
    await waiting
    return shelves, boards


def _common(shelves: Sequence[Shelf], needed: Sequence[Sequence[Followed[Any]]], *, whole: bool) -> dict[str, Any]:
    """What all of these lists say.

    :param needed: the kinds of each shelf that the list is made of.
    """
    troubles: list[Trouble | None] = [shelf.trouble_of(*kinds) for shelf, kinds in zip(shelves, needed, strict=True)]
    return {
        "loading": any(
            trouble is None and not all(kind.loaded for kind in kinds)
            for trouble, kinds in zip(troubles, needed, strict=True)
        ),
        "errors": [trouble.shown(whole) for trouble in troubles if trouble is not None],
    }


def _by_arn(versions: Sequence[VersionRow], executions: Iterable[Row]) -> dict[str, Row]:
    """The executions that have made some of the versions, by ARN."""
    wanted = {row.execution for row in versions}
    return {row.arn: row for row in executions if row.arn is not None and row.arn in wanted}


def _version(
    row: VersionRow,
    executions: Mapping[str, Row],
    served: Mapping[str, list[dict[str, str]]],
    editable: frozenset[str],
) -> dict[str, Any]:
    made = executions.get(row.execution or "")
    shown: dict[str, Any] = _masked(row.shown())
    return {
        **shown,
        "may_edit": row.dag_id in editable,
        "execution": made and {"cluster": made.cluster, "namespace": made.namespace, "name": made.name},
        "execution_url": console(row.execution),
        "endpoints": served.get(row.arn or "", [])[:_MOST_ENDPOINTS],
        "console_url": console(row.arn),
    }


def _masked(value: Any) -> Any:
    """What is shown, without what is known to be secret by now. What a metric is called hides no number."""
    if isinstance(value, str):
        return MASKER.text(value)
    if isinstance(value, dict):
        return {key: _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value


_MOST_ENDPOINTS = 10

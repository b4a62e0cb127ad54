"""What the pages do: stop an execution. (A re-run is Airflow's own clear of the task.)"""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from airflow_ack_sagemaker.core.pages.executions import Row
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.status import State, classify
from airflow_ack_sagemaker.kube.client import AsyncKubeClient
from airflow_ack_sagemaker.kube.errors import Conflict, KubeError, NotFound
from airflow_ack_sagemaker.plugin.access import may_edit, readable_dags, same_site
from airflow_ack_sagemaker.plugin.audit import record_stop
from airflow_ack_sagemaker.plugin.masker import MASKER
from airflow_ack_sagemaker.plugin.routes import find

router = APIRouter(prefix="/api", dependencies=[Depends(same_site)])

_TRIES = 5
"""Each is lost to another writer at most once: the controller writes a running execution's status twice in its life."""


class Wanted(BaseModel):
    """The execution that the user has seen. Another one may have got its name since."""

    uid: str = Field(min_length=1, max_length=100)


@router.post("/executions/{namespace}/{name}/stop", status_code=202)
async def stop(
    request: Request,
    user: GetUserDep,
    dag_ids: Annotated[frozenset[str], Depends(readable_dags)],
    wanted: Wanted,
    namespace: str,
    name: str,
    cluster: Annotated[str | None, Query(max_length=1_000)] = None,
) -> dict[str, str]:
    """Stop an execution by deleting its resource, which is how ACK stops."""
    row, _, board = await find(request, dag_ids, cluster, namespace, name)
    if not await run_in_threadpool(may_edit, request, user, row.dag_id or ""):
        raise HTTPException(403, f"You may not edit the DAG {row.dag_id!r}.")
    try:
        client = await board.client()
        return {"message": await _stop(client, row, wanted.uid, user.get_name())}
    except NotFound:
        raise HTTPException(409, f"{name} is gone already.") from None
    except KubeError as error:
        raise HTTPException(503, MASKER.text(str(error))) from None


async def _stop(client: AsyncKubeClient, row: Row, uid: str, user_name: str) -> str:
    recorded = False
    for _ in range(_TRIES):
        live = await client.get(PIPELINE_EXECUTION, row.name, row.namespace)
        outcome = classify(live)
        if outcome.uid != uid:
            raise HTTPException(409, f"{row.name} is another execution now. Look again before you stop it.")
        if outcome.finished:
            raise HTTPException(409, f"{row.name} has ended already: {outcome.state.value}.")
        if outcome.state is State.DELETING:
            return f"{row.name} is being stopped already."
        if not recorded:
            await run_in_threadpool(record_stop, user_name, row)
            recorded = True
        try:
            # Only as it is now: what ends in this moment keeps its record.
            await client.delete(
                PIPELINE_EXECUTION,
                row.name,
                row.namespace,
                uid=uid,
                resource_version=fields.version(live),
            )
        except Conflict:
            continue
        return (
            f"{row.name} is being stopped. The controller tells SageMaker; the execution disappears here when it has "
            "stopped, within about a minute."
        )
    raise HTTPException(503, f"{row.name} was changed by others at each attempt to stop it. Try again.")

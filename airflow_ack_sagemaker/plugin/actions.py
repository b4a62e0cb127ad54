"""What the pages do: stop an execution. (A re-run is Airflow's own clear of the task.)"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel, Field

from airflow_ack_sagemaker.core.errors import AckError
from airflow_ack_sagemaker.core.pages.executions import Row
from airflow_ack_sagemaker.core.pages.models import VersionRow
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.status import State, classify
from airflow_ack_sagemaker.core.run.stopping import is_given_up, stop_report
from airflow_ack_sagemaker.kube.client import AsyncKubeClient
from airflow_ack_sagemaker.kube.deletion import delete_if_same_async
from airflow_ack_sagemaker.kube.errors import NotFound
from airflow_ack_sagemaker.plugin.access import may_edit, readable_dags, reads_connections, same_site
from airflow_ack_sagemaker.plugin.audit import record_stop
from airflow_ack_sagemaker.plugin.reader import Board
from airflow_ack_sagemaker.plugin.routes import find
from airflow_ack_sagemaker.plugin.shared import secrets_known
from airflow_ack_sagemaker.plugin.threads import in_thread
from airflow_ack_sagemaker.plugin.trouble import logged, trouble_of

router = APIRouter(prefix="/api", dependencies=[Depends(same_site), Depends(secrets_known)])

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
    whole: Annotated[bool, Depends(reads_connections)],
    wanted: Wanted,
    namespace: str,
    name: str,
    cluster: Annotated[str | None, Query(max_length=1_000)] = None,
) -> dict[str, str]:
    """Stop an execution by deleting its resource, which is how ACK stops."""
    row, _, board = await find(request, dag_ids, cluster, namespace, name, whole=whole)
    recorded = Recorded()
    return await act(
        request, user, row, board, lambda client: _stop(client, row, wanted.uid, user.get_name(), recorded), whole=whole
    )


async def act(
    request: Request,
    user: BaseUser,
    row: Row | VersionRow,
    board: Board,
    action: Callable[[AsyncKubeClient], Awaitable[str]],
    *,
    whole: bool,
) -> dict[str, str]:
    """Do what a user asks for who may edit the DAG that the row belongs to.

    :param action: does it, and says what was done.
    :param whole: whether the user may see the words of an error.
    :raises HTTPException: 403: the user may not. 409: the resource is gone. 503: the cluster refuses.
    """
    if not await may_edit(request, user, row.dag_id or ""):
        raise HTTPException(403, f"You may not edit the DAG {row.dag_id!r}.")
    try:
        return {"message": await board.call(action)}
    except NotFound:
        raise HTTPException(409, f"{row.name} is gone already.") from None
    except AckError as error:
        raise HTTPException(503, logged(trouble_of(error)).shown(whole)) from None


class Recorded:
    """Whether the stop stands in the audit log: once, however often it is tried."""

    def __init__(self) -> None:
        self.done = False


async def _stop(client: AsyncKubeClient, row: Row, uid: str, user_name: str, recorded: Recorded) -> str:
    for _ in range(_TRIES):
        live = await client.get(PIPELINE_EXECUTION, row.name, row.namespace)
        outcome = classify(live)
        if outcome.uid != uid:
            raise HTTPException(409, f"{row.name} is another execution now. Look again before you stop it.")
        if is_given_up(outcome):
            raise HTTPException(409, stop_report(outcome, 0.0))
        if outcome.finished:
            raise HTTPException(409, f"{row.name} has ended already: {outcome.state.value}.")
        if outcome.state is State.DELETING:
            return f"{row.name} is being stopped already."
        if not recorded.done:
            await in_thread(record_stop, user_name, row)
            recorded.done = True
        # Only as it is now: what ends in this moment keeps its record.
        if await delete_if_same_async(
            client, PIPELINE_EXECUTION, row.name, row.namespace, uid=uid, resource_version=fields.version(live)
        ):
            return (
                f"{row.name} is being stopped. The controller tells SageMaker; the execution disappears here when it "
                "has stopped, within about a minute."
            )
    raise HTTPException(503, f"{row.name} was changed by others at each attempt to stop it. Try again.")

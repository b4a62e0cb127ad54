"""What the page about models does: approve or reject a version."""

from __future__ import annotations

import asyncio
from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import Field

from airflow_ack_sagemaker.core.lifecycle.registry import APPROVED, REJECTED, approval_patch
from airflow_ack_sagemaker.core.pages.models import VersionRow
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.freshness import change_note, pause_before_change
from airflow_ack_sagemaker.core.resource.status import State, classify
from airflow_ack_sagemaker.kube.client import AsyncKubeClient
from airflow_ack_sagemaker.kube.errors import Conflict
from airflow_ack_sagemaker.plugin.access import readable_dags, reads_connections, same_site
from airflow_ack_sagemaker.plugin.actions import Recorded, Wanted, act
from airflow_ack_sagemaker.plugin.audit import record_decision
from airflow_ack_sagemaker.plugin.lifecycle import find_version
from airflow_ack_sagemaker.plugin.shared import secrets_known
from airflow_ack_sagemaker.plugin.shelf import PACKAGE
from airflow_ack_sagemaker.plugin.threads import in_thread

router = APIRouter(prefix="/api", dependencies=[Depends(same_site), Depends(secrets_known)])

_TRIES = 5
_MAX_WHY = 500


class Decision(Wanted):
    """The version that the user has seen, and what is decided about it. ``why`` is written beside the decision."""

    approved: bool
    why: str = Field(default="", max_length=_MAX_WHY)


@router.post("/models/{namespace}/{name}/approval", status_code=202)
async def decide(
    request: Request,
    user: GetUserDep,
    dag_ids: Annotated[frozenset[str], Depends(readable_dags)],
    whole: Annotated[bool, Depends(reads_connections)],
    decision: Decision,
    namespace: str,
    name: str,
    cluster: Annotated[str | None, Query(max_length=1_000)] = None,
) -> dict[str, str]:
    """Approve or reject a version, by a change of its resource."""
    row, board = await find_version(request, dag_ids, cluster, namespace, name, whole=whole)
    recorded = Recorded()
    return await act(
        request, user, row, board, lambda client: _decide(client, row, decision, user.get_name(), recorded), whole=whole
    )


async def _decide(
    client: AsyncKubeClient, row: VersionRow, decision: Decision, user_name: str, recorded: Recorded
) -> str:
    why = f"{user_name}, in Airflow" + (f": {decision.why}" if decision.why else "")
    word = APPROVED if decision.approved else REJECTED
    for number in range(_TRIES):
        live = await client.get(PACKAGE, row.name, row.namespace)
        if fields.uid(live) != decision.uid:
            raise HTTPException(409, f"{row.name} is another version now. Look again before you decide.")
        if fields.status_text(live, "modelPackageStatus") in PACKAGE.failed or fields.deleted(live) is not None:
            raise HTTPException(409, f"{row.name} has failed or is being deleted: nothing is left to decide.")
        has, said = (fields.text(fields.spec(live), key) for key in ("modelApprovalStatus", "approvalDescription"))
        refused = classify(live).state is State.REFUSED
        if has == word and not refused:
            return f"{row.name} is {word} already."
        if not recorded.done:
            await in_thread(record_decision, user_name, row, decision.approved, decision.why)
            recorded.done = True
        if number < _TRIES - 1:  # then rather a change whose answer cannot be told than none
            await asyncio.sleep(pause_before_change(live, None).total_seconds())
        patch = approval_patch(approved=decision.approved, description=why, unlike=said if refused else None)
        body = {**patch, "metadata": {"annotations": change_note(live)}}
        try:
            version = fields.version(live)
            await client.patch(PACKAGE, row.name, body, row.namespace, resource_version=version)
        except Conflict:
            continue
        again = ", asked once more, since it was refused" if has == word else ""
        return f"{row.name}: {word}{again}. The controller tells SageMaker; this page shows it once it has."
    raise HTTPException(503, f"{row.name} was changed by others at each attempt to decide on it. Try again.")

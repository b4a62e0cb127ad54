"""Rights: what a user may see and do. They are Airflow's own, on the DAG that an execution belongs to."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.configuration import conf
from fastapi import HTTPException, Request

from airflow_ack_sagemaker.plugin.threads import in_thread

REQUESTED_WITH = "airflow-ack-sagemaker"
"""What the header ``X-Requested-With`` of an action says. A form of another site cannot set it."""

_read, _edit = requires_access_dag("GET"), requires_access_dag("PUT")


async def readable_dags(request: Request, user: GetUserDep) -> frozenset[str]:
    """The DAGs that the user may read.

    :raises HTTPException: 401: nobody is logged in. 403: the user may read no DAG, or not the one that the query names.
    """
    return await in_thread(_readable_dags, request, user)


async def may_edit(request: Request, user: BaseUser, dag_id: str) -> bool:
    """Whether the user may edit a DAG."""
    return await in_thread(_may_edit, request, user, dag_id)


async def editable_dags(user: GetUserDep) -> frozenset[str]:
    """The DAGs that the user may edit."""
    return frozenset(await in_thread(get_auth_manager().get_authorized_dag_ids, user=user, method="PUT"))


async def reads_connections(user: GetUserDep) -> bool:
    """Whether the user may read connections, and so the words of an error."""
    return await in_thread(get_auth_manager().is_authorized_connection, method="GET", user=user)


def _readable_dags(request: Request, user: BaseUser) -> frozenset[str]:
    _read(request, user)
    found = frozenset(get_auth_manager().get_authorized_dag_ids(user=user, method="GET"))
    if not found:
        raise HTTPException(403, "There is no DAG that you may read.")
    if (named := request.query_params.get("dag_id")) and named not in found:
        raise HTTPException(403, f"You may not read the DAG {named!r}, or there is none.")
    return found


def _may_edit(request: Request, user: BaseUser, dag_id: str) -> bool:
    # What Airflow's dependency looks at is the path; ours has no DAG in it, the execution has.
    request.scope["path_params"] = {**request.path_params, "dag_id": dag_id}
    try:
        _edit(request, user)
    except HTTPException as error:
        if error.status_code == 403:
            return False
        raise
    return True


async def same_site(request: Request, user: GetUserDep) -> None:
    """Refuse what a page of another site could have sent in the user's name.

    :raises HTTPException: 403.
    """
    headers = request.headers
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if headers.get("x-requested-with") != REQUESTED_WITH or content_type != "application/json":
        raise HTTPException(403, f"An action needs the header X-Requested-With: {REQUESTED_WITH} and a JSON body.")
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise HTTPException(403, "An action must come from Airflow's own pages.")
    origin = headers.get("origin")
    if origin is not None and _host_of(origin) not in _own_hosts(request):
        raise HTTPException(403, "An action must come from Airflow's own pages.")


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # brackets without sense
        return ""


def _own_hosts(request: Request) -> set[str]:
    # Behind a proxy the request may name another host than the browser does; base_url is what users see.
    return {request.headers.get("host", ""), urlsplit(conf.get("api", "base_url", fallback="") or "").netloc} - {""}

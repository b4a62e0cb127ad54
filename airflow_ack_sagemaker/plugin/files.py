"""The page's own files: its bundle and its icons."""

from __future__ import annotations

from pathlib import Path

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import APIRouter, Depends, HTTPException, Request, Response

from airflow_ack_sagemaker.plugin.responses import tagged
from airflow_ack_sagemaker.plugin.threads import in_thread

router = APIRouter(prefix="/static", dependencies=[Depends(requires_access_view(AccessView.PLUGINS))])

_FOLDER = Path(__file__).with_name("static")
_TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".css": "text/css", ".txt": "text/plain"}


@router.get("/{file}")
async def static(request: Request, file: str) -> Response:
    """A file of the page. Not by Starlette's `FileResponse`: parts of files are of no use here, and its reading of
    ``Range`` takes quadratic time in the versions that Airflow 3.1 is bound to (CVE-2025-62727).
    """
    return await in_thread(_read, request, file)


def _read(request: Request, file: str) -> Response:
    # Only what the page has: never a way out of its folder, nor a name that a file system would not take.
    path = next((one for one in _FOLDER.iterdir() if one.name == file and one.suffix in _TYPES and one.is_file()), None)
    if path is None:
        raise HTTPException(404, "The page has no such file.")
    # Asked for again each time, answered with 304: an upgrade must not leave an old page in a browser.
    return tagged(request, path.read_bytes(), _TYPES[path.suffix], {"X-Content-Type-Options": "nosniff"})

"""The page's own files: its bundle and its icons."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

from airflow_ack_sagemaker.plugin.access import FILES

router = APIRouter(prefix="/static", dependencies=FILES)

_FOLDER = Path(__file__).with_name("static")
_TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".css": "text/css", ".txt": "text/plain"}


@router.get("/{file}")
def static(file: str) -> FileResponse:
    """A file of the page."""
    path = _FOLDER / file
    # A name without a folder, and only what the page has: never a way out of its folder.
    if path.parent != _FOLDER or path.suffix not in _TYPES or not path.is_file():
        raise HTTPException(404, "The page has no such file.")
    # Asked for again each time, answered with 304: an upgrade must not leave an old page in a browser.
    headers = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type=_TYPES[path.suffix], headers=headers)

"""Airflow 3.1 binds Starlette to one with known holes. None of what they are in is used here (docs/security.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import airflow_ack_sagemaker.plugin

FOLDER = Path(airflow_ack_sagemaker.plugin.__file__).parent
NAMES = {"FileResponse", "StaticFiles", "HTTPEndpoint", "Form", "File", "UploadFile", "TrustedHostMiddleware"}
OF_A_REQUEST = {"url", "base_url", "form", "url_for"}


def used(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in ("starlette", "fastapi"):
            yield from (alias.name for alias in node.names if alias.name in NAMES)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "request":
            yield from {node.attr} & OF_A_REQUEST


def test_what_has_holes_is_not_used() -> None:
    files = sorted(FOLDER.glob("*.py"))
    assert len(files) > 10
    assert {path.name: found for path in files if (found := list(used(path)))} == {}

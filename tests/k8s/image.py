"""The image that pods run: ours by `deploy/docker/Dockerfile`, on a stand-in for Airflow's without a registry."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.environment import cache_folder
from tests.compose import prepare
from tests.compose.engine import Engine, engine
from tests.compose.project import OURS, ROOT

_SOURCES = ("pyproject.toml", "constraints", "airflow_ack_sagemaker", "demo", "harness", "deploy", "dags/definitions")


def archive() -> Path:
    """The image as `docker save` writes it: built once for these sources.

    :raises NoDocker: it cannot be built here.
    """
    path = cache_folder("k8s") / f"{_digest()}.tar"
    if not path.exists():
        with engine() as running:
            if running.own:
                prepare.images_of(running)
            _build(running, path)
    return path


def _build(running: Engine, path: Path) -> None:
    print("building the image of the pods (once for these sources, 2 minutes)", flush=True)
    running.docker("build", "--quiet", "--file", str(ROOT / "deploy/docker/Dockerfile"), "--tag", OURS, str(ROOT))
    for old in path.parent.glob("*.tar"):
        old.unlink()
    unfinished = path.with_suffix(".new")
    running.docker("save", "--output", str(unfinished), OURS)
    unfinished.rename(path)


def _digest() -> str:
    digest = hashlib.sha256()
    for source in _SOURCES:
        place = ROOT / source
        files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
        for path in files:
            if "__pycache__" not in path.parts:
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]

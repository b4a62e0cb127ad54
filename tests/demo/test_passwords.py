"""Compose's passwords: made once, each where only its containers look."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from demo.compose.passwords import main

COMPOSE = Path(__file__).parents[2] / "docker-compose.yaml"
READERS = {
    "airflow-users": {"airflow-api-server"},
    "database-secrets": {"postgres"},
    "redis-secrets": {"redis"},
    "cluster-secrets": {"kube-apiserver", "cluster-init"},
}
"""Volume -> who mounts it beside the one that fills it."""


def test_they_are_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(tmp_path)
    files = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    told = capsys.readouterr().out
    main(tmp_path)
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == files
    assert capsys.readouterr().out == told
    assert json.loads(files[tmp_path / "users" / "airflow-users.json"])["admin"] in told
    # Redis reads its configuration as a user of its own.
    open_ones = {path.name for path in files if path.stat().st_mode & 0o077}
    assert open_ones == {"redis.conf"}


def test_each_container_has_only_its_own() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    mounts = {
        name: {volume.partition(":")[0] for volume in service.get("volumes", [])} for name, service in services.items()
    }
    for volume, readers in READERS.items():
        assert {name for name, used in mounts.items() if volume in used} == readers | {"passwords"}
    airflow = {name for name, used in mounts.items() if "airflow-secrets" in used}
    assert all(name.startswith("airflow-") for name in airflow - {"passwords"})


def test_nothing_is_root_that_need_not() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert not [name for name, service in services.items() if str(service.get("user", "")).startswith(("0", "root"))]

"""Airflow finds the provider as it is installed, and everything that it names exists."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import pkgutil
from importlib.resources import files

import jsonschema
import pytest

import airflow_ack_sagemaker
from airflow_ack_sagemaker.provider import get_provider_info

pytestmark = pytest.mark.floor

SHARED = {
    "applied",
    "base",
    "collection",
    "execution_result",
    "kill",
    "launch",
    "lineage",
    "manifests",
    "news",
    "outlets",
    "producer",
    "ran",
    "run",
    "sagemakers_word",
    "templates",
}
"""Modules of what several share, which no user imports."""
FOLDERS = ("operators", "sensors", "triggers", "hooks")


def test_description_has_the_form_that_airflow_wants() -> None:
    schema = json.loads((files("airflow") / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_entry_point_and_distribution_name() -> None:
    distribution = importlib.metadata.distribution(get_provider_info()["package-name"])
    (entry_point,) = distribution.entry_points.select(group="apache_airflow_provider")
    assert entry_point.load() is get_provider_info
    assert distribution.version == airflow_ack_sagemaker.__version__


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_module_is_named(folder: str) -> None:
    package = importlib.import_module(f"airflow_ack_sagemaker.{folder}")
    there = {
        name
        for _, name, _ in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
        if name.rpartition(".")[2] not in SHARED
    }
    ((integration),) = get_provider_info()[folder]
    assert set(integration["python-modules"]) == there


def test_every_module_imports() -> None:
    names = [module.name for module in pkgutil.walk_packages(airflow_ack_sagemaker.__path__, "airflow_ack_sagemaker.")]
    for name in names:
        importlib.import_module(name)
    assert "airflow_ack_sagemaker.operators.pipeline" in names


@pytest.mark.parametrize("path", get_provider_info()["extra-links"])
def test_every_link_class_exists(path: str) -> None:
    module, _, name = path.rpartition(".")
    assert getattr(importlib.import_module(module), name)().name

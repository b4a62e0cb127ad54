"""A testing kit for DAG authors: a team's own retraining DAG, its failures included, in seconds and without a cloud.

Installing ``airflow-ack-sagemaker[sandbox]`` beside pytest is all that is needed: the fixture ``ack_sandbox`` is then
there (docs/testing.md). Names are loaded when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_ack_sagemaker.testing.dags import DagResult, run_dag
    from airflow_ack_sagemaker.testing.sandbox import AckSandbox
    from airflow_ack_sagemaker.testing.server import run_on_server
    from airflow_ack_sagemaker.testing.yaml_dags import check_yaml_dags

__all__ = ["AckSandbox", "DagResult", "check_yaml_dags", "run_dag", "run_on_server"]

_MODULES = {
    "AckSandbox": "sandbox",
    "DagResult": "dags",
    "check_yaml_dags": "yaml_dags",
    "run_dag": "dags",
    "run_on_server": "server",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

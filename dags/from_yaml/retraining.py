"""The DAGs of retraining.yaml beside this file, made by dag-factory: `pip install dag-factory`."""

from __future__ import annotations

from pathlib import Path

from dagfactory import load_yaml_dags

from airflow_ack_sagemaker.testing import check_yaml_dags

PIPELINES = Path(__file__).resolve().with_suffix(".yaml")

check_yaml_dags(PIPELINES)  # all that is wrong, with its lines, is this file's import error
load_yaml_dags(globals(), config_filepath=str(PIPELINES))

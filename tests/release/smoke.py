"""What an environment with the wheel can do: everything is imported, found, and a retraining runs on the sandbox.

It is run there, from a folder without the repository: `check_installed` reads what it prints.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import pkgutil
import sys

import airflow
from airflow.sdk import DAG

import airflow_ack_sagemaker
from airflow_ack_sagemaker.task_groups import retraining
from airflow_ack_sagemaker.testing import AckSandbox, run_dag

_NEEDS_PYTEST = "airflow_ack_sagemaker.testing.plugin"

with DAG("retrain", schedule=None) as dag:
    retraining(
        pipeline_name="demand",
        role_arn="arn:aws:iam::123456789012:role/sagemaker-pipelines",
        definition_uri="s3://ml-models/demand.json",
    )


def main() -> None:
    for module in pkgutil.walk_packages(airflow_ack_sagemaker.__path__, "airflow_ack_sagemaker."):
        if module.name != _NEEDS_PYTEST:
            importlib.import_module(module.name)
    (provider,) = importlib.metadata.entry_points(group="apache_airflow_provider", name="provider_info").select(
        module="airflow_ack_sagemaker.provider"
    )
    assert provider.load()()["package-name"] == "airflow-ack-sagemaker"
    step = {"Name": "Train", "Type": "Training", "Arguments": {}}
    with AckSandbox(speed=200) as sandbox:
        os.environ.update(sandbox.environment)
        sandbox.put_definition("s3://ml-models/demand.json", {"Version": "2020-12-01", "Steps": [step]})
        result = run_dag(dag)
    python = ".".join(map(str, sys.version_info[:2]))
    print(f"Python {python}, Airflow {'.'.join(airflow.__version__.split('.')[:2])}: {result.state}")


if __name__ == "__main__":
    main()

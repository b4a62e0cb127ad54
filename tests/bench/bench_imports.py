"""What importing this package's operators, sensors and triggers adds to `airflow.sdk`, beside the providers' own.

    python -m tests.bench.bench_imports

DAG files are parsed again and again, and each try of a task is a process that imports.
"""

from __future__ import annotations

import pkgutil

import airflow_ack_sagemaker
from tests.bench.processes import bound, measure, table

SDK = "from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, BaseHook, BaseOperatorLink, Asset, task\n"
TRIGGERS = "import airflow.triggers.base\n"
SECONDS = 0.15
COMMAND_SECONDS = 0.3
"""Of `ack-sagemaker`, the interpreter's own start included."""


def _ours() -> str:
    folders = ("operators", "sensors", "triggers")
    names = [module.name for module in pkgutil.walk_packages(airflow_ack_sagemaker.__path__, "airflow_ack_sagemaker.")]
    return "".join(f"import {name}\n" for name in names if name.split(".")[1] in folders)


def main() -> None:
    """Measure and print."""
    providers = "airflow.providers."
    amazon, cncf = providers + "amazon.aws.", providers + "cncf.kubernetes."
    base = SDK + TRIGGERS
    costs = measure(
        {
            "airflow.sdk": base,
            "ours: all operators, sensors, triggers": base + _ours(),
            "ours: the UI plugin, in every process": base + "import airflow_ack_sagemaker.plugin\n",
            "amazon: sagemaker operators": base + f"import {amazon}operators.sagemaker\n",
            "amazon: sagemaker sensors": base + f"import {amazon}sensors.sagemaker\n",
            "amazon: sagemaker triggers": base + f"import {amazon}triggers.sagemaker\n",
            "cncf: resource operators": base + f"import {cncf}operators.resource\n",
            "cncf: spark sensor": base + f"import {cncf}sensors.spark_kubernetes\n",
        }
    )
    print(table("Importing, in a new process", "airflow.sdk", costs))
    print(bound("ours", costs["ours: all operators, sensors, triggers"].above(costs["airflow.sdk"]), SECONDS))
    command = measure(
        {
            "python": "",
            "typer": "import typer\n",
            "ours: ack-sagemaker, with all its commands": "import airflow_ack_sagemaker.cli.main\n",
            "airflow's own command line": "import airflow.cli.cli_parser\n",
        }
    )
    print(table("Starting a command line", "python", command))
    print(bound("ours", command["ours: ack-sagemaker, with all its commands"], COMMAND_SECONDS))


if __name__ == "__main__":
    main()

"""What the tests of the example DAGs share."""

from __future__ import annotations

import re
import shutil
from importlib.metadata import version
from pathlib import Path

from harness.airflow_processes import AirflowProcesses
from harness.sandbox_process import SandboxProcess
from harness.waiting import wait_until

EXAMPLES = Path(__file__).parents[2] / "dags"
DEFINITIONS = EXAMPLES / "definitions"
ABALONE, REGISTERED = DEFINITIONS / "abalone.json", DEFINITIONS / "abalone_registered.json"

_NEEDS = re.compile(r'^""".* Airflow (\d+)\.(\d+)\."""$', re.MULTILINE)


def copy_examples(to: Path) -> None:
    """The DAGs of dags/, without those that say in their first lines that they need a later Airflow than this one."""

    here = tuple(map(int, version("apache-airflow").split(".")[:2]))

    def left_out(folder: str, names: list[str]) -> set[str]:
        needs = {name: _NEEDS.search((Path(folder) / name).read_text()) for name in names if name.endswith(".py")}
        too_new = {name for name, found in needs.items() if found and (int(found[1]), int(found[2])) > here}
        return too_new | {"__pycache__"} & set(names)

    shutil.copytree(EXAMPLES, to, dirs_exist_ok=True, ignore=left_out)


def put(sandbox: SandboxProcess, key: str, body: bytes) -> str:
    """Store an object where the example DAGs look; its version id."""
    answer = sandbox.aws_client("s3").put_object(Bucket="ml-models", Key=key, Body=body)
    return str(answer["VersionId"])


def put_definitions(sandbox: SandboxProcess) -> str:
    """The example definitions where the example DAGs look for them; the first one's version id."""
    put(sandbox, "pipelines/abalone_registered.json", REGISTERED.read_bytes())
    return put(sandbox, "pipelines/abalone.json", ABALONE.read_bytes())


def watchers_begun(airflow: AirflowProcesses) -> int:
    """How many watchers the triggerer has begun with so far; the trigger of a task has another name."""
    return len(re.findall(r"trigger ID \d+ starting", airflow.part("triggerer").tail(1_000_000)))


def first_run(airflow: AirflowProcesses, dag_id: str) -> str:
    """The run that a DAG's schedule or its watcher starts; its id, once it has succeeded."""
    runs = wait_until(lambda: airflow.api.dag_runs(dag_id), 120, f"a run of {dag_id}")
    run_id = str(runs[-1]["dag_run_id"])
    assert airflow.api.wait_dag_run(dag_id, run_id, 180) == "success", airflow.api.task_instances(dag_id, run_id)
    return run_id

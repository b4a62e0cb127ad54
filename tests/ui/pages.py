"""The pages that a user sees, each with how to get there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from playwright.sync_api import expect

from demo import story
from harness.airflow_processes import AirflowProcesses
from harness.sandbox_process import SandboxProcess
from harness.waiting import wait_until
from tests.airflow.support import Case
from tests.ui import served
from tests.ui.browser import Visit, task_instance

Go = Callable[[Visit, AirflowProcesses, SandboxProcess], None]


def executions(visit: Visit, airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    running(airflow, sandbox)
    visit.open()
    expect(visit.rows("demand").first).to_be_visible()


def execution(visit: Visit, airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    """One that runs."""
    visit.execution(running(airflow, sandbox))
    expect(visit.badge).to_have_text("Executing")
    expect(visit.ours.get_by_text("Training", exact=False).first).to_be_visible()


def failure(visit: Visit, airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    """One that failed, with the step that did it."""
    failed = of(airflow, sandbox, story.DEMAND.pipeline, "Failed")
    visit.execution(failed[-1])
    visit.choose_step("TrainSouth")


def values(visit: Visit, airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    """What the references of a step are."""
    visit.execution(running(airflow, sandbox))
    visit.choose_step("TrainChurn")
    visit.click(visit.ours.get_by_text("Values (", exact=False))
    table = visit.ours.get_by_label("Values of step TrainChurn")
    expect(table.get_by_role("row").filter(has_text="Parameters.TrainingInstance")).to_contain_text("ml.")


def changes(visit: Visit, airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    """The first run of another definition, and what has changed."""
    succeeded = of(airflow, sandbox, story.CHURN.pipeline, "Succeeded")
    visit.execution(succeeded[-2])
    visit.click(visit.ours.get_by_text("Changes since the previous run"))
    expect(visit.ours.get_by_label("Changes of the definition")).to_be_visible()
    visit.ours.get_by_label("Changes of the definition").scroll_into_view_if_needed()


def pipelines(visit: Visit, airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    visit.open(view="pipelines")
    expect(visit.ours.get_by_role("article")).not_to_have_count(0)
    expect(visit.ours.locator("canvas").first).to_be_visible()


def models(visit: Visit, airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    served.fill(sandbox)
    visit.open(view="models")
    rows = visit.ours.get_by_role("table", name="Versions").locator("tbody").get_by_role("row")
    expect(rows.filter(has_text=f"{served.GROUP}/1").get_by_role("link", name=served.ENDPOINT)).to_be_visible()


def endpoints(visit: Visit, airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    """One whose last rollout was rolled back."""
    served.fill(sandbox)
    visit.open(view="endpoints")
    card = visit.ours.get_by_role("article", name=f"Endpoint {served.ENDPOINT}")
    expect(card.locator("header, .asm-header").get_by_text("Rolled back")).to_be_visible()
    visit.click(card.get_by_text("2 rollouts"))
    expect(card.get_by_role("table")).to_be_visible()


def dag(visit: Visit, airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    visit.open(f"dags/{story.CHURN.dag_id}/plugin/sagemaker-dag")
    expect(visit.rows("churn").first).to_be_visible()


def dag_run(visit: Visit, airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    visit.open(f"dags/{story.CHURN.dag_id}/runs/{quote(run_of(airflow), safe='')}/plugin/sagemaker-run")
    expect(visit.rows("churn")).to_have_count(1)


def task(visit: Visit, airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    visit.open(f"dags/{story.CHURN.dag_id}/tasks/{story.CHURN.task_id}/plugin/sagemaker-task")
    expect(visit.rows("churn").first).to_be_visible()


def instance(visit: Visit, airflow: AirflowProcesses, sandbox: SandboxProcess) -> None:
    visit.open(task_instance(story.CHURN.dag_id, run_of(airflow), story.CHURN.task_id))
    expect(visit.article).to_be_visible()
    expect(visit.badge).to_have_text("Executing")


PAGES: dict[str, Go] = {
    "executions": executions,
    "execution": execution,
    "failure": failure,
    "values": values,
    "changes": changes,
    "pipelines": pipelines,
    "models": models,
    "endpoints": endpoints,
    "dag": dag,
    "dag-run": dag_run,
    "task": task,
    "task-instance": instance,
}
SHOWN = ("executions", "execution", "failure", "changes", "pipelines", "task-instance")
"""Those in the documentation; the others look the same, inside Airflow's."""


def run_of(airflow: AirflowProcesses) -> str:
    """The DAG run of churn that the schedule has brought."""

    def scheduled() -> str | None:
        runs = airflow.api.dag_runs(story.CHURN.dag_id)
        return next((str(run["dag_run_id"]) for run in runs if run["run_type"] == "scheduled"), None)

    return wait_until(scheduled, 60, "a scheduled run of churn")


def running(airflow: AirflowProcesses, sandbox: SandboxProcess) -> dict[str, Any]:
    """The execution of that run, as soon as there is one."""
    return wait_until(lambda: of(airflow, sandbox, story.CHURN.pipeline, "Executing"), 90, "an execution of churn")[0]


def of(airflow: AirflowProcesses, sandbox: SandboxProcess, pipeline: str, status: str) -> list[dict[str, Any]]:
    """The resources of a pipeline with a status of SageMaker, oldest first."""
    found = Case(airflow, sandbox, pipeline).resources()
    mine = [item for item in found if item.get("status", {}).get("pipelineExecutionStatus") == status]
    return sorted(mine, key=lambda item: str(item["metadata"]["creationTimestamp"]))

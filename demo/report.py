"""What the demo prints: progress while a DAG runs, and the table at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from airflow_ack_sagemaker.core.resource.identity import PREFIX, identity_of
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, PIPELINE, PIPELINE_EXECUTION, Kind
from harness.airflow_api import AirflowApi
from harness.sandbox_process import SandboxProcess

HEADINGS = ("TASK", "RESOURCE", "STATUS", "DURATION")
_LOG_LINES = 15


@dataclass(frozen=True)
class Row:
    """One line of the table; `duration` in seconds."""

    task: str
    resource: str
    status: str
    duration: float | None

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        return self.task, self.resource, self.status, "" if self.duration is None else f"{self.duration:.1f} s"


class Observer:
    """One DAG run and the resources that it made, as Airflow and the sandbox's servers tell them."""

    def __init__(self, api: AirflowApi, sandbox: SandboxProcess, dag_id: str, run_id: str) -> None:
        self._api = api
        self._kubernetes = sandbox.kubernetes_client()
        self._namespace = sandbox.namespace
        self._sagemaker = sandbox.aws_client("sagemaker")
        self._run = (dag_id, run_id)
        self._queued = datetime.fromisoformat(api.dag_run(dag_id, run_id)["queued_at"])
        self._seen: dict[str, str] = {}
        self._started: dict[str, datetime] = {}

    def news(self) -> Iterator[str]:
        """What has changed since the last call: tasks, resources, pipeline steps."""
        now = {
            **{f"task {_name(task)}": _state(task) for task in self._tasks()},
            **{_title(resource): _status(resource) for resource in self._resources()},
        }
        for execution in self._executions():
            for step in self._steps(execution):
                status = " ".join(filter(None, (step["StepStatus"], step.get("FailureReason"))))
                now[f"step {step['StepName']} of {execution['metadata']['name']}"] = status
        for thing, status in now.items():
            if status and self._seen.get(thing) != status:
                yield f"{thing}: {status}"
        self._seen = now

    def rows(self) -> list[Row]:
        """The table: each task with its resource, each execution's steps below it."""
        rows = []
        for task in self._tasks():
            name = _name(task)
            executions = [execution for execution in self._executions() if _made_by(execution, task)]
            resource = "" if executions else self._made(task)
            rows.append(Row(name, resource, _state(task), self._duration(task)))
            for execution in executions:
                rows.append(Row("", _title(execution), _status(execution), None))
                rows += [
                    Row("", f"  {step['StepName']}", step["StepStatus"], _seconds(step))
                    for step in self._steps(execution)
                ]
        return rows

    def failures(self) -> Iterator[str]:
        """The end of the log of each task that failed."""
        for task in self._tasks():
            if task["state"] == "failed":
                log = self._api.task_log(*self._run, task["task_id"], task["try_number"], task["map_index"])
                lines = [line for line in log.splitlines() if "::group::" not in line and "::endgroup::" not in line]
                yield "\n".join([f"The end of the log of task {_name(task)}:", *lines[-_LOG_LINES:]])

    def _made(self, task: dict[str, Any]) -> str:
        result = self._api.xcom(*self._run, task["task_id"], map_index=task["map_index"])
        name = result.get("name") if isinstance(result, dict) else None
        return f"{PIPELINE.kind}/{name}" if name else "-"

    def _duration(self, task: dict[str, Any]) -> float | None:
        """From the first start, all tries and deferrals included: Airflow's own figure is that of the last process."""
        if _name(task) not in self._started or not task["end_date"]:
            return None
        return (datetime.fromisoformat(task["end_date"]) - self._started[_name(task)]).total_seconds()

    def _tasks(self) -> list[dict[str, Any]]:
        tasks = self._api.task_instances(*self._run)
        for task in tasks:
            if task["start_date"]:
                self._started.setdefault(_name(task), datetime.fromisoformat(task["start_date"]))
        return sorted(tasks, key=lambda task: (task["start_date"] or "9", task["task_id"], task["map_index"]))

    def _resources(self) -> list[dict[str, Any]]:
        executions = self._executions()
        used = {execution["spec"]["pipelineName"] for execution in executions}
        # A pipeline does not say which run has made it: one is this run's if it is new, or used by it.
        pipelines = [
            pipeline
            for pipeline in self._list(PIPELINE)
            if pipeline["spec"]["pipelineName"] in used or _created(pipeline) >= self._queued.replace(microsecond=0)
        ]
        return pipelines + executions

    def _executions(self) -> list[dict[str, Any]]:
        owners = ((identity_of(item), item) for item in self._list(PIPELINE_EXECUTION))
        return [item for owner, item in owners if owner is not None and (owner.dag_id, owner.run_id) == self._run]

    def _list(self, kind: Kind) -> list[dict[str, Any]]:
        path = f"/apis/{API_VERSION}/namespaces/{self._namespace}/{kind.plural}"
        answer = self._kubernetes.get(path).raise_for_status()
        items: list[dict[str, Any]] = answer.json()["items"]
        return [{"kind": kind.kind, **item} for item in items]

    def _steps(self, execution: dict[str, Any]) -> list[dict[str, Any]]:
        arn = execution.get("status", {}).get("ackResourceMetadata", {}).get("arn")
        if not arn:
            return []
        answer = self._sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending")
        steps: list[dict[str, Any]] = answer["PipelineExecutionSteps"]
        return steps


def table(rows: Sequence[Row]) -> str:
    """The rows below headings, in columns."""
    lines = [HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def _name(task: dict[str, Any]) -> str:
    return str(task["task_id"]) + (f"[{task['map_index']}]" if task["map_index"] >= 0 else "")


def _state(task: dict[str, Any]) -> str:
    state = task["state"] or ""
    return f"{state} (try {task['try_number']})" if state and task["try_number"] > 1 else state


def _title(resource: dict[str, Any]) -> str:
    return f"{resource['kind']}/{resource['metadata']['name']}"


def _created(resource: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(resource["metadata"]["creationTimestamp"])


def _status(resource: dict[str, Any]) -> str:
    kind = PIPELINE if resource["kind"] == PIPELINE.kind else PIPELINE_EXECUTION
    return str(resource.get("status", {}).get(kind.status_field, ""))


def _made_by(resource: dict[str, Any], task: dict[str, Any]) -> bool:
    labels = resource["metadata"].get("labels", {})
    index = labels.get(f"{PREFIX}/map-index", "-1")
    return (labels.get(f"{PREFIX}/task-id"), index) == (task["task_id"], str(task["map_index"]))


def _seconds(step: dict[str, Any]) -> float | None:
    if "StartTime" not in step:
        return None
    start: datetime = step["StartTime"]
    end: datetime = step.get("EndTime") or datetime.now(timezone.utc)
    return (end - start).total_seconds()

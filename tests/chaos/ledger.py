"""The books: which runs were started, what SageMaker has of each, and whether both agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from harness.waiting import wait_until
from tests.chaos.world import TASK, World, digest, new_run_id

_PAGE = 100
_OVER = frozenset({"success", "failed"})


@dataclass(frozen=True)
class Run:
    """A run and how it must end: its state in Airflow, and its executions' statuses in SageMaker, oldest first."""

    dag_id: str
    run_id: str
    pipeline: str
    state: str = "success"
    statuses: tuple[str, ...] = ("Succeeded",)

    @property
    def digest(self) -> str:
        """What its resources have in their names and labels."""
        return digest(self.dag_id, self.run_id)


@dataclass
class Audit:
    """What the comparison has found. ``problems`` are sentences."""

    runs: int = 0
    executions: int = 0
    doubled: int = 0
    """Executions beyond those that their runs should have."""
    doubled_runs: int = 0
    lost: int = 0
    """Runs with fewer executions than they should have."""
    untrue: int = 0
    """Runs whose state or result is not what SageMaker says."""
    tries: int = 0
    problems: list[str] = field(default_factory=list)


class Ledger:
    """Starts runs and remembers what is expected of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._unpaused: set[str] = set()
        self._run_of: dict[str, str] = {}
        self.runs: list[Run] = []

    def plan(self, dag_id: str, pipeline: str, prefix: str = "run", **expected: Any) -> Run:
        """A run that is not started yet, so that its faults can be prepared."""
        run = Run(dag_id, new_run_id(prefix), pipeline, **expected)
        self.runs.append(run)
        return run

    def begin(self, run: Run) -> None:
        """Start a planned run."""
        self.unpause(run.dag_id)
        self._world.api.trigger(run.dag_id, {"pipeline": run.pipeline}, run.run_id)

    def unpause(self, dag_id: str) -> None:
        """Let runs of a DAG begin."""
        if dag_id not in self._unpaused:
            self._world.api.wait_for_dag(dag_id)
            self._world.api.unpause(dag_id)
            self._unpaused.add(dag_id)

    def start(self, dag_id: str, pipeline: str, prefix: str = "run", **expected: Any) -> Run:
        """Start a run of a DAG."""
        run = self.plan(dag_id, pipeline, prefix, **expected)
        self.begin(run)
        return run

    def states(self, runs: Iterable[Run]) -> dict[Run, str]:
        """The states of runs in Airflow."""
        wanted = {(run.dag_id, run.run_id): run for run in runs}
        found: dict[Run, str] = {}
        for dag_id in {dag_id for dag_id, _ in wanted}:
            for run_id, state in self._pages(dag_id):
                if run := wanted.get((dag_id, run_id)):
                    found[run] = state
        return found

    def _pages(self, dag_id: str) -> Iterable[tuple[str, str]]:
        offset, total = 0, 1
        while offset < total:
            page = self._world.api.request(
                "GET",
                f"/dags/{quote(dag_id)}/dagRuns",
                params={"limit": _PAGE, "offset": offset, "order_by": "id"},
            )
            yield from ((entry["dag_run_id"], str(entry["state"])) for entry in page["dag_runs"])
            offset, total = offset + _PAGE, page["total_entries"]

    def wait(
        self, runs: Iterable[Run], timeout: float, meanwhile: Callable[[], object] = lambda: None
    ) -> dict[Run, str]:
        """Wait for the end of runs, calling ``meanwhile`` again and again; their states."""
        waited = list(runs)
        states: dict[Run, str] = {}

        def over() -> bool:
            meanwhile()
            states.update(self.states(waited))
            return all(states.get(run) in _OVER for run in waited)

        wait_until(over, timeout, lambda: "the end of " + self._open(waited, states), every=0.3)
        return states

    def _open(self, runs: list[Run], states: dict[Run, str]) -> str:
        pending = [run for run in runs if states.get(run) not in _OVER]
        api = self._world.api
        lines = [f"{run.dag_id} {run.run_id}: {api.task_instances(run.dag_id, run.run_id)}" for run in pending[:5]]
        return "\n".join([f"{len(pending)} runs", *lines, self._world.fleet.output()])

    def audit(self, runs: Iterable[Run]) -> Audit:
        """Compare the runs with SageMaker's own lists."""
        audited = list(runs)
        states = self.states(audited)
        by_run: dict[str, list[dict[str, Any]]] = {}
        for pipeline in sorted({run.pipeline for run in audited}):
            by_run.update(self._by_run(pipeline))
        audit = Audit()
        for run in audited:
            self._compare(audit, run, states.get(run, "missing"), by_run.get(run.run_id, []))
        return audit

    def executions(self, run: Run) -> list[dict[str, Any]]:
        """What SageMaker has of a run, oldest first."""
        return self._by_run(run.pipeline).get(run.run_id, [])

    def _by_run(self, pipeline: str) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for summary in self._world.executions(pipeline):
            arn = summary["PipelineExecutionArn"]
            if arn not in self._run_of:
                self._run_of[arn] = self._world.parameters_of(arn)["Run"]
            found.setdefault(self._run_of[arn], []).append(summary)
        return found

    def _compare(self, audit: Audit, run: Run, state: str, executions: list[dict[str, Any]]) -> None:
        statuses = tuple(execution["PipelineExecutionStatus"] for execution in executions)
        surplus = len(statuses) - len(run.statuses)
        audit.runs += 1
        audit.executions += len(statuses)
        audit.doubled += max(surplus, 0)
        audit.doubled_runs += surplus > 0
        audit.lost += surplus < 0
        instance = self._world.api.task_instance(run.dag_id, run.run_id, TASK)
        audit.tries += instance["try_number"]
        result = self._world.api.xcom(run.dag_id, run.run_id, TASK)
        arn = result["arn"] if isinstance(result, dict) else result
        told = state == run.state and arn == (executions[-1]["PipelineExecutionArn"] if state == "success" else None)
        if surplus == 0 and statuses == run.statuses and told:
            return
        if not told:
            audit.untrue += 1
        names = Counter(execution.get("PipelineExecutionDisplayName") for execution in executions)
        audit.problems.append(
            f"{run.dag_id} {run.run_id} ({run.digest}): {state} after {instance['try_number']} tries, result {arn}; "
            f"SageMaker has {statuses} of {dict(names)}; expected {run.state} with {run.statuses}"
        )

"""A backfill of six days at once, of a DAG whose definition is filled with the day: does each run its own?"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness.airflow_api import FINISHED_RUN
from harness.waiting import wait_until
from tests.chaos.things import definition
from tests.chaos.world import World

DAYS = 6
_BUCKET = "chaos-daily"
_TASK = "retraining.execution"


@dataclass
class BackfillAudit:
    """What the comparison has found, of all backfills together."""

    backfills: int = 0
    runs: int = 0
    succeeded: int = 0
    own_day: int = 0
    """Runs whose execution ran the definition of their own day."""
    executions: int = 0
    others: int = 0
    """Executions that ran another day's definition than their run's, and which nobody reports."""
    late: int = 0
    """Those of them that were over before they were stopped: they take seconds here."""
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


def backfill(
    world: World, count: int, at_once: int, timeout: float, say: Callable[[str], None] = lambda line: None
) -> BackfillAudit:
    """Run backfills of DAGs without retries, each on a pipeline of its own, and compare.

    :param at_once: backfills that go on at the same time.
    :raises TimeoutError: one does not end.
    """
    s3 = world.sandbox.aws_client("s3")
    s3.create_bucket(Bucket=_BUCKET)
    s3.put_bucket_versioning(Bucket=_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    filled = definition("<<DATE>>", 0)
    filled["Parameters"] = []
    s3.put_object(Bucket=_BUCKET, Key="daily.json", Body=json.dumps(filled).encode())
    audit, begun = BackfillAudit(), time.monotonic()
    for first in range(0, count, at_once):
        numbers = range(first, min(first + at_once, count))
        for number in numbers:
            _start(world, number)
        for number in numbers:
            _compare(world, number, audit, timeout)
        say(f"{time.monotonic() - begun:.0f} s: {audit.backfills} backfills, {audit.succeeded} runs succeeded")
    audit.seconds = time.monotonic() - begun
    return audit


def _start(world: World, number: int) -> None:
    api, dag_id = world.api, f"daily_{number}"
    api.wait_for_dag(dag_id)
    api.unpause(dag_id)
    conf = {"pipeline": f"chaos-daily-{number}", "definition_uri": f"s3://{_BUCKET}/daily.json"}
    api.backfill(dag_id, "2026-01-01T00:00:00Z", f"2026-01-{DAYS:02}T00:00:00Z", at_once=DAYS, conf=conf)


def _compare(world: World, number: int, audit: BackfillAudit, timeout: float) -> None:
    api, dag_id = world.api, f"daily_{number}"

    def ended() -> list[dict[str, Any]] | None:
        runs = [run for run in api.dag_runs(dag_id) if run["run_type"] == "backfill"]
        return runs if len(runs) == DAYS and all(run["state"] in FINISHED_RUN for run in runs) else None

    runs = wait_until(ended, timeout, lambda: f"the end of {dag_id}:\n{world.fleet.output()}")
    executions = {one["PipelineExecutionArn"]: one for one in world.executions(f"chaos-daily-{number}")}
    dates = {arn: _date(world, arn) for arn in executions}
    reported: set[str] = set()
    days: dict[str, str] = {}
    audit.backfills += 1
    audit.runs += len(runs)
    audit.executions += len(executions)
    for run in runs:
        day = run["logical_date"][:10]
        if run["state"] != "success":
            audit.problems.append(f"{dag_id} {day} failed: {api.task_log(dag_id, run['dag_run_id'], _TASK)[-2000:]}")
            continue
        audit.succeeded += 1
        result = api.xcom(dag_id, run["dag_run_id"], _TASK)
        arn = result["arn"]
        reported.add(arn)
        days[_without_attempt(result["name"])] = day
        if dates.get(arn) == day and executions[arn]["PipelineExecutionStatus"] == "Succeeded":
            audit.own_day += 1
        else:
            audit.problems.append(f"{dag_id} {day} reports {arn}, which ran {dates.get(arn)}")
    for one in executions.values():
        if (arn := one["PipelineExecutionArn"]) in reported:
            continue
        day = days.get(_without_attempt(one["PipelineExecutionDisplayName"]), "a run that failed")
        if dates[arn] == day or day not in days.values():
            audit.problems.append(f"{dag_id} {day}: nobody reports {arn}, which ran {dates[arn]}")
        elif one["PipelineExecutionStatus"] in ("Stopped", "Succeeded"):
            audit.others += 1
            audit.late += one["PipelineExecutionStatus"] == "Succeeded"
        else:
            audit.problems.append(f"{dag_id} {day}: {arn} is {one['PipelineExecutionStatus']}")


def _without_attempt(name: str) -> str:
    """What the names of all executions of one run begin with."""
    return name.rpartition("-")[0]


def _date(world: World, arn: str) -> str:
    return str(json.loads(world.definition_of(arn))["Steps"][0]["Arguments"]["Environment"]["DATE"])

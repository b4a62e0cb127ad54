"""The course of an execution, computed at once: which steps run from when to when, and how it ends.

Nothing happens while an execution runs. Its whole course follows from the steps, the scripted outcomes and the number
of steps that may run at once, so it is computed when somebody asks and compared with the clock. Executions of the same
pipeline share their course.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from airflow_ack_sagemaker.sandbox.aws.plan import Plan
from airflow_ack_sagemaker.sandbox.aws.script import EXECUTION, ScriptedOutcome

FAILURE = "Step failure: One or multiple steps failed."
"""What SageMaker says of every execution in which a step has failed."""


@dataclass(frozen=True, slots=True)
class Run:
    """One step's run: seconds since the execution's start (``end`` is infinite while it is held), and how it ends."""

    name: str
    start: float
    end: float
    status: str
    reason: str = ""
    branch: bool | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """Every run in order of its start, and the end of the whole."""

    runs: tuple[Run, ...]
    end: float
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What an execution's course depends on, besides its pipeline. Durations are seconds of the clock (already divided
    by its speed).

    ``only`` limits it to some steps (selective execution), ``done`` are steps that succeeded in an earlier attempt,
    with the branch that a condition took, ``released`` says when held steps were let go.
    """

    outcomes: tuple[tuple[str, ScriptedOutcome], ...]
    branches: tuple[tuple[str, bool], ...]
    step_seconds: float
    speed: float
    parallel: int | None = None
    only: frozenset[str] | None = None
    done: tuple[tuple[str, bool | None], ...] = ()
    released: float | None = None


@dataclass(slots=True)
class _State:
    plan: Plan
    given: Conditions
    outcomes: Mapping[str, ScriptedOutcome]
    over: dict[str, bool] = field(default_factory=dict)
    """Steps that are over: whether what waits for them may run."""
    branch: dict[str, bool | None] = field(default_factory=dict)

    def verdict(self, name: str) -> bool | None:
        """Whether a step may start (True), never will (False), or has to wait (None)."""
        condition = self.plan.branch_of.get(name)
        waits = False
        for before in self.plan.dependencies[name]:
            if before not in self.over:
                waits = True
            elif not self.over[before]:
                return False
        if waits:
            return None
        if condition is not None and condition[0] in self.branch:
            return self.branch[condition[0]] == condition[1]
        return True

    def run(self, name: str, now: float) -> Run:
        outcome = self.outcomes.get(name, ScriptedOutcome())
        kind = self.plan.types[name]
        if kind == "Fail":
            return Run(name, now, now, "Failed", self.plan.messages.get(name, ""))
        seconds = outcome.seconds
        if seconds is None:
            seconds = 0.0 if kind == "Condition" else self.given.step_seconds
        end = now + seconds / self.given.speed
        if outcome.hold:
            end = math.inf if self.given.released is None else max(end, self.given.released)
        branch = None
        if kind == "Condition":
            branch = outcome.branch if outcome.branch is not None else dict(self.given.branches).get(name, True)
        status = outcome.status or "Succeeded"
        reason = ""
        if status == "Failed":
            reason = f"ClientError: {outcome.reason or 'AlgorithmError: exit code 1'}"
        return Run(name, now, end, status, reason, branch)


@lru_cache(maxsize=2048)
def course(plan: Plan, given: Conditions) -> Course:
    """The course of an execution of this plan."""
    state = _State(plan, given, dict(given.outcomes))
    waiting: list[str] = []
    for name in plan.names:
        if given.only is not None and name not in given.only:
            state.over[name] = True
        else:
            waiting.append(name)
    for name, branch in given.done:
        state.over[name] = True
        state.branch[name] = branch
    waiting = [name for name in waiting if name not in state.over]
    runs: list[Run] = []
    running: list[tuple[float, int]] = []
    now = 0.0
    while True:
        waiting = _start(state, waiting, runs, running, now)
        if not running:
            break
        now = running[0][0]
        while running and running[0][0] <= now:
            _, index = heapq.heappop(running)
            _finish(state, runs[index])
    return _ended(runs, state.outcomes.get(EXECUTION))


def _start(
    state: _State, waiting: list[str], runs: list[Run], running: list[tuple[float, int]], now: float
) -> list[str]:
    """Start what may start; gives what still waits."""
    again = True
    while again:
        again = False
        left: list[str] = []
        for name in waiting:
            verdict = state.verdict(name)
            if verdict is False:
                state.over[name] = False
                again = True
            elif verdict is None or (state.given.parallel is not None and len(running) >= state.given.parallel):
                left.append(name)
            else:
                run = state.run(name, now)
                runs.append(run)
                if run.end <= now:
                    _finish(state, run)
                    again = True
                else:
                    heapq.heappush(running, (run.end, len(runs) - 1))
        waiting = left
    return waiting


def _finish(state: _State, run: Run) -> None:
    state.over[run.name] = run.status == "Succeeded"
    state.branch[run.name] = run.branch


def _ended(runs: list[Run], scripted: ScriptedOutcome | None) -> Course:
    end = max((run.end for run in runs), default=0.0)
    statuses = {run.status for run in runs}
    status = "Failed" if "Failed" in statuses else "Stopped" if "Stopped" in statuses else "Succeeded"
    reason = FAILURE if status == "Failed" else ""
    if scripted is not None and scripted.status is not None:
        status = scripted.status
        reason = scripted.reason or (FAILURE if status in ("Failed", "CompletedWithFailures") else "")
    return Course(tuple(runs), end, status, reason)

"""The course of an execution, computed at once: which steps run from when to when, and how it ends.

Nothing happens while an execution runs. Its whole course follows from the steps, the scripted outcomes and the number
of steps that may run at once, so it is computed when somebody asks and compared with the clock. Executions of the same
pipeline share their course. How a single step ends is decided in
:mod:`airflow_ack_sagemaker.sandbox.aws.step_outcome`.
"""

from __future__ import annotations

import heapq
from dataclasses import replace
from functools import lru_cache

from airflow_ack_sagemaker.core.definition.expressions import resolve
from airflow_ack_sagemaker.core.definition.step_types import COMPLETED
from airflow_ack_sagemaker.sandbox.aws.plan import Plan, Task, rounds
from airflow_ack_sagemaker.sandbox.aws.results import Results
from airflow_ack_sagemaker.sandbox.aws.runs import Course, Given, Run
from airflow_ack_sagemaker.sandbox.aws.script import EXECUTION, ScriptedOutcome
from airflow_ack_sagemaker.sandbox.aws.step_outcome import (
    MAX_MESSAGE,
    concurrency_of,
    decide,
    items_of,
    loop_ended,
    scripted,
)

FAILURE = "Step failure: One or multiple steps failed."
"""What SageMaker says of every execution in which a step has failed."""

_NEVER = "Never"
"""How a step ended that will not run: no trigger knows it."""


class _Loop:
    """A ForEach that runs: where its run stands, how many of its rounds may run at once, do so, and are not over."""

    def __init__(self, position: int, task: Task, items: int, concurrency: int) -> None:
        self.position = position
        self.task = task
        self.items = items
        self.concurrency = concurrency
        self.active = 0
        self.open: set[str] = set()


class _Walk:
    """An execution on its way through its steps."""

    def __init__(self, plan: Plan, given: Given) -> None:
        self.plan = plan
        self.given = given
        self.outcomes = dict(given.outcomes)
        self.results = Results(
            plan, dict(given.values), dict(given.variables), self.outcomes, given.taken, seen=given.seen
        )
        self.over: dict[str, str] = {}
        self.branch: dict[str, bool | None] = {}
        self.runs: list[Run] = []
        self.running: list[tuple[float, int, Task]] = []
        self.loops: dict[str, _Loop] = {}
        self.handled: set[str] = set()
        self.over.update((one.name, one.status) for one in given.taken)
        for run in given.done:
            self.over[run.name] = run.status
            self.branch[run.name] = run.branch
            self.results.add(run)

    def walk(self) -> None:
        """Run every step that comes to run."""
        waiting: list[Task] = []
        for task in self.plan.tasks:
            if self.given.only is not None and task.name not in self.given.only:
                self.over.setdefault(task.name, "Succeeded")
            elif task.name not in self.over:
                waiting.append(task)
        now = 0.0
        while True:
            waiting = self._start(waiting, now)
            if not self.running:
                return
            now = self.running[0][0]
            while self.running and self.running[0][0] <= now:
                _, position, task = heapq.heappop(self.running)
                self._finish(task, self.runs[position], now)

    def _start(self, waiting: list[Task], now: float) -> list[Task]:
        """Start what may start; gives what still waits."""
        again = True
        while again:
            again = False
            left: list[Task] = []
            for task in waiting:
                verdict = self._verdict(task)
                if verdict is False:
                    self._settle(task, _NEVER, now)
                    again = True
                elif verdict is None or self._full(task):
                    left.append(task)
                else:
                    left.extend(self._begin(task, now))
                    again = again or task.name in self.over or task.name in self.loops
            waiting = left
        return waiting

    def _verdict(self, task: Task) -> bool | None:
        """Whether a task may start (True), never will (False), or has to wait (None)."""
        waits = False
        for before, trigger in task.dependencies:
            end = self.over.get(before)
            if end is None:
                waits = True
            elif not triggers(trigger, end):
                return False
        if waits:
            return None
        condition = self.plan.branch_of.get(task.name)
        if condition is not None and condition[0] in self.branch:
            return self.branch[condition[0]] == condition[1]
        return True

    def _full(self, task: Task) -> bool:
        """Whether as many run at once as may. A ForEach itself does nothing and is not counted."""
        loop = self.loops.get(task.loop or "")
        if loop is not None and loop.active >= loop.concurrency:
            return True
        busy = len(self.running)
        return self.given.parallel is not None and busy >= self.given.parallel

    def _begin(self, task: Task, now: float) -> list[Task]:
        """Start a task; gives the tasks that come with it."""
        self.handled.update(before for before, trigger in task.dependencies if trigger != COMPLETED)
        rule = scripted(task, self.outcomes)
        self.results.moment = (self.given.attempt, now)
        run = decide(task, self.plan, self.given, self.results, rule, now)
        for lookup in self.plan.lookups.get(task.step, ()):
            # A job is told what stands in a file when it starts.
            resolve(lookup, self.results.scope_of(run))
        position = len(self.runs)
        self.runs.append(run)
        if task.name in self.plan.bodies:
            return self._expand(task, position, now)
        loop = self.loops.get(task.loop or "")
        if loop is not None:
            loop.active += 1
        if run.end <= now:
            self._finish(task, run, now)
        else:
            heapq.heappush(self.running, (run.end, position, task))
        return []

    def _expand(self, task: Task, position: int, now: float) -> list[Task]:
        items = items_of(task, self.plan, self.results)
        concurrency = concurrency_of(task, self.plan, self.results)
        if isinstance(items, str) or isinstance(concurrency, str):
            reason = items if isinstance(items, str) else str(concurrency)
            failed = replace(self.runs[position], end=now, status="Failed", reason=reason[:MAX_MESSAGE])
            self.runs[position] = failed
            self._finish(task, failed, now)
            return []
        loop = self.loops[task.name] = _Loop(position, task, len(items), concurrency)
        tasks = [one for one in rounds(self.plan, task.name, items) if one.name not in self.over]
        loop.open.update(one.name for one in tasks)
        if not tasks:
            self._close(loop, now)
        return tasks

    def _close(self, loop: _Loop, now: float) -> None:
        rule = scripted(loop.task, self.outcomes)
        self.results.moment = (self.given.attempt, now)
        run = loop_ended(self.runs[loop.position], self.plan, self.results, rule, loop.items, now)
        self.runs[loop.position] = run
        self._finish(loop.task, run, now)

    def _finish(self, task: Task, run: Run, now: float) -> None:
        self.branch[run.name] = run.branch
        self.results.add(run)
        loop = self.loops.get(task.loop or "")
        if loop is not None:
            loop.active -= 1
        self._settle(task, run.status, now)

    def _settle(self, task: Task, end: str, now: float) -> None:
        """Note that a task is over, and its loop with the last one in it."""
        self.over[task.name] = end
        loop = self.loops.get(task.loop or "")
        if loop is not None and task.name in loop.open:
            loop.open.discard(task.name)
            if not loop.open:
                self._close(loop, now)

    def ended(self) -> Course:
        """How the whole ends. A failure that another step was there for leaves it CompletedWithFailures."""
        end = max((run.end for run in self.runs), default=0.0)
        loops = {task: loop.task.name for loop in self.loops.values() for task in self._rounds_of(loop)}
        bad = [run for run in self.runs if run.status in ("Failed", "Stopped")]
        unhandled = {run.status for run in bad if not {run.name, loops.get(run.name)} & self.handled}
        status = "CompletedWithFailures" if bad else "Succeeded"
        status = "Failed" if "Failed" in unhandled else "Stopped" if "Stopped" in unhandled else status
        reason = FAILURE if status in ("Failed", "CompletedWithFailures") else ""
        rule = self.outcomes.get(EXECUTION, ScriptedOutcome())
        if rule.status is not None:
            status = rule.status
            reason = rule.reason or (FAILURE if status in ("Failed", "CompletedWithFailures") else "")
        return Course(tuple(self.runs), end, status, reason, tuple(self.results.asked))

    def _rounds_of(self, loop: _Loop) -> list[str]:
        return [f"{body}-{index}" for index in range(loop.items) for body in self.plan.bodies[loop.task.name]]


def triggers(trigger: str, end: str) -> bool:
    """Whether a dependency lets its step run, now that the step before is over."""
    if trigger == "Any":
        return end != _NEVER
    return end == ("Succeeded" if trigger == COMPLETED else trigger)


@lru_cache(maxsize=2048)
def course(plan: Plan, given: Given) -> Course:
    """The course of an execution of this plan."""
    walk = _Walk(plan, given)
    walk.walk()
    return walk.ended()

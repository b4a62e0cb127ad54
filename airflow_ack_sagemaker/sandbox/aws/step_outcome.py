"""How the sandbox decides a step's outcome: all of it stands here.

When a step starts, in this order:

1. A Fail step fails, with its message resolved.
2. A rule of the script decides (:mod:`airflow_ack_sagemaker.sandbox.aws.script`): how the step ends, when, and what it
   gives; a rule for one round of a loop (``Fit-2``) goes before one for all (``Fit``).
3. A Callback step for which an answer was sent ends as that says.
4. A Condition is resolved. A ``Std:JsonGet`` reads the sandbox's own S3, when the step starts
   (:mod:`airflow_ack_sagemaker.sandbox.aws.objects`). What only a real run could tell has no value, and is never
   assumed: then the step fails, and its reason says which value is missing and which rules of the script would tell it.
5. A ForEach runs its body for each item, and ends with the last round: as Failed if one failed. Items or a
   MaxConcurrency that cannot be resolved make it fail.
6. Every other step succeeds after the script's ``step_seconds``.

Which steps start at all (triggers, branches, selection), and how the execution ends, is decided in
:mod:`airflow_ack_sagemaker.sandbox.aws.timeline`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from airflow_ack_sagemaker.core.definition.conditions import holds
from airflow_ack_sagemaker.core.definition.expressions import Unresolved, number_of, resolve, shown, text_of
from airflow_ack_sagemaker.core.definition.loops import MAX_CONCURRENCY
from airflow_ack_sagemaker.sandbox.aws.plan import Plan, Task
from airflow_ack_sagemaker.sandbox.aws.results import Results
from airflow_ack_sagemaker.sandbox.aws.runs import Given, LoopResult, Run
from airflow_ack_sagemaker.sandbox.aws.script import ScriptedOutcome

_RULE = 'Tell the sandbox what the step gives, as in STEP=gives:{"PropertyFiles": {"Report": {"mse": 4}}}.'
MAX_ITEM = 12_800
MAX_MESSAGE = 1024
"""Characters of a failure's reason (API model, ``FailureReason``)."""


def scripted(task: Task, outcomes: dict[str, ScriptedOutcome]) -> ScriptedOutcome:
    """What the script says of a task."""
    general = outcomes.get(task.step, ScriptedOutcome())
    return general if task.name == task.step else outcomes.get(task.name, ScriptedOutcome()).before(general)


def decide(task: Task, plan: Plan, given: Given, results: Results, rule: ScriptedOutcome, now: float) -> Run:
    """The run of a task that starts now: when it ends, and how. That of a ForEach ends when `loop_ended` says so.

    :param rule: what the script says of it.
    """
    step = plan.steps[task.step]

    def run(end: float, status: str, reason: str = "", **more: Any) -> Run:
        item = "" if task.index is None else text_of(task.item)[:MAX_ITEM]
        place: dict[str, Any] = {"step": task.step, "index": task.index, "item": item, "attempt": given.attempt}
        return Run(task.name, now, end, status, reason[:MAX_MESSAGE], **place, **more)

    if step.type == "Fail":
        return run(now, "Failed", shown(step.body["Arguments"].get("ErrorMessage", ""), results.scope()))
    status = rule.status or "Succeeded"
    reason = f"ClientError: {rule.reason or 'AlgorithmError: exit code 1'}" if status == "Failed" else ""
    if step.type == "ForEach":
        return run(math.inf, status, reason)
    seconds = rule.seconds
    if seconds is None:
        seconds = 0.0 if step.type == "Condition" else given.step_seconds
    end = now + seconds / given.speed
    if rule.hold:
        end = math.inf if given.released is None else max(end, given.released)
    if step.type == "Callback":
        for answer in given.answers:
            if (answer.name, answer.attempt) == (task.name, given.attempt) and now <= answer.at < end:
                how = "Succeeded" if answer.succeeded else "Failed"
                return run(answer.at, how, answer.reason, outputs=answer.outputs)
    if step.type != "Condition" or status != "Succeeded":
        return run(end, status, reason)
    found = holds(step.body["Arguments"]["Conditions"], results.scope()) if rule.branch is None else rule.branch
    if isinstance(found, Unresolved):
        return run(end, "Failed", f"ClientError: {found}. {_RULE} Or say how it ends: {task.name}=True.")
    return run(end, status, branch=found)


def items_of(task: Task, plan: Plan, results: Results) -> list[Any] | str:
    """The items of a ForEach, or why it has none."""
    value = plan.steps[task.step].body["Arguments"]["IterableItems"]
    found = [resolve(item, results.scope()) for item in value] if isinstance(value, list) else None
    if found is None:
        text = resolve(value, results.scope())
        if isinstance(text, Unresolved):
            return f"ClientError: {text}. {_RULE}"
        try:
            found = json.loads(text) if isinstance(text, str) else text
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, list):
            return f"ClientError: IterableItems must be a JSON list, and is {text_of(text)[:200]}"
    missing = next((item for item in found if isinstance(item, Unresolved)), None)
    return found if missing is None else f"ClientError: {missing}. {_RULE}"


def concurrency_of(task: Task, plan: Plan, results: Results) -> int | str:
    """How many runs of a ForEach's body may run at once, or why that cannot be told."""
    found = resolve(plan.steps[task.step].body["Arguments"]["MaxConcurrency"], results.scope())
    if isinstance(found, Unresolved):
        return f"ClientError: {found}. {_RULE}"
    number = number_of(found)
    if number is None or number != int(number) or not 1 <= number <= MAX_CONCURRENCY:
        return (
            f"ClientError: MaxConcurrency must be an integer from 1 to {MAX_CONCURRENCY}, and is {text_of(found)[:200]}"
        )
    return int(number)


def loop_ended(run: Run, plan: Plan, results: Results, rule: ScriptedOutcome, items: int, now: float) -> Run:
    """The run of a ForEach whose last round is over."""
    names = plan.bodies[run.step]
    ended = [results.runs[name] for name in (f"{body}-{i}" for i in range(items) for body in names) if name in results]
    counts = {status: sum(one.status == status for one in ended) for status in ("Succeeded", "Failed", "Stopped")}
    result = LoopResult(
        items=items,
        total=items * len(names),
        succeeded=counts["Succeeded"],
        failed=counts["Failed"],
        stopped=counts["Stopped"],
        selected=_selected(run, plan, results, {one.index for one in ended if one.index is not None}),
    )
    status, reason = run.status, run.reason
    if rule.status is None and (counts["Failed"] or counts["Stopped"]):
        status = "Failed" if counts["Failed"] else "Stopped"
        reason = "ClientError: One or more iterations failed." if counts["Failed"] else ""
    return replace(run, end=now, status=status, reason=reason, loop=result)


def _selected(run: Run, plan: Plan, results: Results, indices: Iterable[int]) -> tuple[str, int] | None:
    """The step and the round that a ForEach's selector picks; None without one, and where no round has a value."""
    selector = plan.steps[run.step].body["Arguments"].get("Selector")
    if not selector:
        return None
    field = selector["Field"]
    values = {index: number_of(resolve(field, results.scope(round_of=(run.step, index)))) for index in sorted(indices)}
    known = {index: value for index, value in values.items() if value is not None}
    if not known:
        return None
    pick = max if selector["Pick"] == "MaxBy" else min
    chosen = pick(known, key=known.__getitem__)
    name = str(field["Get"]).removeprefix("IterationOutput.")
    body = next(body for body in plan.bodies[run.step] if name.startswith((f"{body}.", f"{body}[")))
    return body, chosen

"""Many executions of one task: where each stands, which to launch next, and when that is worth looking at again.

A batch is followed without a memory of its own: the resources in the cluster are the record of all tries, as they are
for a single execution (`core.run.decision`). What a try itself must remember between two looks is small
(`core.run.batch_progress`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import LABEL_INDEX, RunIdentity
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify, gone
from airflow_ack_sagemaker.core.run.batch_progress import MAX_REASON, Progress, Waits
from airflow_ack_sagemaker.core.run.deadlines import Verdict, noted, verdict_of
from airflow_ack_sagemaker.core.run.decision import Action, attempt_of, decide
from airflow_ack_sagemaker.core.run.stopping import is_given_up

_MOST = 10
"""Executions that a message names."""


class FailurePolicy(StrEnum):
    """What becomes of the others once too many have failed for the task to succeed."""

    RUN_ALL = "run_all"
    FAIL_FAST = "fail_fast"
    """No more is launched; what runs is followed to its end."""
    STOP_REST = "stop_rest"
    """No more is launched, and what runs is stopped."""


class Standing(StrEnum):
    """Where an execution of the batch stands in this try."""

    WAITING = "waiting"
    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Member:
    """One execution of the batch. ``index`` is its number in the resource's name, ``place`` that in the list.

    ``attempt`` is that of its resource, or of the one to create where it is waiting.

    ``outcome`` is None where it is waiting. ``verdict`` says why one that has ended is waited for no longer.
    ``stopped`` tells one that the task itself has stopped, because others failed. ``cleared`` is an earlier attempt
    that still runs and must be stopped before this one is launched, since a user has cleared the task. ``proven`` tells
    one that was just launched and surely runs the run's own definition.
    """

    index: int
    standing: Standing
    attempt: int
    outcome: Outcome | None = None
    verdict: Verdict | None = None
    stopped: bool = False
    cleared: Outcome | None = None
    resource: Resource | None = field(default=None, repr=False)
    place: int = 0
    proven: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether it has ended as it should."""
        return self.verdict is Verdict.REACHED and self.outcome is not None and self.outcome.state is State.SUCCEEDED

    @property
    def failed(self) -> bool:
        """Whether it has ended otherwise."""
        return self.standing is Standing.ENDED and not self.succeeded

    @property
    def stopped_by_somebody(self) -> bool:
        """Whether somebody has stopped it: a retry must not start it again."""
        ended_so = self.outcome is not None and self.outcome.state in (State.STOPPED, State.GONE)
        return ended_so and self.verdict is Verdict.REACHED and not self.stopped


@dataclass(frozen=True, slots=True)
class BatchActions:
    """What to do now; with neither, and nothing active, the batch is over."""

    launch: tuple[Member, ...] = ()
    stop: tuple[Member, ...] = ()


def by_number(resources: Iterable[Resource], identity: RunIdentity) -> dict[int, list[Resource]]:
    """The run's own resources by the number that tells them apart, in any order.

    :param identity: the task instance's, without an index.
    """
    found: dict[int, list[Resource]] = defaultdict(list)
    for resource in resources:
        index = index_of(resource)
        if index is not None and identity.member(index).owns(resource):
            found[index].append(resource)
    return found


def members_of(
    resources: Mapping[int, Sequence[Resource]],
    slots: Sequence[int],
    tried: Try,
    *,
    first_attempt: int = 1,
    progress: Progress,
    waits: Waits,
    now: float,
) -> list[Member]:
    """Where each execution of the batch stands, in the order of the list.

    :param resources: the run's own resources by number (`by_number`).
    :param slots: the number of each execution of the list (`batch_input.assign_slots`).
    :param first_attempt: as for `decide`.
    :param now: Unix time in seconds.
    """
    return [
        replace(
            _member(
                slot,
                # What may have run another's definition counts no more, however it ended.
                [one for one in resources.get(slot, ()) if attempt_of(one) >= progress.next_attempt.get(slot, 0)],
                tried,
                first_attempt=max(first_attempt, progress.next_attempt.get(slot, 1)),
                progress=progress,
                waits=waits,
                now=now,
            ),
            place=place,
        )
        for place, slot in enumerate(slots)
    ]


def _member(
    index: int,
    resources: Sequence[Resource],
    tried: Try,
    *,
    first_attempt: int,
    progress: Progress,
    waits: Waits,
    now: float,
) -> Member:
    decision = decide(resources, tried, first_attempt=first_attempt)
    newest = max(resources, key=attempt_of, default=None)
    outcome = None if newest is None else classify(newest)
    attempt = decision.attempt if newest is None else attempt_of(newest)
    if index in progress.given_up:
        verdict = progress.given_up[index]
        left = outcome or _lost(index)
        return Member(index, Standing.ENDED, attempt, left, verdict, resource=newest)
    if decision.action is Action.TAKE:
        told = decision.outcome
        return Member(index, Standing.ENDED, decision.attempt, told, Verdict.REACHED, resource=decision.resource)
    if decision.action is Action.ATTACH and outcome is not None:
        outcome = noted(outcome, None, now, progress.clock)
        ended = verdict_of(outcome, progress.deadlines_of(index, outcome, waits), now)
        standing = Standing.ACTIVE if ended is None else Standing.ENDED
        return Member(index, standing, attempt, outcome, ended, resource=newest)
    if decision.action is Action.CREATE and decision.outcome is not None:
        return Member(index, Standing.WAITING, decision.attempt, cleared=decision.outcome)
    if index in progress.touched:
        # It was there in this try, so somebody has deleted it: that is how one is stopped, unless it had ended before.
        stopped = index in progress.stopped
        if outcome is None or outcome.state is not State.DELETING:  # what is left is an earlier attempt
            left = _lost(index, progress.end_of(index, decision.attempt))
            return Member(index, Standing.ENDED, decision.attempt, left, Verdict.REACHED, stopped=stopped)
        return Member(index, Standing.ENDED, attempt, gone(outcome), Verdict.REACHED, stopped=stopped, resource=newest)
    return Member(index, Standing.WAITING, decision.attempt)


def _lost(index: int, state: State = State.GONE) -> Outcome:
    reason = "its resource was deleted after it had ended" if state is State.FAILED else None
    name = f"execution {index}"
    return Outcome(PIPELINE_EXECUTION.kind, name, namespace="", state=state, reason=reason, gone=True)


def next_actions(
    members: Sequence[Member], *, max_active: int | None, spare_failures: int, policy: FailurePolicy
) -> BatchActions:
    """Which executions to launch or to stop now, in their order.

    :param max_active: how many may be active at once; None: all.
    :param spare_failures: how many may fail without the task failing (`spare_failures`).
    """
    active = tuple(member for member in members if member.standing is Standing.ACTIVE)
    if policy is not FailurePolicy.RUN_ALL and sum(member.failed for member in members) > spare_failures:
        return BatchActions(stop=active if policy is FailurePolicy.STOP_REST else ())
    waiting = tuple(member for member in members if member.standing is Standing.WAITING)
    return BatchActions(launch=waiting if max_active is None else waiting[: max(max_active - len(active), 0)])


def result_of(member: Member, facts: Mapping[str, Any]) -> dict[str, Any]:
    """An execution's line in the task's result; ``state`` is ``NotLaunched`` for one that never was."""
    outcome = member.outcome
    state = "NotLaunched" if outcome is None else outcome.state.value
    if member.stopped:
        state = State.STOPPED.value
    elif member.verdict not in (None, Verdict.REACHED):
        state = str(member.verdict)
    reason = None if outcome is None else outcome.reason
    if outcome is not None and is_given_up(outcome):
        reason = f"its deletion was refused for good, so that {outcome.arn or 'it'} may run on: {reason}"
    if member.stopped:
        reason = "stopped by the task, because too many others had failed (failure_policy)"
    return {
        "index": member.place,
        "name": None if outcome is None else outcome.name,
        "arn": None if outcome is None else outcome.arn,
        "state": state,
        "status": None if outcome is None else outcome.sagemaker_status,
        "reason": reason[:MAX_REASON] if reason else None,
        "attempt": None if outcome is None else member.attempt,
        **facts,
    }


def summary(members: Sequence[Member], *, spare: int) -> str:
    """In words how the batch ended: the counts, then a line for each of the first that did not succeed."""
    failed = [member for member in members if not member.succeeded]
    lines = [
        f"{len(failed)} of {len(members)} executions did not succeed, at most {spare} may: "
        f"{len(members) - len(failed)} succeeded."
    ]
    for member in failed[:_MOST]:
        line = result_of(member, {})
        what = f"{line['name']}: {line['state']}" if line["name"] else str(line["state"])
        reason = f" ({line['reason']})" if line["reason"] else ""
        lines.append(f"#{member.place} {what}{reason}")
    if len(failed) > _MOST:
        lines.append(f"... and {len(failed) - _MOST} more: see the XCom 'executions'.")
    return "\n".join(lines)


def index_of(resource: Resource) -> int | None:
    """The place in its batch that a resource's labels tell; None where it is of none."""
    value = fields.label(resource, LABEL_INDEX)
    return int(value) if value.isdecimal() and value.isascii() and len(value) <= 9 else None

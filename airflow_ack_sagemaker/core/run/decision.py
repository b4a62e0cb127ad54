"""What a try of a launching task does about what earlier tries have left: the whole decision as one function.

The resources in the cluster are the only record. A task's try may have died at any point, so each try looks first:

===============================================  ====================================================
newest resource of the run                       decision
===============================================  ====================================================
none                                             create attempt 1 (after a user's clear: a later one)
is being deleted                                 create the next attempt (after a clear: once it has stopped)
still active                                     attach
still active, but cleared by a user              stop it, create the next attempt
succeeded, not yet reported                      take its result
succeeded, reported in these same tries          take it again: a try died between reporting and ending
succeeded, reported, then cleared by a user      create the next attempt
failed, stopped or refused, not yet reported     report it: it is this run's true outcome
stopped, reported in these same tries            report it again: no retry follows a stop, so that report was lost
failed or refused, reported                      create the next attempt
failed, stopped or refused, cleared by a user    create the next attempt
===============================================  ====================================================

Airflow 3.3 tells the trigger of a cleared task, earlier ones nobody; and by the time that the trigger hears of it, the
next try may run already. So that try itself stops what the clear was meant to stop.

A user's clear is told from a retry by the first try number of the present tries (``max_tries - retries + 1``, as
Airflow's own SDK counts it): only a clear moves it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import StrEnum
from typing import Any

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_FIRST_TRY, ANNOTATION_REPORTED, LABEL_ATTEMPT
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify


class Action(StrEnum):
    """What to do."""

    CREATE = "create"
    ATTACH = "attach"
    TAKE = "take"
    """It has ended: use its outcome as this try's own, whatever it was."""


@dataclass(frozen=True, slots=True)
class Decision:
    """``attempt`` is the number of the resource to create, or of ``resource``, the one to attach to or take.

    ``outcome`` is that of ``resource``; with CREATE, of the one that must be stopped first. ``failed`` is the
    attempt whose failure a new one follows in these same tries; None after a user's clear.
    """

    action: Action
    attempt: int
    why: str
    resource: Mapping[str, Any] | None = None
    outcome: Outcome | None = None
    failed: Mapping[str, Any] | None = None


def decide(resources: Sequence[Mapping[str, Any]], *, first_try: int) -> Decision:
    """Decide what this try does.

    :param resources: the run's own resources as the cluster has them now, in any order.
    :param first_try: number of the first try since the task was last cleared; 1 if it never was.
    """
    if not resources:
        # Collected, deleted or never made. The first try of a cleared task exceeds every attempt that was ever made, so
        # that a clear never gives a name (and SageMaker's display name) twice; a mere retry gives the same one again.
        return Decision(Action.CREATE, first_try, "nothing was launched for this run yet")
    newest = max(resources, key=attempt_of)
    attempt = attempt_of(newest)
    following = max(attempt + 1, first_try)
    outcome = classify(newest)
    name = outcome.name
    cleared = first_try_of(newest) < first_try
    reported = is_reported(newest)
    if outcome.state is State.DELETING:
        # After a clear, what comes next waits until it has stopped, whoever has asked it to.
        return Decision(Action.CREATE, following, f"{name} is being deleted", outcome=outcome if cleared else None)
    if not outcome.finished and cleared:
        why = f"{name} is still active, but the task was cleared, which stops it"
        return Decision(Action.CREATE, following, why, outcome=outcome)
    if not outcome.finished:
        return Decision(Action.ATTACH, attempt, f"{name} is still active", newest, outcome)
    if outcome.state is State.SUCCEEDED:
        if reported and cleared:
            return Decision(Action.CREATE, following, f"{name} succeeded and was reported, then the task was cleared")
        return Decision(Action.TAKE, attempt, f"{name} has succeeded", newest, outcome)
    if outcome.state is State.STOPPED and not cleared:
        return Decision(Action.TAKE, attempt, f"{name} was stopped, which no retry undoes", newest, outcome)
    if reported or cleared:
        failed = newest if outcome.state is State.FAILED and not cleared else None
        return Decision(Action.CREATE, following, f"{name} ended as {outcome.state} before", failed=failed)
    return Decision(Action.TAKE, attempt, f"{name} ended as {outcome.state} and was never reported", newest, outcome)


def attempt_of(resource: Mapping[str, Any]) -> int:
    """The attempt number in a resource's labels; 0 where it has none."""
    value = ((resource.get("metadata") or {}).get("labels") or {}).get(LABEL_ATTEMPT, "")
    return int(value) if value.isdecimal() else 0


def is_reported(resource: Mapping[str, Any]) -> bool:
    """Whether a task has already told Airflow how this resource ended."""
    return ANNOTATION_REPORTED in _annotations(resource)


def reported_at(resource: Mapping[str, Any]) -> datetime | None:
    """When a task told Airflow how this resource ended; None where that is not known."""
    try:
        told = json.loads(_annotations(resource).get(ANNOTATION_REPORTED, ""))
        return datetime.fromtimestamp(told["at"], timezone.utc)
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        return None


def report(outcome: Outcome, *, try_number: int, now: float) -> dict[str, Any]:
    """The JSON merge patch that records that a task told Airflow how this resource ended.

    :param now: Unix time in seconds.
    """
    text = json.dumps({"state": outcome.state.value, "try": try_number, "at": int(now)}, separators=(",", ":"))
    return {"metadata": {"annotations": {ANNOTATION_REPORTED: text}}}


def first_try_of(resource: Mapping[str, Any]) -> int:
    """The number of the first try since the last clear, as it was when this resource was launched."""
    value = _annotations(resource).get(ANNOTATION_FIRST_TRY, "1")
    return int(value) if value.isdecimal() else 1


def _annotations(resource: Mapping[str, Any]) -> Mapping[str, str]:
    return (resource.get("metadata") or {}).get("annotations") or {}

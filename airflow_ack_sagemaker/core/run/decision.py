"""What a try of a launching task does about what earlier tries have left: the whole decision as one function.

The resources in the cluster are the only record. A task's try may have died at any point, so each try looks first:

===============================================  ====================================================
newest resource of the run                       decision
===============================================  ====================================================
none                                             create attempt 1 (after a user's clear: a later one)
is being deleted                                 create the next attempt (after a clear: once it has stopped)
still active                                     attach
still active, but cleared by a user              stop it, create the next attempt
succeeded                                        take its result; a report of it was lost, or is repeated
failed, stopped or refused, not yet reported     report it: it is this run's true outcome
stopped, reported                                report it again: no retry follows a stop, so that report was lost
failed or refused, reported                      create the next attempt
ended, cleared by a user                         create the next attempt
===============================================  ====================================================

Where that is to create, but the controller has given up the deletion of any of them (`stopping.is_given_up`), that one
is reported instead, however often it was: its execution may run on, and another one would run beside it.

What another run of the same id has left is not this run's (`core.resource.launched_by`): it is neither attached to nor
stopped, and its names are not given again.

Airflow 3.3 tells the trigger of a cleared task, earlier ones nobody; and by the time that the trigger hears of it, the
next try may run already. So that try itself stops what the clear was meant to stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.identity import LABEL_ATTEMPT
from airflow_ack_sagemaker.core.resource.launched_by import Relation, Try, launched_by, relation_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.run.reported import is_reported, reported_by
from airflow_ack_sagemaker.core.run.stopping import is_given_up, may_run


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
    attempt whose failure a new one follows without a clear between. ``left_alone`` are the active resources of another
    run of the same id.
    """

    action: Action
    attempt: int
    why: str
    resource: Resource | None = None
    outcome: Outcome | None = None
    failed: Resource | None = None
    left_alone: tuple[Outcome, ...] = ()


def decide(resources: Sequence[Resource], tried: Try, *, first_attempt: int = 1) -> Decision:
    """Decide what this try does.

    :param resources: those with the run's identity, as the cluster has them now, in any order.
    :param tried: this try, as Airflow's database has it.
    :param first_attempt: number of the attempt where the cluster has none any more. It is the same for all tries
        between two clears, so that a request of an earlier try that is still on its way meets the same name.
    """
    relations = [(resource, relation_of(resource, tried)) for resource in resources]
    mine = [resource for resource, related in relations if related is not Relation.ANOTHER_RUN]
    others = [classify(resource) for resource, related in relations if related is Relation.ANOTHER_RUN]
    left_alone = tuple(outcome for outcome in others if may_run(outcome) and outcome.state is not State.DELETING)
    following = max([first_attempt, *(attempt_of(resource) + 1 for resource in resources)])
    if not mine:
        why = "nothing was launched for this run yet"
        if others:
            why += f"; {others[0].name} was launched for another run of this id, or by another Airflow"
        return Decision(Action.CREATE, following, why, left_alone=left_alone)
    newest = max(mine, key=attempt_of)
    cleared = relation_of(newest, tried) is Relation.CLEARED or _cleared_after_success(newest, tried)
    decision = _about(newest, following, cleared=cleared)
    if decision.action is Action.CREATE:
        decision = _unless_one_runs_on(mine) or decision
    return Decision(
        decision.action,
        decision.attempt,
        decision.why,
        decision.resource,
        decision.outcome,
        decision.failed,
        left_alone,
    )


def _about(newest: Resource, following: int, *, cleared: bool) -> Decision:
    attempt, outcome, reported = attempt_of(newest), classify(newest), is_reported(newest)
    name = outcome.name
    if outcome.state is State.DELETING:
        # After a clear, what comes next waits until it has stopped, whoever has asked it to.
        return Decision(Action.CREATE, following, f"{name} is being deleted", outcome=outcome if cleared else None)
    if not outcome.finished and cleared:
        why = f"{name} is still active, but the task was cleared, which stops it"
        return Decision(Action.CREATE, following, why, outcome=outcome)
    if not outcome.finished:
        return Decision(Action.ATTACH, attempt, f"{name} is still active", newest, outcome)
    if cleared:
        return Decision(Action.CREATE, following, f"{name} ended as {outcome.state}, then the task was cleared")
    if outcome.state is State.SUCCEEDED:
        return Decision(Action.TAKE, attempt, f"{name} has succeeded", newest, outcome)
    if outcome.state is State.STOPPED:
        return Decision(Action.TAKE, attempt, f"{name} was stopped, which no retry undoes", newest, outcome)
    if reported:
        failed = newest if outcome.state is State.FAILED else None
        return Decision(Action.CREATE, following, f"{name} ended as {outcome.state} before", failed=failed)
    return Decision(Action.TAKE, attempt, f"{name} ended as {outcome.state} and was never reported", newest, outcome)


def _unless_one_runs_on(mine: Sequence[Resource]) -> Decision | None:
    """What comes instead of a creation where an execution of the run can neither be stopped nor followed to its end."""
    found = [(resource, outcome) for resource in mine if is_given_up(outcome := classify(resource))]
    if not found:
        return None
    resource, outcome = max(found, key=lambda one: attempt_of(one[0]))
    why = f"the controller has given up the deletion of {outcome.name}, so that it may run on"
    return Decision(Action.TAKE, attempt_of(resource), why, resource, outcome)


def attempt_of(resource: Resource) -> int:
    """The attempt number in a resource's labels; 0 where it has none."""
    value = fields.label(resource, LABEL_ATTEMPT)
    return int(value) if value.isdecimal() and value.isascii() and len(value) <= 9 else 0


def _cleared_after_success(newest: Resource, tried: Try) -> bool:
    """Whether a try follows one that has reported a success, and the run was cleared in between.

    No retry follows a success, so it was this task that was cleared, though edited retries may have left ``max_tries``
    as it was. (Airflow 3.1 and 3.2 count only the clears of a run that has ended.)
    """
    recorded, by = launched_by(newest), reported_by(newest)
    succeeded = classify(newest).state is State.SUCCEEDED
    more = recorded is not None and tried.clear_number > recorded.clear_number
    return succeeded and more and by is not None and by < tried.number

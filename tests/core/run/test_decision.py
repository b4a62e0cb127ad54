"""One execution per run, whatever an earlier try has left: the table of `decide`, row by row."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_LAUNCHED_BY, LABEL_ATTEMPT
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.status import classify
from airflow_ack_sagemaker.core.run.deadlines import Verdict
from airflow_ack_sagemaker.core.run.decision import Action, Decision, attempt_of
from airflow_ack_sagemaker.core.run.decision import decide as decide_for
from airflow_ack_sagemaker.core.run.endings import ending
from airflow_ack_sagemaker.core.run.reported import is_reported, report, reported_at
from tests.core.resources import NOT_SYNCED, SYNCED, condition, execution, recoverable, terminal


def tried(first_try: int) -> Try:
    """A try after so many others, before each of which the task was cleared."""
    return Try(number=first_try, max_tries=first_try - 1)


def decide(resources: list[dict[str, Any]], *, first_try: int) -> Decision:
    return decide_for(resources, tried(first_try), first_attempt=first_try)


def left(
    *conditions: dict[str, Any], attempt: int = 1, first_try: int = 1, reported: bool = False, **said: Any
) -> dict[str, Any]:
    """A resource that an earlier try has left."""
    annotations = {ANNOTATION_LAUNCHED_BY: tried(first_try).to_text()}
    metadata: dict[str, Any] = {
        "labels": {LABEL_ATTEMPT: str(attempt)},
        "annotations": annotations,
        "name": f"abalone-{attempt}",
    }
    if said.pop("deletion", False):
        metadata["deletionTimestamp"] = "2026-11-01T03:10:00Z"
    body = execution(*conditions, **said, **metadata)
    if reported:
        annotations.update(report(classify(body), try_number=1, now=0)["metadata"]["annotations"])
    return body


ACTIVE = {"running": left(NOT_SYNCED, said="Executing"), "unseen": left(), "retrying": left(recoverable("slow down"))}
FAILURES: dict[str, dict[str, Any]] = {
    "failed": {"conditions": (SYNCED,), "said": "Failed"},
    "stopped": {"conditions": (SYNCED,), "said": "Stopped"},
    "refused": {"conditions": (terminal("ResourceNotFound"),)},
}


def failure(name: str, **kwargs: Any) -> dict[str, Any]:
    values = dict(FAILURES[name])
    return left(*values.pop("conditions"), **values, **kwargs)


def test_nothing_yet_creates_the_first_attempt() -> None:
    decision = decide([], first_try=1)
    assert (decision.action, decision.attempt) == (Action.CREATE, 1)


def test_collected_attempts_are_never_named_again_after_a_clear() -> None:
    assert decide([], first_try=4).attempt == 4


@pytest.mark.parametrize("name", sorted(ACTIVE))
def test_what_is_active_is_attached_to(name: str) -> None:
    decision = decide([ACTIVE[name]], first_try=1)
    assert (decision.action, decision.attempt, decision.resource) == (Action.ATTACH, 1, ACTIVE[name])


@pytest.mark.parametrize("name", sorted(ACTIVE))
def test_what_is_active_and_was_cleared_is_stopped_and_launched_anew(name: str) -> None:
    decision = decide([ACTIVE[name]], first_try=3)
    assert (decision.action, decision.attempt, decision.resource) == (Action.CREATE, 3, None)
    assert decision.outcome is not None
    assert decision.outcome.name == "abalone-1"


def test_after_a_clear_what_is_being_stopped_is_waited_for() -> None:
    stopping = left(NOT_SYNCED, said="Stopping", deletion=True)
    cleared, retried = decide([stopping], first_try=2), decide([stopping], first_try=1)
    assert (cleared.action, cleared.attempt, cleared.outcome) == (Action.CREATE, 2, classify(stopping))
    assert (retried.action, retried.attempt, retried.outcome) == (Action.CREATE, 2, None)


@pytest.mark.parametrize(
    ("reported", "first_try", "action", "attempt"),
    [
        (False, 1, Action.TAKE, 1),
        (True, 1, Action.TAKE, 1),  # died between reporting and ending: never launched twice
        (False, 3, Action.CREATE, 3),  # a clear asks for another run, whatever was told
        (True, 3, Action.CREATE, 3),
    ],
)
def test_a_success(reported: bool, first_try: int, action: Action, attempt: int) -> None:
    decision = decide([left(SYNCED, said="Succeeded", reported=reported)], first_try=first_try)
    assert (decision.action, decision.attempt) == (action, attempt)


@pytest.mark.parametrize("name", sorted(FAILURES))
@pytest.mark.parametrize(
    ("reported", "first_try", "action", "attempt"),
    [
        (False, 1, Action.TAKE, 1),
        (True, 1, Action.CREATE, 2),
        (False, 2, Action.CREATE, 2),
        (True, 5, Action.CREATE, 5),
    ],
)
def test_a_failure(name: str, reported: bool, first_try: int, action: Action, attempt: int) -> None:
    decision = decide([failure(name, reported=reported)], first_try=first_try)
    if name == "stopped" and first_try == 1:
        action, attempt = Action.TAKE, 1  # the task's end was lost: a retry must not start what was stopped
    assert (decision.action, decision.attempt) == (action, attempt)


def test_only_a_retry_knows_the_failure_that_it_follows() -> None:
    reported = failure("failed", reported=True)
    assert decide([reported], first_try=1).failed is reported
    assert decide([reported], first_try=3).failed is None, "a clear runs everything"
    assert decide([failure("refused", reported=True)], first_try=1).failed is None
    assert decide([failure("stopped", reported=True)], first_try=1).failed is None


def test_when_it_was_reported_is_known_or_not() -> None:
    told = left(SYNCED, said="Failed")
    assert reported_at(told) is None
    told["metadata"]["annotations"].update(report(classify(told), try_number=1, now=7.9)["metadata"]["annotations"])
    assert reported_at(told) == datetime(1970, 1, 1, 0, 0, 7, tzinfo=timezone.utc)


def test_what_is_being_deleted_is_not_attached_to() -> None:
    stopping = left(NOT_SYNCED, said="Stopping")
    stopping["metadata"]["deletionTimestamp"] = "2026-11-01T03:10:00Z"
    decision = decide([stopping], first_try=1)
    assert (decision.action, decision.attempt) == (Action.CREATE, 2)


@pytest.mark.parametrize("newest", [None, "failed"])
@pytest.mark.parametrize(("reported", "first_try"), [(False, 1), (True, 1), (True, 3)])
def test_beside_what_the_controller_cannot_stop_nothing_is_launched(
    newest: str | None, reported: bool, first_try: int
) -> None:
    no = condition("ACK.Terminal", "True", "it cannot be", at="2026-11-01T03:10:01Z")
    runs_on = left(no, said="Executing", deletion=True, reported=reported)
    others = [] if newest is None else [failure(newest, attempt=2, reported=True)]
    decision = decide([runs_on, *others], first_try=first_try)
    assert (decision.action, decision.attempt, decision.resource) == (Action.TAKE, 1, runs_on)
    assert decision.outcome is not None
    told = ending(decision.outcome, Verdict.REACHED)
    assert "it may run on" in told
    assert str(decision.outcome.arn) in told
    assert "remove the resource's finalizer" in told
    ended = left(no, said="Failed", deletion=True, reported=True)
    assert decide([ended], first_try=first_try).action is Action.CREATE, "SageMaker says that this one has ended"


def test_the_newest_attempt_decides_in_any_order() -> None:
    old, new = failure("failed", attempt=9, reported=True), left(NOT_SYNCED, said="Executing", attempt=10)
    for resources in ([old, new], [new, old]):
        assert decide(resources, first_try=1).resource is new


def test_a_report_is_an_annotation_and_counts() -> None:
    body = left(SYNCED, said="Failed")
    assert not is_reported(body)
    body["metadata"]["annotations"]["airflow-ack-sagemaker/reported"] = '{"state":"InProgress","try":1,"at":1}'
    assert not is_reported(body), "that it was launched says nothing about its end"
    body["metadata"]["annotations"].update(report(classify(body), try_number=2, now=0)["metadata"]["annotations"])
    assert is_reported(body)


def test_labels_that_somebody_spoilt_do_no_harm() -> None:
    body = left(SYNCED, said="Failed", reported=True)
    body["metadata"]["labels"][LABEL_ATTEMPT] = "many"
    assert attempt_of(body) == 0
    assert decide([body], first_try=1).attempt == 1
    body["metadata"]["labels"][LABEL_ATTEMPT] = "²"
    assert attempt_of(body) == 0


def test_a_clear_that_edited_retries_hide_is_known_by_the_success_before_it() -> None:
    """Retries lowered from 1 to 0, then a clear: max_tries stays 1, but no retry follows a success."""
    done = left(SYNCED, said="Succeeded", reported=True)
    done["metadata"]["annotations"][ANNOTATION_LAUNCHED_BY] = Try(number=1, max_tries=1, clear_number=0).to_text()
    cleared = decide_for([done], Try(number=2, max_tries=1, clear_number=1))
    assert (cleared.action, cleared.attempt) == (Action.CREATE, 2)
    lost = decide_for([done], Try(number=2, max_tries=1, clear_number=0))
    assert lost.action is Action.TAKE, "the process died between its report and its end"


def test_what_another_run_of_the_id_has_left_is_neither_attached_to_nor_stopped() -> None:
    active = left(NOT_SYNCED, said="Executing")
    active["metadata"]["annotations"][ANNOTATION_LAUNCHED_BY] = Try(run_start="2026-11-02T03:00:00+00:00").to_text()
    decision = decide_for([active], Try(run_start="2026-11-09T03:00:00+00:00"))
    assert (decision.action, decision.attempt, decision.outcome) == (Action.CREATE, 2, None)
    assert [outcome.name for outcome in decision.left_alone] == ["abalone-1"]

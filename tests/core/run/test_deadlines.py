from __future__ import annotations

import pytest

from airflow_ack_sagemaker.core.resource.freshness import prune
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify, gone
from airflow_ack_sagemaker.core.run.deadlines import Deadlines, Goal, Verdict, goes_on, next_deadline, verdict_of
from airflow_ack_sagemaker.core.run.endings import ending
from tests.core.resources import NOT_SYNCED, SYNCED, execution, recoverable, terminal

PATIENCE = Deadlines(reconcile_by=100.0, recover_by=200.0, finish_by=300.0)
RUNNING = classify(execution(NOT_SYNCED, said="Executing"))
UNSEEN = classify(execution())
RETRYING = classify(execution(recoverable("ValidationException: bad")))


@pytest.mark.parametrize(
    ("outcome", "now", "verdict"),
    [
        (UNSEEN, 99.9, None),
        (UNSEEN, 100.0, Verdict.NOT_RECONCILED),
        (UNSEEN, 400.0, Verdict.NOT_RECONCILED),
        (RETRYING, 150.0, None),
        (RETRYING, 200.0, Verdict.STUCK),
        (RUNNING, 299.0, None),
        (RUNNING, 300.0, Verdict.TIMED_OUT),
        (classify(execution(SYNCED, said="Succeeded")), 999.0, Verdict.REACHED),
        (classify(execution(SYNCED, said="Failed")), 999.0, Verdict.REACHED),
        (classify(execution(terminal("no"))), 0.0, Verdict.REACHED),
        (gone(RUNNING), 0.0, Verdict.REACHED),
    ],
)
def test_each_wait_has_its_own_end(outcome: Outcome, now: float, verdict: Verdict | None) -> None:
    assert verdict_of(outcome, PATIENCE, now) is verdict


@pytest.mark.parametrize(("outcome", "deadline"), [(UNSEEN, 100.0), (RETRYING, 200.0), (RUNNING, 300.0)])
def test_the_next_deadline_is_that_of_the_state(outcome: Outcome, deadline: float) -> None:
    assert next_deadline(outcome, PATIENCE) == deadline
    assert next_deadline(outcome, Deadlines()) is None
    assert verdict_of(outcome, Deadlines(), 1e12) is None


def test_an_unknown_status_is_waited_for_since_it_was_written() -> None:
    odd = execution(NOT_SYNCED, said="Transmogrifying")
    odd["metadata"]["creationTimestamp"] = "1970-01-01T00:00:10Z"
    assert classify(odd).since == 10.0
    odd["metadata"]["managedFields"] = [
        {"manager": "airflow", "time": "1970-01-01T01:00:00Z"},
        {"manager": "ack-sagemaker", "subresource": "status", "time": "1970-01-01T00:01:00Z"},
    ]
    assert classify(prune(odd)).since == classify(odd).since, "a triggerer knows it, too"
    outcome, deadlines = classify(odd), Deadlines(recover_by=5.0, unknown_seconds=30.0)
    assert next_deadline(outcome, deadlines) == 90.0
    assert verdict_of(outcome, deadlines, 89.0) is None
    assert verdict_of(outcome, deadlines, 90.0) is Verdict.TIMED_OUT
    message = ending(outcome, Verdict.TIMED_OUT)
    assert "Transmogrifying" in message
    assert "recoverable_timeout" in message


def test_started_is_enough_where_it_is_asked_for() -> None:
    assert verdict_of(RUNNING, PATIENCE, 0.0, goal=Goal.STARTED) is Verdict.REACHED
    assert verdict_of(UNSEEN, PATIENCE, 0.0, goal=Goal.STARTED) is None
    assert verdict_of(RETRYING, PATIENCE, 0.0, goal=Goal.STARTED) is None


def test_gone_is_waited_for_through_any_end() -> None:
    failed = classify(execution(SYNCED, said="Failed"))
    assert verdict_of(failed, PATIENCE, 0.0, goal=Goal.GONE) is None
    assert verdict_of(gone(failed), PATIENCE, 0.0, goal=Goal.GONE) is Verdict.REACHED


def test_patience_survives_a_trigger() -> None:
    assert Deadlines.from_dict(PATIENCE.to_dict()) == PATIENCE


@pytest.mark.parametrize(
    ("outcome", "verdict", "words"),
    [
        (
            UNSEEN,
            Verdict.NOT_RECONCILED,
            ["pipelineexecution/abalone", "namespace ml", "nobody reconciles", "reconcile_timeout"],
        ),
        (RETRYING, Verdict.STUCK, ["tried in vain", "recoverable_timeout", "ValidationException: bad", "To do:"]),
        (RUNNING, Verdict.TIMED_OUT, ["timed out", "Executing", "To do:"]),
        (
            classify(execution(SYNCED, said="Failed", reason="Step failure")),
            Verdict.REACHED,
            ["failed", "Reason: Step failure", "arn:"],
        ),
        (classify(execution(SYNCED, said="Stopped")), Verdict.REACHED, ["was stopped", "To do:"]),
        (
            classify(execution(terminal("ResourceNotFound: Pipeline"))),
            Verdict.REACHED,
            ["ACK.Terminal", "nothing was started", "To do:"],
        ),
        (gone(RUNNING), Verdict.REACHED, ["is gone", "deleted while it was followed"]),
    ],
)
def test_every_ending_says_what_why_and_what_to_do(outcome: Outcome, verdict: Verdict, words: list[str]) -> None:
    message = ending(outcome, verdict)
    for word in words:
        assert word in message


HEADLINES = {
    State.FAILED: "failed.",
    State.STOPPED: "was stopped.",
    State.REFUSED: "refused for good by the ACK controller (ACK.Terminal); nothing was started.",
    State.GONE: "is gone.",
}


@pytest.mark.parametrize("state", [state for state in State if state is not State.SUCCEEDED])
def test_every_state_that_is_no_success_has_a_headline(state: State) -> None:
    outcome = Outcome("Pipeline", "p", "ml", state)
    assert ending(outcome, Verdict.REACHED) == f"{outcome.resource}: {HEADLINES.get(state, f'{state}.')}"


def test_what_is_still_stuck_is_not_waited_for_again() -> None:
    assert goes_on(Verdict.NOT_RECONCILED, RUNNING)
    assert goes_on(Verdict.NOT_RECONCILED, RETRYING)
    assert goes_on(Verdict.STUCK, RUNNING)
    assert not goes_on(Verdict.STUCK, RETRYING)

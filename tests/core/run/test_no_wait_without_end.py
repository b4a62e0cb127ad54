"""No state is waited for without end: a deletion, a finalizer without a status, a deferral, a retry after a timeout."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.freshness import prune
from airflow_ack_sagemaker.core.resource.server_clock import ServerClock
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify, gone
from airflow_ack_sagemaker.core.run.deadlines import (
    DELETION_GRACE,
    DELETION_TIMEOUT,
    Deadlines,
    Goal,
    Verdict,
    finish_by,
    goes_on,
    next_deadline,
    noted,
    seconds_late,
    timed_out_before,
    verdict_of,
)
from airflow_ack_sagemaker.core.run.endings import ending
from airflow_ack_sagemaker.core.run.then import Then, then
from tests.core.resources import NOT_SYNCED, SYNCED, execution, recoverable

ASKED = datetime(2026, 11, 1, 3, 10, tzinfo=timezone.utc).timestamp()
FINALIZER: dict[str, Any] = {"finalizers": ["finalizers.sagemaker.services.k8s.aws/PipelineExecution"]}
DELETED: dict[str, Any] = {"deletionTimestamp": "2026-11-01T03:10:00Z", **FINALIZER}

DELETIONS = {
    "stopping": classify(execution(said="Stopping", **DELETED)),
    "nothing said": classify(execution(**DELETED)),
    "tried in vain": classify(execution(recoverable("AccessDenied"), said="Stopping", **DELETED)),
    "ended, not let go": classify(execution(SYNCED, said="Stopped", **DELETED)),
}


@pytest.mark.parametrize("name", DELETIONS)
def test_a_deletion_that_nobody_ends_is_given_up(name: str) -> None:
    outcome = DELETIONS[name]
    assert outcome.deleted == ASKED
    deadlines = Deadlines(begun=ASKED + 5)
    end = ASKED + DELETION_TIMEOUT
    assert next_deadline(outcome, deadlines, goal=Goal.GONE) == end
    assert verdict_of(outcome, deadlines, end - 1, goal=Goal.GONE) is None
    assert verdict_of(outcome, deadlines, end, goal=Goal.GONE) is Verdict.TIMED_OUT
    assert verdict_of(gone(outcome), deadlines, end, goal=Goal.GONE) is Verdict.REACHED
    message = ending(outcome, Verdict.TIMED_OUT)
    assert "its finalizer is still there" in message
    assert "not running or was uninstalled" in message


@pytest.mark.parametrize("name", ["stopping", "nothing said"])
def test_one_that_was_followed_to_its_end_is_given_up_too(name: str) -> None:
    outcome = DELETIONS[name]
    assert outcome.state is State.DELETING
    assert verdict_of(outcome, Deadlines(begun=0.0), ASKED + DELETION_TIMEOUT) is Verdict.TIMED_OUT


def test_a_triggerer_knows_when_the_deletion_was_asked_for() -> None:
    raw = execution(said="Stopping", **DELETED)
    assert classify(prune(raw)).deleted == ASKED
    assert Outcome.from_dict(classify(raw).to_dict()).deleted == ASKED


def test_a_clock_that_is_behind_gives_up_no_deletion_at_once() -> None:
    begun = ASKED + 3_600  # the API server's clock is an hour behind, or the deletion an hour old
    deadlines = Deadlines(begun=begun)
    assert verdict_of(DELETIONS["stopping"], deadlines, begun + DELETION_GRACE - 1, goal=Goal.GONE) is None
    assert verdict_of(DELETIONS["stopping"], deadlines, begun + DELETION_GRACE, goal=Goal.GONE) is Verdict.TIMED_OUT


def test_a_deletion_may_be_waited_for_without_end_where_the_author_says_so() -> None:
    assert verdict_of(DELETIONS["stopping"], Deadlines(deletion_seconds=None), 1e12, goal=Goal.GONE) is None


def test_a_deletion_that_does_not_show_is_given_up() -> None:
    running = classify(execution(NOT_SYNCED, said="Executing"))
    deadlines = Deadlines(begun=100.0)
    assert verdict_of(running, deadlines, 100.0 + DELETION_TIMEOUT, goal=Goal.GONE) is Verdict.TIMED_OUT


def test_a_finalizer_without_a_status_is_not_reconciled() -> None:
    """The controller took it up and died, or was uninstalled, before its first word."""
    taken_up = classify(execution(**FINALIZER))
    deadlines = Deadlines(reconcile_by=100.0, recover_by=200.0)
    assert taken_up.state is State.IN_PROGRESS
    assert next_deadline(taken_up, deadlines) == 100.0
    assert verdict_of(taken_up, deadlines, 99.0) is None
    assert verdict_of(taken_up, deadlines, 100.0) is Verdict.NOT_RECONCILED
    assert not goes_on(Verdict.NOT_RECONCILED, taken_up), "it looks as it did before"
    message = ending(taken_up, Verdict.NOT_RECONCILED)
    assert "has said nothing since" in message
    assert "To do:" in message


def test_a_word_without_a_start_is_tried_in_vain() -> None:
    unsynced = classify(execution({**NOT_SYNCED, "message": "waiting"}))
    assert not unsynced.started
    deadlines = Deadlines(reconcile_by=100.0, recover_by=200.0)
    assert verdict_of(unsynced, deadlines, 150.0) is None
    assert verdict_of(unsynced, deadlines, 200.0) is Verdict.STUCK


def test_execution_timeout_holds_and_leaves_what_runs() -> None:
    running = classify(execution(NOT_SYNCED, said="Executing"))
    deadlines = Deadlines(finish_by=500.0, execution_by=300.0)
    assert next_deadline(running, deadlines) == 300.0
    assert verdict_of(running, deadlines, 300.0) is Verdict.EXECUTION_TIMED_OUT
    assert then(Verdict.EXECUTION_TIMED_OUT, on_timeout="stop") is Then.LEAVE
    message = ending(running, Verdict.EXECUTION_TIMED_OUT)
    assert "execution_timeout" in message
    assert "left as it is" in message


@pytest.mark.parametrize(
    ("timeout", "age", "end", "anew"),
    [
        (None, 1_000.0, None, False),
        (100.0, 10.0, 1_090.0, False),  # a retry goes on where a lost worker was
        (100.0, 1_000.0, 1_100.0, True),  # a retry after a timeout waits its own share
        (100.0, 100.0, 1_100.0, True),
        (100.0, None, 1_100.0, False),
    ],
)
def test_a_retry_after_a_timeout_waits_its_own_share(
    timeout: float | None, age: float | None, end: float | None, anew: bool
) -> None:
    assert finish_by(timeout, age=age, begun=1_000.0) == end
    assert timed_out_before(timeout, age=age) is anew


def test_a_late_end_is_told_by_how_much() -> None:
    """By stamps of one clock, so that this machine's does not matter."""
    ended = execution(SYNCED, said="Succeeded")
    assert seconds_late(5.0, classify(ended)) == 0.0, "when it ended is not known"
    ended["metadata"]["creationTimestamp"] = "2026-11-01T03:00:00Z"
    ended["metadata"]["managedFields"] = [{"subresource": "status", "time": "2026-11-01T03:02:40Z"}]
    outcome = classify(prune(ended))
    assert seconds_late(100.0, outcome) == 60.0
    assert seconds_late(200.0, outcome) == seconds_late(None, outcome) == 0.0


@pytest.mark.parametrize("ahead", [-600.0, -5.0, 5.0, 600.0, 3_600.0])
def test_deadlines_mean_the_same_on_a_machine_whose_clock_differs(ahead: float) -> None:
    written = Deadlines(reconcile_by=1_300.0, finish_by=4_600.0, begun=1_000.0).handed_over(1_010.0, ServerClock(40.0))
    now = 1_013.0 + ahead  # three seconds later
    assert written.moment is not None
    assert written.moment.doubtful(now) == (not 0 <= 3.0 + ahead <= 60)
    read = Deadlines.from_dict(written.to_dict()).read_at(now, ServerClock(40.0 - ahead))
    assert (read.reconcile_by, read.finish_by, read.begun) == (1_300.0 + ahead, 4_600.0 + ahead, 1_000.0 + ahead)
    again = read.handed_over(now + 5)
    assert again.told_server == 1_058.0, "the API server's time goes on with the deadlines"


def test_deadlines_of_clocks_that_make_no_sense_begin_anew() -> None:
    """The writer's clock was ahead, and the API server's was set back since."""
    written = Deadlines(finish_by=5_000.0).handed_over(4_600.0, ServerClock(0.0))
    assert written.read_at(1_000.0, ServerClock(0.0)).finish_by == 1_400.0
    assert written.read_at(1_000.0).finish_by == 1_400.0
    assert Deadlines(finish_by=5.0).read_at(1_000.0).finish_by == 5.0, "of an older version: as it is"


@pytest.mark.parametrize(("offset", "known"), [(0.0, 30.0), (-600.0, 30.0), (3_600.0, 30.0), (None, 0.0)])
def test_a_stamp_of_the_first_look_is_as_old_as_the_servers_clock_says(offset: float | None, known: float) -> None:
    outcome, now = DELETIONS["stopping"], ASKED + 30.0 - (offset or 0.0)
    clock = None if offset is None else ServerClock(offset)
    first = noted(outcome, None, now, clock)
    assert first.noted == now - known
    assert noted(outcome, first, now + 500, clock).noted == first.noted, "it does not move"
    deadlines = Deadlines(begun=now)
    end = now - known + DELETION_TIMEOUT
    assert verdict_of(first, deadlines, end - 1) is None
    assert verdict_of(first, deadlines, end) is Verdict.TIMED_OUT


def test_a_stamp_of_the_future_and_one_that_comes_while_it_is_followed_count_from_now() -> None:
    outcome, now = DELETIONS["stopping"], ASKED - 3_600
    assert noted(outcome, None, now, ServerClock(0.0)).noted == now
    running = classify(execution(NOT_SYNCED, said="Executing"))
    assert noted(outcome, running, ASKED + 9_999, ServerClock(0.0)).noted == ASKED + 9_999


def test_deadlines_survive_a_trigger_and_one_from_an_older_version_is_understood() -> None:
    deadlines = Deadlines(reconcile_by=1.0, execution_by=2.0).since(3.0)
    assert Deadlines.from_dict(deadlines.to_dict()) == deadlines
    assert deadlines.since(4.0).begun == 3.0
    assert Deadlines.from_dict({"reconcile_by": 1.0, "recover_by": None, "finish_by": None}).deletion_seconds

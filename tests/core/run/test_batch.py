"""A batch: where each execution stands, what is launched next, and how little a try must remember for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_REPORTED, RunIdentity
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, SpecError
from airflow_ack_sagemaker.core.resource.server_clock import ServerClock
from airflow_ack_sagemaker.core.resource.status import classify
from airflow_ack_sagemaker.core.run.batch import (
    FailurePolicy,
    Member,
    Standing,
    by_number,
    members_of,
    next_actions,
    result_of,
    summary,
)
from airflow_ack_sagemaker.core.run.batch_input import entries_of, spare_failures
from airflow_ack_sagemaker.core.run.batch_progress import Progress, Waits, from_ranges, to_ranges
from airflow_ack_sagemaker.core.run.batch_wait import GATHER, BatchWait
from airflow_ack_sagemaker.core.run.deadlines import Verdict
from tests.core.resources import NOT_SYNCED, SYNCED

RUN = RunIdentity("dag", "run", "train", -1)
CREATED = 1_793_502_000.0  # 2026-11-01T03:00:00Z
WAITS = Waits(reconcile=300, recover=900, whole=None)


def made(index: int, said: str | None = None, *, attempt: int = 1, first_try: int = 1, reported: bool = False) -> Any:
    tried = Try(number=first_try, max_tries=first_try - 1)
    body = ExecutionSpec("abalone").manifest("ml", RUN.member(index), attempt=attempt, tried=tried)
    body["metadata"] |= {"uid": f"u-{index}-{attempt}", "creationTimestamp": "2026-11-01T03:00:00Z"}
    if said:
        ended = said not in ("Executing", "Stopping")
        body["status"] = {"pipelineExecutionStatus": said, "conditions": [SYNCED if ended else NOT_SYNCED]}
    if reported:
        body["metadata"]["annotations"][ANNOTATION_REPORTED] = json.dumps({"state": said, "try": 1, "at": 1})
    return body


def members(
    *resources: Any, count: int = 4, first_try: int = 1, progress: Progress | None = None, now: float = CREATED + 1
) -> list[Member]:
    return members_of(
        by_number(resources, RUN),
        range(count),
        Try(number=first_try, max_tries=first_try - 1),
        first_attempt=first_try,
        progress=progress or Progress(CREATED),
        waits=WAITS,
        now=now,
    )


def test_names_of_a_batch_are_apart_and_begin_alike() -> None:
    names = {RUN.member(index).resource_name("p" * 99, attempt) for index in range(20) for attempt in (1, 2)}
    assert len(names) == 40
    assert {name.rpartition("-")[0].rpartition("-")[0] for name in names} == {RUN.stem("p" * 99)}
    assert len(RUN.member(999_999).resource_name("p" * 99, 99_999)) == 63
    assert RUN.member(3).labels()["airflow-ack-sagemaker/run"] == RUN.labels()["airflow-ack-sagemaker/run"]
    assert RUN.of_run(made(3))
    assert not RUN.owns(made(3))
    assert not RUN.of_run({"metadata": {"annotations": {"airflow-ack-sagemaker/identity": "7"}}})


def test_a_retry_takes_attaches_and_launches_only_what_failed() -> None:
    found = members(
        made(0, "Succeeded", reported=True),
        made(1, "Executing"),
        made(2, "Failed", reported=True),
        made(3, "Stopped", reported=True),
        count=5,
    )
    assert [(m.standing, m.attempt) for m in found] == [
        (Standing.ENDED, 1),
        (Standing.ACTIVE, 1),
        (Standing.WAITING, 2),
        (Standing.ENDED, 1),
        (Standing.WAITING, 1),
    ]
    assert found[0].succeeded
    assert found[3].stopped_by_somebody, "what somebody has stopped is not started again"


def test_a_clear_launches_all_again() -> None:
    resources = [made(index, said, reported=True) for index, said in enumerate(("Succeeded", "Failed", "Stopped"))]
    found = members(*resources, count=3, first_try=3)
    assert [(m.standing, m.attempt) for m in found] == [(Standing.WAITING, 3)] * 3


def test_what_still_runs_when_the_task_was_cleared_is_stopped_first() -> None:
    (member,) = members(made(0, "Executing"), count=1, first_try=3)
    assert (member.standing, member.attempt) == (Standing.WAITING, 3)
    assert member.cleared is not None
    assert member.cleared.name == made(0)["metadata"]["name"]


def test_what_failed_in_this_try_has_ended() -> None:
    assert [m.failed for m in members(made(0, "Failed"), count=1)] == [True]


def test_what_was_there_in_this_try_and_is_gone_is_not_launched_again() -> None:
    deleting = made(1, "Stopping")
    deleting["metadata"]["deletionTimestamp"] = "2026-11-01T03:00:00Z"
    progress = Progress(CREATED, touched={0, 1, 2}, stopped={2})
    found = members(deleting, progress=progress)
    assert [m.standing for m in found] == [*[Standing.ENDED] * 3, Standing.WAITING]
    assert [m.stopped_by_somebody for m in found[:3]] == [True, True, False]
    assert result_of(found[2], {})["state"] == "Stopped"


def test_what_is_deleted_after_it_has_ended_keeps_its_end() -> None:
    watched = batch_wait(count=4)
    watched.progress.touched = {0, 1, 2, 3}
    for index, said in enumerate(("Succeeded", "Failed", "Stopped", "Executing")):
        watched.see(index, made(index, said), CREATED)
    told = Progress.from_dict(json.loads(json.dumps(watched.progress.to_dict())))
    found = members(progress=told)
    assert [m.standing for m in found] == [Standing.ENDED] * 4
    assert [result_of(m, {})["state"] for m in found] == ["Succeeded", "Failed", "Stopped", "Gone"]
    assert [m.stopped_by_somebody for m in found] == [False, False, True, True]


@pytest.mark.parametrize(
    ("said", "doubted"),
    [("Failed", False), ("Succeeded", True)],
    ids=["it was reported", "it ran another's definition"],
)
def test_the_end_of_an_attempt_is_none_of_the_next_one(said: str, doubted: bool) -> None:
    """A list that comes after the second attempt was deleted has the first one only."""
    first = made(0, said, reported=True)
    progress = Progress(CREATED, touched={0}, proven={0: CREATED}, next_attempt={0: 2} if doubted else {})
    progress.saw(0, 1, classify(first))
    (member,) = members(first, count=1, progress=Progress.from_dict(json.loads(json.dumps(progress.to_dict()))))
    assert (member.attempt, result_of(member, {})["state"]) == (2, "Gone")
    assert member.stopped_by_somebody


def test_an_attempt_that_does_not_count_leaves_nothing_to_remember() -> None:
    progress = Progress(CREATED, touched={0}, proven={0: CREATED}, next_attempt={0: 2})
    progress.saw(0, 1, classify(made(0, "Succeeded")))
    progress.forget(0)
    (member,) = members(made(0, "Succeeded"), count=1, progress=progress)
    assert (member.standing, member.attempt) == (Standing.WAITING, 2), "it waits for its place, and is not lost"


def test_what_is_proven_is_proven_of_one_very_resource() -> None:
    progress = Progress(CREATED)
    progress.prove(3, made(3))
    progress = Progress.from_dict(json.loads(json.dumps(progress.to_dict())))
    assert progress.is_proven(3, made(3))
    again = made(3)
    again["metadata"]["creationTimestamp"] = "2026-11-01T03:00:07Z"
    assert not progress.is_proven(3, again), "somebody has made it anew"
    assert not progress.is_proven(2, made(2))


def test_resources_of_others_are_nobodys() -> None:
    foreign = made(0, "Executing")
    foreign["metadata"]["annotations"]["airflow-ack-sagemaker/identity"] = "[]"
    assert members(foreign, count=1)[0].standing is Standing.WAITING


def test_patience_counts_for_each_alone_and_from_this_try() -> None:
    assert members(made(0), count=1, now=CREATED + 301)[0].verdict is Verdict.NOT_RECONCILED
    waits, later = Waits(reconcile=300, whole=2_000), Progress(CREATED + 1_000, launched={7: CREATED + 1_500})
    (outcome,) = (m.outcome for m in members(made(0), count=1))
    assert outcome is not None
    later.hand_over(CREATED + 1_000, ServerClock())
    assert later.deadlines_of(0, outcome, waits).reconcile_by == CREATED + 1_300
    assert later.deadlines_of(0, outcome, waits).finish_by == CREATED + 2_000
    assert later.deadlines_of(7, outcome, waits).finish_by == CREATED + 3_500, "what it launched counts from then"
    later.oldest = 400.0
    assert later.deadlines_of(0, outcome, waits).finish_by == CREATED + 2_600, "the run itself is younger"
    for unknown in (None, ServerClock(-5_000)):
        later.hand_over(CREATED + 1_000, unknown)
        assert later.deadlines_of(0, outcome, waits).finish_by == CREATED + 3_000


@pytest.mark.parametrize("ahead", [-600.0, -5.0, 5.0, 600.0, 3_600.0])
def test_progress_means_the_same_on_a_machine_whose_clock_differs(ahead: float) -> None:
    progress = Progress(CREATED, launched={3: CREATED + 10}, execution_by=CREATED + 100)
    progress.hand_over(CREATED + 20, ServerClock(7.0))
    read = Progress.from_dict(json.loads(json.dumps(progress.to_dict())))
    now = CREATED + 23 + ahead  # three seconds later, on a machine whose clock is ahead by so much
    read.read_at(now, ServerClock(7.0 - ahead))
    assert (read.started, read.execution_by) == (CREATED + ahead, CREATED + 100 + ahead)
    assert read.launched == {3: CREATED + 10 + ahead}
    assert read.clock == ServerClock(7.0 - ahead)


def test_progress_survives_as_small_json() -> None:
    progress = Progress(CREATED, touched=set(range(1000)), stopped={3}, given_up={5: Verdict.STUCK, 6: Verdict.STUCK})
    progress.reasons[Verdict.STUCK] = "no such instance type"
    text = json.dumps(progress.to_dict())
    assert len(text) < 200
    assert Progress.from_dict(json.loads(text)) == progress


@pytest.mark.parametrize("numbers", [[], [0], [0, 1, 2], [1, 3, 4, 5, 9], [999]])
def test_ranges(numbers: list[int]) -> None:
    assert from_ranges(to_ranges(numbers)) == numbers


def standing(text: str) -> list[Member]:
    """w waits, a is active, s succeeded, f failed."""
    words = {"a": "Executing", "s": "Succeeded", "f": "Failed"}
    return members(*(made(i, words[c]) for i, c in enumerate(text) if c in words), count=len(text))


@pytest.mark.parametrize(
    ("text", "limit", "spare", "policy", "launch", "stop"),
    [
        ("wwww", None, 0, FailurePolicy.RUN_ALL, [0, 1, 2, 3], []),
        ("wwww", 2, 0, FailurePolicy.RUN_ALL, [0, 1], []),
        ("asww", 2, 0, FailurePolicy.RUN_ALL, [2], []),
        ("aaww", 2, 0, FailurePolicy.RUN_ALL, [], []),
        ("aaaw", 2, 0, FailurePolicy.RUN_ALL, [], []),
        ("faww", 2, 0, FailurePolicy.RUN_ALL, [2], []),
        ("faww", 2, 0, FailurePolicy.FAIL_FAST, [], []),
        ("faww", 2, 1, FailurePolicy.FAIL_FAST, [2], []),
        ("faww", 2, 0, FailurePolicy.STOP_REST, [], [1]),
        ("ffaw", 2, 1, FailurePolicy.STOP_REST, [], [2]),
        ("sfsf", 2, 0, FailurePolicy.RUN_ALL, [], []),
    ],
)
def test_next_step(
    text: str, limit: int | None, spare: int, policy: FailurePolicy, launch: list[int], stop: list[int]
) -> None:
    step = next_actions(standing(text), max_active=limit, spare_failures=spare, policy=policy)
    assert [m.index for m in step.launch] == launch
    assert [m.index for m in step.stop] == stop


@pytest.mark.parametrize(
    ("count", "needed", "spare"),
    [(5, None, 0), (5, 5, 0), (5, 0, 5), (5, 3, 2), (5, 1.0, 0), (10, 0.7, 3), (3, 0.5, 1)],
)
def test_how_many_may_fail(count: int, needed: int | float | None, spare: int) -> None:
    assert spare_failures(count, needed) == spare


@pytest.mark.parametrize("needed", [6, -1, 1.5, 0.0, True, "3"])
def test_a_wrong_number_of_successes(needed: Any) -> None:
    with pytest.raises(SpecError, match="min_succeeded"):
        spare_failures(5, needed)


def test_what_an_author_may_give_for_an_execution() -> None:
    one, two = entries_of([{"Rounds": 3}, {"parameters": {"Depth": 2}, "display_name": "deep"}], {"Depth": 1})
    assert (one.parameters, one.display_name) == ({"Depth": 1, "Rounds": 3}, None)
    assert (two.parameters, two.display_name) == ({"Depth": 2}, "deep")


@pytest.mark.parametrize("given", ["[]", {"Rounds": 3}, 7, [3], [{"parameters": {}, "name": "x"}]])
def test_what_an_author_may_not_give(given: Any) -> None:
    with pytest.raises(SpecError, match="executions"):
        entries_of(given, None)


def test_a_summary_names_some() -> None:
    text = summary(standing("s" + "f" * 12), spare=0)
    assert "12 of 13 executions did not succeed" in text
    assert "#1 abalone-" in text
    assert "2 more" in text
    assert result_of(standing("w")[0], {})["state"] == "NotLaunched"


def batch_wait(count: int = 3, *, more: bool = False, spare: int | None = None) -> BatchWait:
    watched = BatchWait(
        dict.fromkeys(range(count), 1), waits=WAITS, progress=Progress(CREATED), more=more, spare_failures=spare
    )
    for index in range(count):
        watched.see(index, made(index, "Executing"), CREATED)
    return watched


def test_a_look_is_worth_it_when_all_have_ended() -> None:
    watched = batch_wait()
    for index, said in enumerate(("Succeeded", "Failed", "Stopped")):
        assert not watched.due(CREATED + 9)
        watched.see(index, made(index, said), CREATED)
    assert watched.due(CREATED)


def test_a_free_place_is_filled_after_a_moment() -> None:
    watched = batch_wait(more=True)
    assert watched.next_time() is None
    watched.see(1, made(1, "Succeeded"), CREATED + 5)
    assert not watched.due(CREATED + 5)
    assert watched.next_time() == CREATED + 5 + GATHER
    assert watched.due(CREATED + 5 + GATHER)


def test_failures_beyond_what_is_allowed_are_told_at_once() -> None:
    watched = batch_wait(spare=1)
    watched.see(0, made(0, "Failed"), CREATED)
    assert not watched.due(CREATED)
    watched.see(1, None, CREATED)
    assert watched.due(CREATED)


def test_what_nobody_reconciles_is_told_when_its_time_is_over() -> None:
    watched = batch_wait()
    watched.see(2, made(2), CREATED)
    assert watched.next_time() == CREATED + 300
    assert not watched.due(CREATED + 299)
    assert watched.due(CREATED + 300)
    watched = batch_wait()
    watched.see(2, made(2), CREATED)
    watched.see(2, made(2, "Executing"), CREATED + 2)
    assert not watched.due(CREATED + 300)


def test_a_later_word_about_what_has_ended_is_no_news() -> None:
    watched = batch_wait()
    watched.see(0, made(0, "Failed"), CREATED)
    watched.see(0, None, CREATED)
    watched.see(7, None, CREATED)
    assert not watched.due(CREATED)


def test_what_may_have_run_anothers_definition_counts_no_more_however_it_ended() -> None:
    progress = Progress(CREATED, next_attempt={0: 2})
    (member,) = members(made(0, "Succeeded"), count=1, progress=progress)
    assert (member.standing, member.attempt) == (Standing.WAITING, 2)
    (member,) = members(made(0, "Succeeded"), made(0, "Executing", attempt=2), count=1, progress=progress)
    assert (member.standing, member.attempt) == (Standing.ACTIVE, 2)

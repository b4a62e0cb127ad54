"""The progress of a rollout is a line for each change, and none for what was before it."""

from __future__ import annotations

from airflow_ack_sagemaker.core.lifecycle.follower import RolloutFollower
from airflow_ack_sagemaker.core.lifecycle.standing import Rollout, Standing
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from tests.core.lifecycle.recorded import objects

LAST = Outcome(kind="Endpoint", name="re", namespace="ml", state=State.UNSEEN, uid="u-1")


def test_a_line_for_each_change() -> None:
    lines: list[str] = []
    follower = RolloutFollower(Rollout("rc1"), lines.append)
    last = LAST
    for state in objects("endpoint created", "re") * 2:
        last = follower(state, last)
    assert [line.rpartition(": ")[2].partition(";")[0] for line in lines] == ["Creating", "InService"] * 2
    assert "rc1" in lines[0]


def test_what_stood_there_before_is_no_progress() -> None:
    lines: list[str] = []
    follower = RolloutFollower(Rollout("rc2"), lines.append)
    before = objects("a good update after a failed one", "re")[-1]
    for entry in before["metadata"]["managedFields"]:
        if entry["manager"] == "user":
            entry["time"] = "2026-11-26T18:59:59Z"
    follower(before, LAST)
    assert lines == []


def test_the_first_sending_is_remembered_and_the_end_is_kept() -> None:
    follower = RolloutFollower(Rollout("rc-silent", "rc2"), lambda line: None)
    states = objects("endpoint update rolled back silently (no FailureReason)", "re")
    assert follower(states[0], LAST).state is State.IN_PROGRESS
    assert follower.rollout.sent == "2026-11-26T18:40:47Z"
    assert follower(states[1], LAST).state is State.FAILED
    assert follower.reading is not None
    assert follower.reading.standing is Standing.ROLLED_BACK_SILENTLY


def test_gone() -> None:
    follower = RolloutFollower(Rollout("rc1"), lambda line: None)
    assert follower(None, LAST).gone

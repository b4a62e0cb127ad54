"""Each way in which an endpoint's rollout was seen to go, on the real controller: none but a success is called one."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.core.lifecycle.standing import Reading, Rollout, Standing, read, serving_config
from airflow_ack_sagemaker.core.resource.freshness import prune
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from tests.core.lifecycle.recorded import objects

LAST = Outcome(kind="Endpoint", name="re", namespace="ml", state=State.UNSEEN, uid="u-1")


def followed(states: list[dict[str, Any]], rollout: Rollout) -> list[Reading]:
    """What a follower reads of these states, one after the other, as its watch keeps them."""
    readings = []
    for state in states:
        resource = prune(state)
        readings.append(read(resource, rollout, LAST))
        rollout = rollout.seen(resource)
    return readings


def standings(situation: str, rollout: Rollout, name: str = "re") -> list[Standing]:
    return [reading.standing for reading in followed(objects(situation, name), rollout)]


def test_a_first_creation() -> None:
    readings = followed(objects("endpoint created", "re"), Rollout("rc1"))
    assert [reading.standing for reading in readings] == [Standing.UPDATING, Standing.UPDATED]
    assert readings[-1].serves == "rc1"
    assert readings[-1].succeeded


def test_a_rollback_with_a_reason_is_told_although_the_endpoint_is_in_service() -> None:
    readings = followed(objects("endpoint update fails with a reason", "re"), Rollout("rc-bad", "rc1"))
    assert [reading.standing for reading in readings] == [Standing.UPDATING, Standing.ROLLED_BACK]
    last = readings[-1]
    assert last.outcome.sagemaker_status == "InService"
    assert last.outcome.state is State.FAILED
    assert last.outcome.reason == "The production variant did not pass the ping health check."
    assert last.serves == "rc1"
    assert not last.succeeded


def test_what_serves_is_the_controllers_word_and_not_what_was_remembered() -> None:
    reading = followed(objects("endpoint update fails with a reason", "re"), Rollout("rc-bad", "something else"))[-1]
    assert reading.serves == "rc1"


def test_the_reason_of_the_failed_update_says_nothing_about_the_next_one() -> None:
    readings = followed(objects("a good update after a failed one", "re"), Rollout("rc2", "rc1"))
    assert [reading.standing for reading in readings] == [Standing.UPDATING, Standing.UPDATED]
    back = followed(objects("patched back to the config before", "re"), Rollout("rc1"))
    assert back[-1].standing is Standing.UPDATED


def test_a_configuration_that_has_failed_is_refused_at_once() -> None:
    assert standings("the failed config once more", Rollout("rc-bad", "rc1"))[-1] is Standing.ROLLED_BACK


@pytest.mark.parametrize(
    ("situation", "config"),
    [
        ("endpoint update rolled back silently (no FailureReason)", "rc-silent"),
        ("endpoint update fails with 'Request to service failed'", "rc-ise"),
    ],
)
def test_a_silent_rollback_is_seen_at_the_second_sending(situation: str, config: str) -> None:
    states = [state for state in objects(situation, "re") if state["spec"]["endpointConfigName"] == config]
    readings = followed(states, Rollout(config, "rc2"))
    assert [reading.standing for reading in readings] == [
        Standing.UPDATING,
        *[Standing.ROLLED_BACK_SILENTLY] * (len(states) - 1),
    ]
    assert readings[1].serves == "rc2"
    assert readings[1].outcome.finished
    assert "second time" in (readings[1].outcome.reason or "")


def test_a_follower_that_begins_late_sees_the_next_sending() -> None:
    states = objects("endpoint update rolled back silently (no FailureReason)", "re")[1:]
    assert [reading.standing for reading in followed(states, Rollout("rc-silent", "rc2"))][:2] == [
        Standing.UPDATING,
        Standing.ROLLED_BACK_SILENTLY,
    ]


def test_a_look_that_finds_the_endpoint_busy_is_no_second_sending() -> None:
    first = objects("endpoint update rolled back silently (no FailureReason)", "re")[0]
    conditions = [
        {**condition, "lastTransitionTime": "2026-11-26T18:41:17Z"} for condition in first["status"]["conditions"]
    ]
    busy = {
        "type": "ACK.Recoverable",
        "status": "True",
        "message": "Endpoint in Updating state cannot be modified or deleted.",
    }
    looked = {**first, "status": {**first["status"], "conditions": [*conditions, busy]}}
    readings = followed([first, looked, first], Rollout("rc-silent", "rc2"))
    assert {reading.standing for reading in readings} == {Standing.UPDATING}


def test_variants_that_make_progress_are_no_second_sending() -> None:
    first = objects("endpoint update rolled back silently (no FailureReason)", "re")[0]
    moved = {**first, "status": {**first["status"], "productionVariants": [{"variantName": "a"}]}}
    assert [reading.standing for reading in followed([first, moved], Rollout("rc-silent"))] == [Standing.UPDATING] * 2


def test_a_first_creation_that_fails() -> None:
    readings = followed(objects("first creation of an endpoint fails", "re2"), Rollout("rc-bad"))
    assert [reading.standing for reading in readings] == [Standing.UPDATING, Standing.CREATION_FAILED]
    assert readings[-1].serves is None
    assert "ping health check" in (readings[-1].outcome.reason or "")
    updated = followed(objects("failed endpoint updated", "re2"), Rollout("rc1"))
    assert updated[-1].standing is Standing.CREATION_FAILED


@pytest.mark.parametrize("situation", ["endpoint update fails with a reason", "first creation of an endpoint fails"])
def test_no_machines_are_told_apart(situation: str) -> None:
    name = "re2" if "first" in situation else "re"
    last = objects(situation, name)[-1]
    reason = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error."
    last["status"]["failureReason"] = reason
    reading = read(last, Rollout("rc-bad", "rc1"), LAST)
    assert reading.standing is Standing.NO_CAPACITY
    assert reading.serves == (None if "first" in situation else "rc1")


@pytest.mark.parametrize("status", ["UpdateRollbackFailed", "OutOfService"])
def test_a_rollback_that_failed_needs_a_person(status: str) -> None:
    last = objects("a good update after a failed one", "re")[-1]
    last["status"]["endpointStatus"] = status
    reading = read(last, Rollout("rc2", "rc1"), LAST)
    assert reading.standing is Standing.BROKEN
    assert reading.serves is None
    assert status in (reading.outcome.reason or "")


def test_another_writers_configuration_is_no_success_of_this_rollout() -> None:
    last = objects("a good update after a failed one", "re")[-1]
    reading = read(last, Rollout("mine", "rc1"), LAST)
    assert reading.standing is Standing.REPLACED
    assert reading.outcome.finished
    assert reading.serves == "rc2"


def test_a_status_from_before_the_change_is_no_answer() -> None:
    last = objects("a good update after a failed one", "re")[-1]
    for entry in last["metadata"]["managedFields"]:
        if entry["manager"] == "user":
            entry["time"] = "2026-11-26T18:59:59Z"
    reading = read(last, Rollout("rc2", "rc1"), LAST)
    assert reading.standing is Standing.UPDATING
    assert reading.outcome.state is State.UNSEEN


def test_a_configuration_that_is_not_there_yet_is_waited_for() -> None:
    states = objects("endpoint whose config is not there yet", "re3")
    readings = followed(states, Rollout("rc-later"))
    assert readings[-1].standing is Standing.UPDATED
    assert {reading.standing for reading in readings[:-1]} == {Standing.UPDATING}
    assert State.RETRYING in {reading.outcome.state for reading in readings}


def test_other_refusals_are_no_rollback() -> None:
    last = objects("endpoint update fails with a reason", "re")[-1]
    for condition in last["status"]["conditions"]:
        condition["message"] = "api error InvalidParameterValue: no such alarm"
    reading = read(last, Rollout("rc-bad", "rc1"), LAST)
    assert (reading.standing, reading.serves) == (Standing.REFUSED, "rc1")


def test_gone() -> None:
    assert read(None, Rollout("rc1"), LAST).standing is Standing.GONE


def test_what_serves_now() -> None:
    assert serving_config(None) is None
    assert serving_config(objects("endpoint created", "re")[0]) is None
    assert serving_config(objects("endpoint created", "re")[-1]) == "rc1"
    assert serving_config(objects("endpoint update fails with a reason", "re")[-1]) == "rc1"
    assert serving_config(objects("first creation of an endpoint fails", "re2")[-1]) is None
    assert serving_config(objects("failed endpoint updated", "re2")[-1]) is None


def test_a_rollout_travels_as_json() -> None:
    rollout = Rollout("rc2", "rc1", "2026-11-26T18:40:16Z")
    assert Rollout.from_dict(rollout.to_dict()) == rollout

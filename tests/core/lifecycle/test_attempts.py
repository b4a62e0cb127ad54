"""Which attempt a try goes on with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_ack_sagemaker.core.lifecycle.attempts import Action, plan
from airflow_ack_sagemaker.core.lifecycle.serving import ANNOTATION_SERVES, EndpointSpec
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_REPORTED, RunIdentity
from airflow_ack_sagemaker.core.resource.launched_by import Try
from tests.core.lifecycle.recorded import objects

RUN = RunIdentity("dag", "run", "deploy")
TRIED = Try(number=1, max_tries=2, run_start="2026-11-26T18:00:00+00:00")
SPEC = EndpointSpec("re", {"primaryContainer": {"image": "x"}}, {"instanceType": "ml.m5.large"})


def config(attempt: int = 1, *, reported: bool = False, former: str | None = "rc1", tried: Try = TRIED) -> Any:
    made = SPEC.config_manifest("ml", RUN, attempt, tried=tried, former=former)
    if reported:
        made["metadata"]["annotations"][ANNOTATION_REPORTED] = json.dumps({"state": "Failed", "try": 1, "at": 1})
    return made


def planned(
    endpoint: Any, configs: list[Any], serving: Any = None, tried: Try = TRIED, asked: str | None = None
) -> Any:
    return plan(endpoint, configs, serving, asked=asked or SPEC.asked(), identity=RUN, tried=tried)


def in_service(name: str = "rc1") -> Any:
    endpoint = objects("endpoint created", "re")[-1]
    return {**endpoint, "spec": {**endpoint["spec"], "endpointConfigName": name}}


def test_the_first_rollout_of_all() -> None:
    found = planned(None, [])
    assert (found.action, found.attempt, found.former, found.recreate) == (Action.ROLL_OUT, 1, None, False)


def test_an_update_knows_what_served_before() -> None:
    found = planned(in_service(), [])
    assert (found.action, found.attempt, found.former) == (Action.ROLL_OUT, 1, "rc1")


def test_a_try_after_a_lost_worker_attaches() -> None:
    found = planned(in_service(), [config(1, reported=True), config(2)])
    assert (found.action, found.attempt, found.former) == (Action.ATTACH, 2, "rc1")


def test_a_retry_after_a_failure_takes_a_new_name() -> None:
    failed = objects("endpoint update fails with a reason", "re")[-1]
    found = planned(failed, [config(1, reported=True)])
    assert (found.action, found.attempt, found.former) == (Action.ROLL_OUT, 2, "rc1")


@pytest.mark.parametrize(
    "changed",
    [
        {"tried": Try(number=2, max_tries=4, run_start=TRIED.run_start)},
        {"tried": Try(number=1, max_tries=2, run_start="2026-11-27T18:00:00+00:00")},
        {"asked": "something else"},
    ],
    ids=["cleared", "another run of the same id", "another model in the DAG since"],
)
def test_what_an_earlier_try_has_begun_for_something_else_is_not_taken(changed: Any) -> None:
    found = planned(in_service(), [config(1)], **changed)
    assert (found.action, found.attempt) == (Action.ROLL_OUT, 2)


def test_another_tasks_configuration_is_not_this_runs() -> None:
    other = EndpointSpec("re", SPEC.model, SPEC.variant)
    theirs = other.config_manifest("ml", RunIdentity("dag", "run", "other"), 7, tried=TRIED, former=None)
    assert planned(in_service(), [theirs]).attempt == 1


def test_what_serves_already_is_not_rolled_out_again() -> None:
    earlier = SPEC.config_manifest("ml", RunIdentity("dag", "last week", "deploy"), 3, tried=TRIED, former=None)
    name = earlier["spec"]["endpointConfigName"]
    found = planned(in_service(name), [], earlier)
    assert (found.action, found.former) == (Action.NOTHING, name)
    assert planned(in_service(name), [], earlier, asked="another").action is Action.ROLL_OUT


def test_a_success_that_was_lost_is_told_again_with_what_served_before() -> None:
    made = config(2, reported=True)
    name = made["spec"]["endpointConfigName"]
    found = planned(in_service(name), [config(1, reported=True), made], made)
    assert (found.action, found.attempt, found.former) == (Action.ATTACH, 2, "rc1")
    cleared = Try(number=2, max_tries=4, run_start=TRIED.run_start)
    assert planned(in_service(name), [made], made, tried=cleared).action is Action.NOTHING


def test_a_rolled_back_endpoint_is_never_what_was_asked_for() -> None:
    failed = objects("endpoint update fails with a reason", "re")[-1]
    earlier = SPEC.config_manifest("ml", RunIdentity("dag", "last week", "deploy"), 1, tried=TRIED, former=None)
    earlier["spec"]["endpointConfigName"] = "rc1"
    assert planned(failed, [], earlier).action is Action.ROLL_OUT


def test_an_endpoint_whose_creation_failed_must_go_first() -> None:
    failed = objects("first creation of an endpoint fails", "re2")[-1]
    found = planned(failed, [config(1, reported=True, former=None)])
    assert (found.action, found.attempt, found.former, found.recreate) == (Action.ROLL_OUT, 2, None, True)


def test_an_endpoint_that_is_being_updated_serves_what_was_written_down() -> None:
    updating = objects("endpoint update fails with a reason", "re")[0]
    assert planned(updating, []).former is None
    updating["metadata"]["annotations"][ANNOTATION_SERVES] = "rc0"
    assert planned(updating, []).former == "rc0"

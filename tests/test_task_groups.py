"""`retraining`: each part is there only where it is asked for, in the right order; calls of before are as they were."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_ack_sagemaker.task_groups import retraining

BASE: dict[str, Any] = {"pipeline_name": "abalone", "role_arn": "arn", "definition_uri": "s3://b/k"}
GATE = {"metric": "mse", "at_most": 6}
ENDPOINT = {"endpoint_name": "abalone", "execution_role_arn": "arn", "instance_type": "ml.m5.large"}


def tasks(**arguments: Any) -> DAG:
    with DAG("dag", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)) as dag:
        retraining(**BASE, **arguments)
    return dag


def names(**arguments: Any) -> list[str]:
    return [task.task_id.removeprefix("retraining.") for task in tasks(**arguments).topological_sort()]


def test_without_further_parts_it_is_what_it_was() -> None:
    dag = tasks(namespace="ml", region="eu-central-1", retries=2, execution_args={"timeout": 60})
    assert [task.task_id for task in dag.topological_sort()] == ["retraining.pipeline", "retraining.execution"]
    execution: Any = dag.get_task("retraining.execution")
    assert (execution.namespace, execution.region, execution.retries, execution.timeout) == (
        "ml",
        "eu-central-1",
        2,
        60,
    )


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"gate": GATE}, ["gate"]),
        ({"register": True, "approval": "rule"}, ["register", "approve"]),
        ({"register": True, "gate": GATE}, ["gate", "register", "approve"]),
        ({"register": True}, ["register", "ask", "approve"]),
        ({"endpoint": {**ENDPOINT, "model": {}}}, ["deploy"]),
        (
            {"gate": GATE, "register": True, "endpoint": ENDPOINT, "smoke_test": {"payload": "1"}, "collect": {}},
            ["gate", "register", "approve", "deploy", "smoke_test", "collect"],
        ),
    ],
)
def test_each_part_where_it_is_asked_for(arguments: dict[str, Any], found: list[str]) -> None:
    assert names(**arguments) == ["pipeline", "execution", *found]


def test_what_all_tasks_have_goes_to_all() -> None:
    dag = tasks(
        gate=GATE,
        register=True,
        endpoint=ENDPOINT,
        namespace="ml",
        retries=1,
        aws_conn_id="mine",
        region="eu-central-1",
    )
    assert {getattr(task, "namespace", None) for task in dag.tasks} == {"ml"}
    assert {task.retries for task in dag.tasks} == {1}
    gate: Any = dag.get_task("retraining.gate")
    assert gate.aws_conn_id == "mine"


def test_a_person_who_does_not_answer_says_no() -> None:
    users = [{"id": "7", "name": "ana"}]
    dag = tasks(register=True, approvers=users, approval_timeout=timedelta(hours=2))
    ask: Any = dag.get_task("retraining.ask")
    assert ask.defaults == ["Reject"]
    assert ask.options == ["Approve", "Reject"]
    assert timedelta(hours=2) in (getattr(ask, "response_timeout", None), ask.execution_timeout)
    assert [dict(user) for user in ask.assigned_users] == users


def test_collecting_at_the_end_does_not_make_a_failed_run_a_success() -> None:
    dag = tasks(collect={})
    assert dag.get_task("retraining.collect").is_teardown
    assert dag.get_task("retraining.collect").upstream_task_ids == {"retraining.execution"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"approval": "rule"}, "needs register"),
        ({"register": True, "approval": "maybe"}, "'rule' or 'human'"),
        ({"endpoint": ENDPOINT}, "needs register"),
        ({"smoke_test": {"payload": "1"}}, "needs endpoint"),
    ],
)
def test_parts_that_need_each_other(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        tasks(**arguments)

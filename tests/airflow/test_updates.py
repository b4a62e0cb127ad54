"""A pipeline is brought to its definition, answered for this very update, and never turned into another one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_DEFINITION_VERSION, LABEL_DAG
from harness.waiting import wait_until
from tests.airflow.support import Case, definition


def _applied(case: Case, dag_id: str = "apply_deferred_wait", **conf: Any) -> dict[str, Any]:
    run_id, state = case.run(dag_id, **conf)
    assert state == "success", case.airflow.api.task_log(dag_id, run_id, "apply")
    result: dict[str, Any] = case.airflow.api.xcom(dag_id, run_id, "apply")
    return result


def _refused(case: Case, dag_id: str = "apply_deferred_wait", **conf: Any) -> str:
    run_id, state = case.run(dag_id, **conf)
    assert state == "failed"
    return case.airflow.api.task_log(dag_id, run_id, "apply")


def _in_sagemaker(case: Case) -> dict[str, Any]:
    answer = case.sandbox.aws_client("sagemaker").describe_pipeline(PipelineName=case.pipeline)
    body: dict[str, Any] = json.loads(answer["PipelineDefinition"])
    return body


def test_unchanged_writes_nothing_and_changed_is_answered(case: Case) -> None:
    case.upload(definition(rounds=1))
    first = _applied(case)
    before = case.resource("pipelines", case.pipeline)
    # The same definition, spelt another way and as another version of the object.
    version = case.upload(json.dumps(definition(rounds=1), indent=4).encode())
    second = _applied(case)
    assert (first["changed"], second["changed"]) == (True, False)
    assert second["definition_version_id"] == version != first["definition_version_id"]
    assert second["definition_sha256"] == first["definition_sha256"]
    # Only where it was read from is written down, which no controller looks at; and once.
    noted = case.resource("pipelines", case.pipeline)
    assert noted["metadata"]["generation"] == before["metadata"]["generation"]
    assert noted["metadata"]["annotations"][ANNOTATION_DEFINITION_VERSION] == version
    assert noted["metadata"]["labels"][LABEL_DAG] == "apply_deferred_wait"
    assert noted["status"] == before["status"]
    assert _applied(case)["changed"] is False
    assert (
        case.resource("pipelines", case.pipeline)["metadata"]["resourceVersion"] == noted["metadata"]["resourceVersion"]
    )

    case.upload(definition(rounds=2))
    third = _applied(case)
    assert third["changed"] is True
    after = case.resource("pipelines", case.pipeline)
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert _in_sagemaker(case)["Parameters"][0]["DefaultValue"] == 2


def test_an_update_waits_for_its_own_answer_not_for_the_old_one(case: Case) -> None:
    case.upload(definition(rounds=1))
    _applied(case)
    case.upload(definition(rounds=2))
    case.control("PUT", "controller", json={"paused": True})
    try:
        run_id = case.start("apply_patient")
        wait_until(
            lambda: case.resource("pipelines", case.pipeline)["metadata"]["generation"] == 2,
            60,
            "the update to be applied",
        )
        # ResourceSynced=True still stands, from before: the task must not take it for an answer.
        case.airflow.api.wait_task_state("apply_patient", run_id, "apply", "deferred")
        assert _in_sagemaker(case)["Parameters"][0]["DefaultValue"] == 1
    finally:
        case.control("PUT", "controller", json={"paused": False})
    assert case.airflow.api.wait_dag_run("apply_patient", run_id) == "success"
    assert _in_sagemaker(case)["Parameters"][0]["DefaultValue"] == 2


def test_an_update_that_nobody_answers_is_an_error(case: Case) -> None:
    case.upload(definition(rounds=1))
    _applied(case)
    case.upload(definition(rounds=2))
    case.control("PUT", "controller", json={"paused": True})
    try:
        log = _refused(case, "apply_unanswered")
    finally:
        case.control("PUT", "controller", json={"paused": False})
    assert "AckNotReconciled" in log
    assert "from before" in log


def test_an_update_that_aws_refuses_says_so(case: Case) -> None:
    case.upload(definition(rounds=1))
    _applied(case)
    case.upload(definition(rounds=2))
    case.script("UpdatePipeline=ValidationException:the role cannot be assumed")
    try:
        log = _refused(case, "apply_refused")
    finally:
        case.control("DELETE", "script")
    assert "AckStuckRecoverable" in log
    assert "the role cannot be assumed" in log


def test_a_pipeline_is_not_renamed(case: Case) -> None:
    case.upload()
    _applied(case)
    log = _refused(case, pipeline=f"{case.pipeline}-other", resource_name=case.pipeline)
    assert "AckInputError" in log
    assert case.pipeline in log
    assert case.resource("pipelines", case.pipeline)["spec"]["pipelineName"] == case.pipeline
    client = case.sandbox.aws_client("sagemaker")
    with pytest.raises(client.exceptions.ResourceNotFound):
        client.describe_pipeline(PipelineName=f"{case.pipeline}-other")


@pytest.mark.parametrize("rounds", [2, 3], ids=["the definition that was refused", "another definition"])
def test_what_sagemaker_has_already_is_adopted_only_when_asked_to(case: Case, rounds: int) -> None:
    case.sandbox.aws_client("sagemaker").create_pipeline(
        PipelineName=case.pipeline,
        PipelineDefinition=json.dumps(definition(rounds=1)),
        RoleArn="arn:aws:iam::123456789012:role/sagemaker-pipelines",
        ClientRequestToken=case.pipeline * 3,
    )
    case.upload(definition(rounds=2))
    log = _refused(case)
    assert "AckResourceRefused" in log
    assert "adopt=True" in log
    assert _in_sagemaker(case)["Parameters"][0]["DefaultValue"] == 1
    refused = case.resource("pipelines", case.pipeline)
    case.upload(definition(rounds=rounds))
    adopted = _applied(case, "apply_adopt")
    assert adopted["arn"].endswith(case.pipeline)
    assert _in_sagemaker(case)["Parameters"][0]["DefaultValue"] == rounds
    live = case.resource("pipelines", case.pipeline)
    assert live["metadata"]["finalizers"], "the controller has taken it over"
    if rounds == 3:  # annotations and a change together are enough
        assert live["metadata"]["uid"] == refused["metadata"]["uid"]


@pytest.mark.parametrize("way", ["deferred", "held"])
def test_a_deleted_resource_leaves_the_pipeline_unless_told_otherwise(case: Case, way: str) -> None:
    client = case.sandbox.aws_client("sagemaker")
    case.upload()
    for policy in (None, "delete"):
        _applied(case, "apply_adopt")
        _, state = case.run(f"delete_{way}", name=case.pipeline, policy=policy)
        assert state == "success"
        assert case.resource("pipelines", case.pipeline) == {}
        if policy is None:
            client.describe_pipeline(PipelineName=case.pipeline)
        else:
            with pytest.raises(client.exceptions.ResourceNotFound):
                client.describe_pipeline(PipelineName=case.pipeline)
    run_id, state = case.run(f"delete_{way}", name=case.pipeline)
    assert state == "success"
    assert case.airflow.api.xcom(f"delete_{way}", run_id, "delete")["deleted"] is False

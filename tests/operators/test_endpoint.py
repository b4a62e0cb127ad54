"""`AckEndpointOperator` on a controller that behaves as the recorded one: no rollback is a success."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.exceptions import AckExecutionFailed, AckInputError
from airflow_ack_sagemaker.operators.endpoint import AckEndpointOperator
from airflow_ack_sagemaker.operators.smoke_test import SmokeTestOperator
from harness.waiting import HUNG, wait_until
from tests.operators.stage import MODEL, ROLE, Stage


def deploy(stage: Stage, endpoint: str, run_id: str, *, number: int = 1, **changes: Any) -> dict[str, Any]:
    """One try of a task in one run; each run serves another model."""
    container = {**MODEL["primaryContainer"], "modelDataURL": f"s3://b/{changes.pop('artifact', run_id)}.tar.gz"}
    arguments = {
        "task_id": "deploy",
        "endpoint_name": endpoint,
        "model": {"primaryContainer": container},
        "execution_role_arn": ROLE,
        "instance_type": "ml.m5.large",
        "deferrable": False,
        **changes,
    }
    return AckEndpointOperator(**arguments).execute(stage.context(f"{endpoint} {run_id}", number=number))


def failure(stage: Stage, endpoint: str, run_id: str, **changes: Any) -> str:
    with pytest.raises(AckExecutionFailed) as caught:
        deploy(stage, endpoint, run_id, **changes)
    return str(caught.value)


def asks_for(stage: Stage, endpoint: str) -> str:
    asked: str = stage.kubernetes("GET", f"endpoints/{endpoint}")["spec"]["endpointConfigName"]
    return asked


def test_the_first_rollout_the_same_again_and_another_model(stage: Stage) -> None:
    endpoint = stage.name()
    first = deploy(stage, endpoint, "run-1")
    assert first["changed"] is True
    assert first["former_config"] is None
    assert first["status"] == "InService"
    assert stage.serves(endpoint) == first["config"]
    # What serves already is not rolled out again, whichever run asks for it.
    again = deploy(stage, endpoint, "run-2", artifact="run-1")
    assert (again["changed"], again["config"]) == (False, first["config"])
    second = deploy(stage, endpoint, "run-3")
    assert (second["changed"], second["former_config"]) == (True, first["config"])
    assert second["model"] == "s3://b/run-3.tar.gz"
    # A worker that was lost at the very end: the retry tells the same, so that a smoke test knows what to go back to.
    assert deploy(stage, endpoint, "run-3", number=2) == second
    assert stage.serves(endpoint) == second["config"]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("rollback:the container does not start", "the container does not start"),
        ("silent", "without a word"),
        ("rollback:Request to service failed. If failure persists, contact support.", "Request to service failed"),
        ("capacity", "InsufficientInstanceCapacity"),
    ],
    ids=["with a reason", "silently", "again and again", "no machines"],
)
def test_an_update_that_is_rolled_back_fails_and_a_retry_works(stage: Stage, outcome: str, reason: str) -> None:
    endpoint = stage.name()
    good = deploy(stage, endpoint, "run-1")
    stage.script(f"endpoint/{endpoint}={outcome}")
    text = failure(stage, endpoint, "run-2")
    assert "s3://b/run-2.tar.gz" in text
    assert reason in text
    assert f"Serves now: configuration {good['config']} (model s3://b/run-1.tar.gz)." in text
    assert stage.serves(endpoint) == good["config"]
    assert asks_for(stage, endpoint) == good["config"]
    stage.script(f"endpoint/{endpoint}=InService")
    retried = deploy(stage, endpoint, "run-2", number=2)
    assert (retried["attempt"], retried["former_config"]) == (2, good["config"])
    assert stage.serves(endpoint) == retried["config"]


def test_a_first_creation_that_fails_and_its_retry(stage: Stage) -> None:
    endpoint = stage.name()
    stage.script(f"endpoint/{endpoint}#1=rollback:no such image")
    text = failure(stage, endpoint, "run-1")
    assert "no such image" in text
    assert "Serves now: nothing" in text
    retried = deploy(stage, endpoint, "run-1", number=2)
    assert retried["attempt"] == 2
    assert stage.serves(endpoint) == retried["config"]


def test_a_rollback_that_fails_needs_a_person_and_is_left_alone(stage: Stage) -> None:
    endpoint = stage.name()
    first = deploy(stage, endpoint, "run-1")
    stage.script(f"endpoint/{endpoint}=UpdateRollbackFailed:no quorum")
    text = failure(stage, endpoint, "run-2")
    assert "UpdateRollbackFailed" in text
    assert "a person must look" in text
    assert asks_for(stage, endpoint) != first["config"]


def test_variant_properties_are_kept_or_reset_by_choice(stage: Stage) -> None:
    endpoint = stage.name()
    deploy(stage, endpoint, "run-1", initial_instance_count=3)

    def instances() -> int:
        answer = stage.sandbox.aws_client("sagemaker").describe_endpoint(EndpointName=endpoint)
        count: int = answer["ProductionVariants"][0]["CurrentInstanceCount"]
        return count

    deploy(stage, endpoint, "run-2", initial_instance_count=1)
    assert instances() == 3
    deploy(stage, endpoint, "run-3", initial_instance_count=1, variant_properties="reset")
    assert instances() == 1


def test_earlier_configurations_go_but_what_serves_and_served(stage: Stage) -> None:
    endpoint = stage.name()
    results = [deploy(stage, endpoint, f"run-{number}", keep_configs=0) for number in range(3)]
    left = sorted(result["config"] for result in results[1:])
    wait_until(lambda: stage.configs(endpoint) == left, HUNG, lambda: f"{left}: {stage.configs(endpoint)}")
    wait_until(lambda: not stage.kubernetes("GET", f"models/{results[0]['config']}"), HUNG, "its model to go")


def test_a_name_is_not_given_again_whose_configuration_somebody_has_deleted(stage: Stage) -> None:
    endpoint = stage.name()

    def delete(config: str) -> None:
        paths = [f"endpointconfigs/{config}", f"models/{config}"]
        for path in paths:
            stage.kubernetes("DELETE", path)
        wait_until(lambda: not any(stage.kubernetes("GET", path) for path in paths), HUNG, f"{config} to be gone")

    # What serves, and the run is made again: it would be taken for rolled out.
    first = deploy(stage, endpoint, "run-1")
    delete(first["config"])
    second = deploy(stage, endpoint, "run-1", artifact="another")
    assert second["config"] != first["config"]
    assert stage.serves(endpoint) == second["config"]
    # What has failed: the controller refuses its name for good.
    stage.script(f"endpoint/{endpoint}#1=rollback:no ping")
    assert "no ping" in failure(stage, endpoint, "run-2")
    (failed,) = set(stage.configs(endpoint)) - {second["config"]}
    delete(failed)
    retried = deploy(stage, endpoint, "run-2", number=2)
    assert retried["config"] != failed
    assert stage.serves(endpoint) == retried["config"]


def test_a_smoke_test_that_has_failed_does_not_succeed_with_what_serves_then(stage: Stage) -> None:
    endpoint = stage.name()
    first, second = deploy(stage, endpoint, "run-1"), deploy(stage, endpoint, "run-2")
    # What only the former one answers: the test fails, and the former one serves again.
    smoke_test = SmokeTestOperator(task_id="try", deployed=second, payload="1,2", contains=first["config"])
    with pytest.raises(AckExecutionFailed, match=f"Serves now: configuration {first['config']}"):
        smoke_test.execute(stage.context("run-2", task="try"))
    assert stage.serves(endpoint) == first["config"]
    with pytest.raises(AckExecutionFailed, match="Nothing was asked"):
        smoke_test.execute(stage.context("run-2", task="try", number=2))
    assert asks_for(stage, endpoint) == first["config"]


def test_bad_input_makes_nothing(stage: Stage) -> None:
    endpoint = stage.name()
    wrong: list[dict[str, Any]] = [
        {"endpoint_name": "under_score"},
        {"model": None},
        {"model_package_arn": "x"},
        {"deployment_config": {"blueGreenUpdatePolicy": {}}},
        {"variant_properties": "maybe"},
    ]
    for changes in wrong:
        with pytest.raises(AckInputError):
            deploy(stage, endpoint, "run-1", **changes)
    assert stage.configs(endpoint) == []
    assert stage.kubernetes("GET", f"endpoints/{endpoint}") == {}

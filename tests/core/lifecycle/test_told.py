"""What a person reads of a rollout."""

from __future__ import annotations

import pytest

from airflow_ack_sagemaker.core.lifecycle.progress import progress
from airflow_ack_sagemaker.core.lifecycle.standing import Reading, Rollout, Standing
from airflow_ack_sagemaker.core.lifecycle.told import serving_now, told
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from tests.core.lifecycle.recorded import objects


@pytest.mark.parametrize("standing", [each for each in Standing if each is not Standing.UPDATED])
def test_each_end_says_what_was_tried_why_not_and_what_serves(standing: Standing) -> None:
    outcome = Outcome(kind="Endpoint", name="re", namespace="ml", state=State.FAILED, reason="no ping")
    now = serving_now("rc1", model="abalone/2")
    text = told(Reading(standing, outcome, "rc1"), Rollout("rc2", "rc1"), model="abalone/3", now=now)
    tried, why, serves, *rest = text.splitlines()
    assert "configuration rc2 (model abalone/3)" in tried
    assert why == "Reason: no ping"
    assert serves == "Serves now: configuration rc1 (model abalone/2)."
    assert bool(rest) is (standing is not Standing.UPDATING)


def test_what_is_not_known_is_not_claimed() -> None:
    assert "not known" in serving_now(None)
    assert "not confirmed" in serving_now("rc1", confirmed=False)


def test_progress_of_what_was_recorded() -> None:
    assert progress(objects("endpoint created", "re")[0]) == "Creating; a 1 instances"
    assert progress({}) == "not in SageMaker yet"


def test_progress_of_a_canary() -> None:
    variant = {
        "variantName": "a",
        "currentInstanceCount": 1,
        "desiredInstanceCount": 2,
        "currentWeight": 0.1,
        "desiredWeight": 1.0,
        "variantStatus": [{"status": "Baking", "statusMessage": "60 s"}],
    }
    status = {
        "endpointStatus": "Updating",
        "productionVariants": [{"variantName": "a", "currentInstanceCount": 2, "desiredInstanceCount": 2}],
        "pendingDeploymentSummary": {"endpointConfigName": "rc2", "productionVariants": [variant]},
    }
    assert progress({"status": status}) == (
        "Updating; a 2 instances; pending: rc2; a 1 of 2 instances, weight 0.1 of 1, Baking (60 s)"
    )


@pytest.mark.parametrize("broken", ["x", [1], [{"variantStatus": "x"}], [{"variantName": 1, "currentWeight": "a"}]])
def test_a_status_of_any_shape_is_read(broken: object) -> None:
    progress({"status": {"productionVariants": broken, "pendingDeploymentSummary": broken}})

"""Whose a refused resource's thing is, on objects as the real controller has written them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.ownership import (
    Remedy,
    is_managed,
    mistakes_its_own,
    remedy_of_refusal,
    speaks_of_anothers,
)
from airflow_ack_sagemaker.core.resource.status import State, classify
from tests.core.resources import READY, SYNCED, condition, pipeline, resource, terminal

FINALIZERS = {
    kind: [f"finalizers.sagemaker.services.k8s.aws/{kind}"] for kind in ("Pipeline", "PipelineExecution", "TrainingJob")
}
EXISTS = (
    terminal(
        "Resource already exists",
        "This resource already exists but is not managed by ACK. To bring the resource under ACK management, you "
        "should explicitly adopt the resource by enabling the ResourceAdoption feature gate and populating the "
        "`services.k8s.aws/adoption-policy` and `services.k8s.aws/adoption-fields` annotations.",
    ),
    condition("ACK.ResourceSynced", "False", "Resource not synced", "resource is in terminal condition"),
    condition("Ready", "False", "Resource already exists", "ACK.Terminal"),
)
ARN = "arn:aws:sagemaker:us-east-1:123456789012:training-job/rt"


def training_job(*conditions: dict[str, Any], said: str | None = None, **metadata: Any) -> dict[str, Any]:
    status = {"trainingJobStatus": said, "ackResourceMetadata": {"arn": ARN}} if said else {}
    return resource("TrainingJob", *conditions, status=status, **metadata)


def test_a_pipeline_whose_name_sagemaker_has_is_refused_though_it_says_active_and_has_an_arn() -> None:
    body = pipeline(*EXISTS, said="Active")
    outcome = classify(body)
    assert (outcome.state, outcome.arn is not None) == (State.REFUSED, True)
    assert "adopt=True" in (outcome.remedy or "")
    assert speaks_of_anothers(body)
    assert not is_managed(body)


@pytest.mark.parametrize("said", ["Completed", "Failed", "InProgress", "Stopped"])
def test_the_end_of_a_job_of_the_same_name_is_not_this_ones(said: str) -> None:
    """Recorded: without a finalizer, ResourceSynced=True beside ACK.Terminal."""
    synced = condition("ACK.ResourceSynced", "True", "TrainingJob is in Completed status.")
    outcome = classify(training_job(synced, EXISTS[0], EXISTS[2], said=said))
    assert outcome.state is State.REFUSED
    assert "choose another name" in (outcome.remedy or "")
    assert "adopt=True" not in (outcome.remedy or "")


def test_with_the_controllers_finalizer_it_is_its_own_and_is_looked_at_again() -> None:
    body = pipeline(*EXISTS, said="Active", finalizers=FINALIZERS["Pipeline"])
    assert mistakes_its_own(body)
    outcome = classify(body)
    assert outcome.state is State.RETRYING
    assert "looks again" in (outcome.remedy or "")
    job = training_job(*EXISTS, said="Completed", finalizers=FINALIZERS["TrainingJob"])
    assert classify(job).state is State.SUCCEEDED


def test_a_finalizer_of_somebody_else_does_not_make_it_ours() -> None:
    assert speaks_of_anothers(pipeline(*EXISTS, said="Active", finalizers=["foregroundDeletion"]))
    assert not speaks_of_anothers(pipeline(SYNCED, READY, said="Active"))


@pytest.mark.parametrize(
    ("body", "spec_differs", "remedy"),
    [
        # Annotations for adoption and a change of the spec together adopt it (recorded): nothing is deleted.
        (pipeline(*EXISTS, said="Active"), True, Remedy.UPDATE),
        # An annotation alone causes no reconcile. What is deleted without a finalizer leaves SageMaker's alone.
        (pipeline(*EXISTS, said="Active"), False, Remedy.REPLACE),
        (pipeline(terminal("InvalidParameterValue: role")), False, Remedy.REPLACE),
        (pipeline(terminal("InvalidParameterValue: role"), finalizers=FINALIZERS["Pipeline"]), False, Remedy.REPLACE),
        # A refused update of a pipeline that it owns: a deletion might take SageMaker's pipeline along.
        (
            pipeline(terminal("InvalidParameterValue"), said="Active", finalizers=FINALIZERS["Pipeline"]),
            False,
            Remedy.LEAVE,
        ),
        (
            pipeline(terminal("InvalidParameterValue"), said="Active", finalizers=FINALIZERS["Pipeline"]),
            True,
            Remedy.UPDATE,
        ),
    ],
)
def test_what_an_apply_does_about_a_refusal(body: dict[str, Any], spec_differs: bool, remedy: Remedy) -> None:
    assert remedy_of_refusal(body, spec_differs=spec_differs) is remedy


@pytest.mark.parametrize("conditions", [None, "x", 7, [None], [{}], [{"type": "ACK.Terminal"}], [[]]])
def test_a_status_of_any_shape_is_read(conditions: Any) -> None:
    body = pipeline()
    body["status"] = {"conditions": conditions}
    assert not speaks_of_anothers(body)

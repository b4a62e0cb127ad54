"""Ours means ours: a copied annotation makes nothing this run's."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_LAUNCHED_BY, RunIdentity
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, SpecError
from airflow_ack_sagemaker.core.run.ownership import check_ours, check_pipeline, difference

RUN = RunIdentity("retrain", "monday", "launch")
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/abalone"


def parameters(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def made(spec: ExecutionSpec | None = None, **metadata: Any) -> dict[str, Any]:
    resource = (spec or ExecutionSpec("abalone")).manifest("ml", RUN, attempt=1, tried=Try())
    resource["metadata"] |= metadata
    return resource


def test_what_the_run_has_made_is_its_own() -> None:
    for pipeline in ("abalone", ARN):
        resource = made(ExecutionSpec(pipeline))
        check_ours(resource, RUN)
        for asked in ("abalone", ARN):
            check_pipeline(resource, asked)


def test_a_foreign_name_is_refused() -> None:
    with pytest.raises(SpecError, match=r"pipelineexecution/mine .*its name should be abalone-.*Nothing was launched"):
        check_ours(made(name="mine"), RUN)


def test_another_pipeline_under_our_name_is_refused() -> None:
    copied = made()
    copied["spec"]["pipelineName"] = "theirs"
    with pytest.raises(SpecError, match="its name should be theirs-"):
        check_ours(copied, RUN)


def test_one_without_the_record_of_its_launch_is_refused() -> None:
    copied = made()
    del copied["metadata"]["annotations"][ANNOTATION_LAUNCHED_BY]
    with pytest.raises(SpecError, match="not the record of its launch"):
        check_ours(copied, RUN)


def test_a_dag_that_was_corrected_does_not_attach_to_the_wrong_pipeline() -> None:
    staging = made(ExecutionSpec("staging"))
    check_ours(staging, RUN)
    with pytest.raises(SpecError, match=r"'staging'.*now asks for 'production'.*clear the task"):
        check_pipeline(staging, "production")


def test_other_parameters_are_said_with_both_values() -> None:
    resource = made(ExecutionSpec("abalone", parameters(Rounds="10", Depth="6")))
    assert difference(resource, ExecutionSpec("abalone", parameters(Depth="6", Rounds="10"))) is None
    said = difference(resource, ExecutionSpec("abalone", parameters(Rounds="99", Depth="6")))
    assert said == "Rounds='10', now '99'"
    said = difference(resource, ExecutionSpec("abalone", parameters(Rounds="10", Depth="6"), pipeline_version_id=7))
    assert said is not None
    assert "version" in said


def test_two_airflows_give_different_names() -> None:
    one, other = (RunIdentity("d", "r", "t", instance=instance) for instance in ("https://a", "https://b"))
    assert one.resource_name("p", 1) != other.resource_name("p", 1)
    assert one.task_digest != other.task_digest
    of_one = {"metadata": {"annotations": one.annotations()}}
    assert one.owns(of_one)
    assert not other.owns(of_one)
    assert not RunIdentity("d", "r", "t").owns(of_one)

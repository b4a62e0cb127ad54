"""Where the job of a step writes its log."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.core.run.step_logs import StepLog, log_of

ARN = "arn:aws:sagemaker:us-east-1:123456789012"


@pytest.mark.parametrize(
    ("member", "job", "found"),
    [
        ("TrainingJob", "training-job/a-1", StepLog("/aws/sagemaker/TrainingJobs", "a-1/")),
        ("ProcessingJob", "processing-job/b", StepLog("/aws/sagemaker/ProcessingJobs", "b/")),
        ("TransformJob", "transform-job/c", StepLog("/aws/sagemaker/TransformJobs", "c/")),
        ("TuningJob", "hyper-parameter-tuning-job/d", StepLog("/aws/sagemaker/TrainingJobs", "d-")),
        ("RegisterModel", "model-package/g/1", None),
    ],
)
def test_by_the_kind_of_job(member: str, job: str, found: StepLog | None) -> None:
    assert log_of({"Metadata": {member: {"Arn": f"{ARN}:{job}"}}}) == found


@pytest.mark.parametrize(
    "metadata",
    [None, [], "x", {}, {"TrainingJob": None}, {"TrainingJob": {"Arn": 5}}, {"TrainingJob": {"Arn": f"{ARN}:x/"}}]
    + [{"TrainingJob": {"Arn": f"{ARN}:training-job/{odd}"}} for odd in ("a b", "a;prefix=", "\u202e", "x" * 129)],
)
def test_what_names_no_job_has_no_log(metadata: Any) -> None:
    assert log_of({"Metadata": metadata}) is None

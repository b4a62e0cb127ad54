"""The evaluation report is found in the definition, and is this execution's own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_ack_sagemaker.core.definition.parse import parse_definition
from airflow_ack_sagemaker.core.lifecycle.report import (
    Report,
    ReportError,
    choose,
    reports_of,
    tells_executions_apart,
    written_by,
)

PIPELINE = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone"
ARN, OTHER = f"{PIPELINE}/execution/e1", f"{PIPELINE}/execution/e0"
JOINED = {
    "Std:Join": {
        "On": "/",
        "Values": [{"Get": "Parameters.Bucket"}, {"Get": "Execution.PipelineExecutionId"}, "evaluation"],
    }
}


def step(name: str = "Evaluate", place: Any = JOINED, file: str = "Report") -> dict[str, Any]:
    outputs = [{"OutputName": "out", "S3Output": {"S3Uri": place, "LocalPath": "/opt/ml", "S3UploadMode": "EndOfJob"}}]
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {"ProcessingOutputConfig": {"Outputs": outputs}},
        "PropertyFiles": [{"PropertyFileName": file, "OutputName": "out", "FilePath": "evaluation.json"}],
    }


def reports(*steps: dict[str, Any]) -> list[Report]:
    definition = {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "Bucket", "Type": "String", "DefaultValue": "s3://ml"}],
        "Steps": list(steps),
    }
    return reports_of(parse_definition(json.dumps(definition).encode(), source="test").steps)


def test_its_place_is_the_outputs_with_the_files_path() -> None:
    (report,) = reports(step())
    assert (report.step, report.name) == ("Evaluate", "Report")
    assert report.uri(ARN, {"Bucket": "s3://ml"}) == "s3://ml/e1/evaluation/evaluation.json"
    assert report.uri(OTHER, {"Bucket": "s3://ml"}) == "s3://ml/e0/evaluation/evaluation.json"


def test_a_step_in_a_branch_is_found() -> None:
    condition = {
        "Name": "If",
        "Type": "Condition",
        "Arguments": {
            "Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}],
            "IfSteps": [step()],
            "ElseSteps": [],
        },
    }
    assert [report.step for report in reports(condition)] == ["Evaluate"]


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ({"Get": "Execution.StartDateTime"}, "known only while an execution runs"),
        ({"Get": "Parameters.Bucket"}, "has no value"),
        ("/local/path", "not in S3"),
    ],
)
def test_a_place_that_cannot_be_told_is_an_error(place: Any, says: str) -> None:
    (report,) = reports(step(place=place))
    with pytest.raises(ReportError, match=says):
        report.uri(ARN, {})


def test_the_only_report_need_not_be_named() -> None:
    one, two = reports(step(), step("Bias", file="Bias"))
    assert choose([one], None) is one
    assert choose([one, two], "Bias") is two
    assert choose([one, two], "Evaluate.Report") is one
    for given, wanted in (([one, two], None), ([], None), ([one], "Bias")):
        with pytest.raises(ReportError, match=r"Evaluate.Report|none"):
            choose(given, wanted)


def test_files_of_outputs_that_are_nowhere_are_none() -> None:
    broken = step()
    broken["Arguments"] = {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "other"}, {"OutputName": "out"}]}}
    assert reports(broken) == []


def test_who_wrote_it_is_sagemakers_word() -> None:
    ran = {"StepName": "Evaluate", "StepStatus": "Succeeded"}
    assert written_by([ran], "Evaluate", ARN) == ARN
    for result in ("CacheHitResult", "SelectiveExecutionResult"):
        assert written_by([{**ran, result: {"SourcePipelineExecutionArn": OTHER}}], "Evaluate", ARN) == OTHER
    assert written_by([{**ran, "StepStatus": "Failed"}], "Evaluate", ARN) is None
    assert written_by([ran], "Train", ARN) is None


def test_a_place_without_the_execution_is_overwritten_by_the_next_one() -> None:
    (own,) = reports(step())
    (shared,) = reports(step(place="s3://ml/latest"))
    assert tells_executions_apart(own, ARN, {"Bucket": "s3://ml"})
    assert not tells_executions_apart(shared, ARN, {})

"""Where a property file lies."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.core.definition.expressions import Scope, Unresolved
from airflow_ack_sagemaker.core.definition.property_files import property_files

PLACE = {"Std:Join": {"On": "/", "Values": ["s3://b", {"Get": "Execution.PipelineExecutionId"}]}}
FILE = {"PropertyFileName": "Report", "OutputName": "o", "FilePath": "/deep/report.json"}
OUTPUT = {"OutputName": "o", "S3Output": {"S3Uri": PLACE, "LocalPath": "/opt"}}


def body(file: Any = FILE, output: Any = OUTPUT) -> dict[str, Any]:
    return {"Arguments": {"ProcessingOutputConfig": {"Outputs": [output]}}, "PropertyFiles": [file]}


def test_the_file_lies_in_its_output() -> None:
    [file] = property_files(body())
    assert (file.name, file.uri(Scope(execution={"PipelineExecutionId": "abc"}))) == (
        "Report",
        "s3://b/abc/deep/report.json",
    )
    unknown = file.uri(Scope())
    assert isinstance(unknown, Unresolved)
    assert unknown.expression == "Execution.PipelineExecutionId"


@pytest.mark.parametrize("place", ["/opt/ml", "", 5, None, ["s3://b"], {"x": 1}])
def test_a_place_outside_of_s3_has_no_uri(place: Any) -> None:
    [file] = property_files(body(output={**OUTPUT, "S3Output": {"S3Uri": place}}))
    found = file.uri(Scope())
    assert isinstance(found, Unresolved)
    assert "is not in S3" in found.why


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"Arguments": None, "PropertyFiles": None},
        {"Arguments": {"ProcessingOutputConfig": []}, "PropertyFiles": [FILE]},
        {"Arguments": {"ProcessingOutputConfig": {"Outputs": {}}}, "PropertyFiles": [FILE]},
        body(file=5),
        body(file={**FILE, "OutputName": ["o"]}),
        body(file={**FILE, "OutputName": "other"}),
        body(file={**FILE, "FilePath": 5}),
        body(output={**OUTPUT, "S3Output": {}}),
        body(output={**OUTPUT, "OutputName": None}),
    ],
)
def test_a_file_whose_output_is_not_said_is_none(odd: dict[str, Any]) -> None:
    assert property_files(odd) == []

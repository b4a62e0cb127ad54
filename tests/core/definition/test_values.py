"""What a person is shown of a definition's expressions."""

from __future__ import annotations

import json
from typing import Any

from airflow_ack_sagemaker.core.definition.expressions import Scope, Unresolved
from airflow_ack_sagemaker.core.definition.parameters import values_at_launch
from airflow_ack_sagemaker.core.definition.parse import parse_definition
from airflow_ack_sagemaker.core.definition.values import MAX_TEXT, ShownValue, values_of

OUTPUT = {
    "Std:Join": {"On": "/", "Values": ["s3://b", {"Get": "Parameters.Prefix"}, {"Get": "Execution.PipelineName"}]}
}
DOCUMENT: dict[str, Any] = {
    "Version": "2020-12-01",
    "Parameters": [
        {"Name": "Prefix", "Type": "String", "DefaultValue": "models"},
        {"Name": "Count", "Type": "Integer"},
        {"Name": "Long", "Type": "String", "DefaultValue": "x" * 5000},
    ],
    "Steps": [
        {
            "Name": "Fit",
            "Type": "Training",
            "Arguments": {
                "HyperParameters": {"long": {"Get": "Parameters.Long"}, "prefix": {"Get": "Parameters.Prefix"}},
                "OutputDataConfig": {"S3OutputPath": OUTPUT},
                "Tags": [{"Key": "count", "Value": {"Get": "Parameters.Count"}}],
            },
        },
        {
            "Name": "Many",
            "Type": "Condition",
            "DependsOn": ["Fit"],
            "Arguments": {
                "Conditions": [
                    {"Type": "GreaterThan", "LeftValue": {"Get": "Parameters.Count"}, "RightValue": 3},
                    {"Type": "Equals", "LeftValue": {"Get": "Steps.Fit.TrainingJobStatus"}, "RightValue": "Completed"},
                ],
                "IfSteps": [{"Name": "Yes", "Type": "Training", "Arguments": {"x": {"Get": "Parameters.Prefix"}}}],
                "ElseSteps": [],
            },
        },
    ],
}


def shown(step: str, scope: Scope | None = None, **launch: str) -> dict[str, ShownValue]:
    definition = parse_definition(json.dumps(DOCUMENT))
    known = scope or Scope(parameters=values_at_launch(definition.parameters, launch))
    return {one.where: one for each in definition.steps if each.name == step for one in values_of(each, known)}


def test_values_and_what_has_none() -> None:
    found = shown("Fit", Count="5")
    assert list(found) == [
        "/Arguments/HyperParameters/long",
        "/Arguments/HyperParameters/prefix",
        "/Arguments/OutputDataConfig/S3OutputPath",
        "/Arguments/Tags/0/Value",
    ]
    assert found["/Arguments/HyperParameters/prefix"].value == "models"
    assert found["/Arguments/Tags/0/Value"] == ShownValue("/Arguments/Tags/0/Value", "Parameters.Count", "5", None)
    path = found["/Arguments/OutputDataConfig/S3OutputPath"]
    assert path.value is None
    assert path.why == "Execution.PipelineName has no value: it is known only while an execution runs"
    assert len(found["/Arguments/HyperParameters/long"].value or "") == MAX_TEXT


def test_a_value_that_is_to_be_given() -> None:
    assert shown("Fit")["/Arguments/Tags/0/Value"].value is None


def test_what_a_condition_decides() -> None:
    where = "/Arguments/Conditions"
    assert shown("Many", Count="3")[where].value == "false"
    undecided = shown("Many", Count="4")[where]
    assert (undecided.value, "Steps.Fit.TrainingJobStatus" in (undecided.why or "")) == (None, True)
    known = Scope(parameters={"Count": 4}, properties=lambda step: {"TrainingJobStatus": "Completed"})
    assert shown("Many", known)[where].value == "true"


def test_the_steps_of_a_branch_have_their_own() -> None:
    assert "/Arguments/IfSteps/0/Arguments/x" not in shown("Many")
    assert shown("Yes")["/Arguments/x"].value == "models"


def test_a_parameter_that_is_hidden() -> None:
    scope = Scope(parameters={"Prefix": Unresolved("Parameters.Prefix", "it is hidden")})
    assert shown("Yes", scope)["/Arguments/x"].why == "Parameters.Prefix has no value: it is hidden"

"""What expressions give, and what conditions make of it."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.core.definition.conditions import holds
from airflow_ack_sagemaker.core.definition.expressions import Scope, Unresolved, resolve, resolve_within, shown
from tests.support.turns import counted

JOB = {
    "TrainingJobName": "job-1",
    "FinalMetricDataList": [{"MetricName": "mse", "Value": 4.5}, {"MetricName": "mae", "Value": 1}],
    "OutputParameters": {"uri": "s3://b/k"},
    "InputDataConfig": [{"ChannelName": "train", "S3": ["s3://b/0", "s3://b/1"]}],
}
REPORT = {"metrics": {"mse": {"value": 4.5}}, "list": [1, {"a.b": True}]}


def properties(name: str) -> Any:
    found = {"Fit": JOB, "Good": {"Outcome": True}}
    return found.get(name, Unresolved(f"Steps.{name}", "the step has not run"))


SCOPE = Scope(
    parameters={"Text": "10", "Empty": "", "N": 9, "Rate": 0.5, "Flag": True, "List": '["a"]'},
    execution={"PipelineName": "abalone", "PipelineExecutionId": "abc"},
    properties=properties,
    property_file=lambda step, name: REPORT if (step, name) == ("Fit", "Report") else Unresolved(name, "no such file"),
    s3_object=lambda uri: REPORT if uri == "s3://b/report.json" else Unresolved(uri, "no such object"),
    experiment={"ExperimentName": {"Get": "Execution.PipelineName"}, "TrialName": {"Get": "X.Y"}},
    item=('{"name": "north", "sizes": [1, 2]}',),
)


def get(expression: str) -> dict[str, Any]:
    return {"Get": expression}


def join(*values: Any, on: str = "") -> dict[str, Any]:
    return {"Std:Join": {"On": on, "Values": list(values)}}


def json_get(path: Any, file: str = "Steps.Fit.PropertyFiles.Report") -> dict[str, Any]:
    return {"Std:JsonGet": {"PropertyFile": get(file), "Path": path}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        ({"Get": 5}, {"Get": 5}),
        (get("Parameters.N"), 9),
        (get("Parameters.Empty"), ""),
        (get("Execution.PipelineName"), "abalone"),
        (get("PipelineExperimentConfig.ExperimentName"), "abalone"),
        (get("Steps.Fit.TrainingJobName"), "job-1"),
        (get("Steps.Fit.FinalMetricDataList['mse'].Value"), 4.5),
        (get('Steps.Fit.OutputParameters["uri"]'), "s3://b/k"),
        (get("Steps.Fit.InputDataConfig[0].S3[1]"), "s3://b/1"),
        (get("Steps.Good.Outcome"), True),
        (get("ForEach.CurrentItem.name"), "north"),
        (get("ForEach.CurrentItem['sizes'][1]"), 2),
        (get("ForEach.CurrentItem"), '{"name": "north", "sizes": [1, 2]}'),
        (json_get("metrics.mse.value"), 4.5),
        (json_get("list[1]['a.b']"), True),
        (json_get(join("metrics", "mse", on=".")), {"value": 4.5}),
        (json_get("list[0]", "Steps.Fit.PropertyFiles['Report']"), 1),
        ({"Std:JsonGet": {"S3Uri": join("s3://b", "report.json", on="/"), "Path": "list[0]"}}, 1),
        (join(), ""),
        (join("a", 1, True, 0.5, get("Parameters.Flag"), get("Steps.Good.Outcome"), on="-"), "a-1-true-0.5-true-true"),
        (join("n", join(get("Parameters.N"), get("Execution.PipelineExecutionId"), on=":"), on="="), "n=9:abc"),
    ],
)
def test_values(value: Any, expected: Any) -> None:
    assert resolve(value, SCOPE) == expected
    assert type(resolve(value, SCOPE)) is type(expected)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (get("Parameters.No"), "this parameter has no value here"),
        (get("Execution.StartDateTime"), "only while an execution runs"),
        (get("Steps.Later.Arn"), "the step has not run"),
        (get("Steps.Fit.FinalMetricDataList['auc'].Value"), "there is no 'auc'"),
        (get("Steps.Fit.InputDataConfig[7]"), "there is no element 7"),
        (get("Steps.Fit.TrainingJobName.More"), "there is no 'More'"),
        (get("Steps.Fit..x"), "is no path"),
        (json_get("a", "Steps.Fit.Report"), "no property file"),
        ({"Std:JsonGet": {"PropertyFile": {"Get": 5}, "Path": "a"}}, "no property file"),
        ({"Std:JsonGet": {"PropertyFile": 5, "Path": "a"}}, "no property file"),
        (join(*["x" * 1_000] * 1_049), "more than 1,048,576 characters"),
        (join("", "", on="x" * 600_000), "more than 1,048,576 characters"),
        (get("Nothing.At.All"), "only while an execution runs"),
        (get("PipelineExperimentConfig.TrialName"), "only while an execution runs"),
        (get("IterationOutput.Fit.Arn"), "only while an execution runs"),
        (json_get("metrics.auc"), "there is no 'auc'"),
        (json_get("a", "Steps.Fit.PropertyFiles.Other"), "no such file"),
        (json_get(get("Parameters.No")), "this parameter has no value here"),
        ({"Std:JsonGet": {"S3Uri": "s3://b/none", "Path": "a"}}, "no such object"),
        (join("a", get("Parameters.No")), "this parameter has no value here"),
        ({"Std:New": []}, "this function is not known"),
        ({"Std:Join": ["a"]}, "not written as it must be"),
    ],
)
def test_what_has_no_value_says_why(value: Any, why: str) -> None:
    found = resolve(value, SCOPE)
    assert isinstance(found, Unresolved)
    assert why in found.why
    assert shown(value, SCOPE) == f"({found.expression} has no value: {found.why})"


@pytest.mark.parametrize(
    "value", [get("Steps.Fit.Arn"), json_get("a"), get("ForEach.CurrentItem"), get("Parameters.N")]
)
def test_an_empty_scope_has_no_values(value: Any) -> None:
    assert isinstance(resolve(value, Scope()), Unresolved)


def test_an_experiment_that_refers_to_itself_has_no_name() -> None:
    name = get("PipelineExperimentConfig.TrialName")
    assert isinstance(resolve(name, Scope(experiment={"TrialName": name})), Unresolved)


def test_an_item_that_is_no_object_has_no_members() -> None:
    assert isinstance(resolve(get("ForEach.CurrentItem.name"), Scope(item=("north",))), Unresolved)
    assert resolve(get("ForEach.CurrentItem"), Scope(item=("north",))) == "north"
    assert isinstance(resolve(get("ForEach.CurrentItem[0]"), Scope(item=("[" * 100_000,))), Unresolved)


def test_one_long_parameter_does_not_fill_the_memory() -> None:
    scope = Scope(parameters={"Long": "x" * 1_000_000})
    assert isinstance(resolve(join(*[join(get("Parameters.Long"))] * 100_000), scope), Unresolved)


def test_a_membership_resolves_what_it_looks_for_once() -> None:
    query = join(*["q"] * 1_000)

    def work(many: int) -> int:
        with counted() as turns:
            assert holds([{"Type": "In", "QueryValue": query, "Values": ["a"] * many}], SCOPE) is False
        return turns.calls

    assert work(1_000) < 5 * work(100)


def test_arguments_keep_what_has_a_value() -> None:
    missing: list[Unresolved] = []
    arguments = {"Count": get("Parameters.N"), "Image": get("Steps.Later.X"), "Env": [join("a", "b"), get("Y.Z"), 1]}
    assert resolve_within(arguments, SCOPE, missing) == {"Count": 9, "Env": ["ab", 1]}
    assert [one.expression for one in missing] == ["Steps.Later.X", "Y.Z"]


def test_what_is_shown() -> None:
    assert shown(get("Parameters.Flag"), SCOPE) == "true"
    assert shown(json_get("metrics"), SCOPE) == '{"mse":{"value":4.5}}'


def compare(left: Any, kind: str, right: Any) -> list[dict[str, Any]]:
    return [{"Type": kind, "LeftValue": left, "RightValue": right}]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], True),
        (compare(get("Parameters.Text"), "GreaterThan", join(get("Parameters.N"))), True),  # 10 > 9, "10" < "9"
        (compare(get("Parameters.N"), "Equals", join("9")), True),
        (compare(get("Parameters.N"), "Equals", "9.0"), True),
        (compare(get("Parameters.Text"), "Equals", "10.0"), False),
        (compare(9007199254740992, "Equals", "9007199254740993"), False),
        (compare("9007199254740993", "GreaterThan", 9007199254740992), True),
        (compare(get("Parameters.Text"), "Equals", "10"), True),
        (compare("abc", "LessThan", "abd"), True),
        (compare(get("Parameters.Flag"), "Equals", True), True),
        (compare(get("Parameters.Flag"), "Equals", "True"), True),
        (compare(get("Steps.Good.Outcome"), "Equals", "true"), True),
        (compare(get("Parameters.Flag"), "Equals", 1), False),
        (compare(json_get("metrics.mse.value"), "LessThanOrEqualTo", 4.5), True),
        (compare(get("Execution.PipelineName"), "NotEquals", "abalone"), False),
        ([{"Type": "In", "QueryValue": get("Parameters.N"), "Values": [8, join("9")]}], True),
        ([{"Type": "In", "QueryValue": "x", "Values": []}], False),
        ([{"Type": "NotIn", "QueryValue": "x", "Values": ["y"]}], True),
        ([{"Type": "Not", "Condition": compare(1, "Equals", 1)[0]}], False),
        ([{"Type": "Or", "Conditions": [compare(1, "Equals", 2)[0], compare(2, "Equals", 2)[0]]}], True),
        ([{"Type": "Or", "Conditions": [compare(get("A.B"), "Equals", 2)[0], compare(2, "Equals", 2)[0]]}], True),
        ([*compare(get("A.B"), "Equals", 2), *compare(1, "Equals", 2)], False),
        ([{"Type": "In", "QueryValue": "x", "Values": [get("A.B"), "x"]}], True),
    ],
)
def test_conditions(conditions: list[dict[str, Any]], expected: bool) -> None:
    assert holds(conditions, SCOPE) is expected


@pytest.mark.parametrize(
    "conditions",
    [
        compare(get("Steps.Later.X"), "Equals", 5),
        compare(5, "Equals", get("Steps.Later.X")),
        [{"Type": "Not", "Condition": compare(get("Steps.Later.X"), "Equals", 5)[0]}],
        [{"Type": "In", "QueryValue": "x", "Values": [get("A.B"), "y"]}],
        compare(1, "GreaterThan", "text"),
        compare(True, "LessThan", False),
        compare(1, "LessThan", float("inf")),
        [{"Type": "Matches", "LeftValue": 1, "RightValue": 1}],
    ],
)
def test_what_cannot_be_told_is_never_true(conditions: list[dict[str, Any]]) -> None:
    assert isinstance(holds(conditions, SCOPE), Unresolved)

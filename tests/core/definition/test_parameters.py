"""Declared parameters, and their values at launch."""

from __future__ import annotations

import enum
import json
from typing import Any

import pytest

from airflow_ack_sagemaker.core.definition.parse import (
    Definition,
    DefinitionError,
    Parameter,
    launch_parameters,
    parse_definition,
)


def declared(*parameters: Any) -> Definition:
    step = {"Name": "A", "Type": "Training", "Arguments": {}}
    return parse_definition(json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": [step]}))


def parameter(kind: str = "String", name: str = "P", **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, **more}


@pytest.mark.parametrize(
    ("item", "pointer", "words"),
    [
        ("x", "", "an object with Name and Type"),
        ({"Type": "String"}, "/Name", "no Name"),
        ({"Name": 1, "Type": "String"}, "/Name", "1 is not a parameter name"),
        (parameter(name=""), "/Name", "is not a parameter name"),
        (parameter(name="a.b"), "/Name", "letters, digits"),
        (parameter(name="x" * 257), "/Name", "1 to 256"),
        (parameter("Double"), "/Type", "Use one of String, Integer, Float, Boolean"),
        (parameter(["String"]), "/Type", "is not a parameter type"),  # type: ignore[arg-type]
        (parameter("String", DefaultValue=1), "/DefaultValue", "1 is not of type String"),
        (parameter("Integer", DefaultValue="1"), "/DefaultValue", "not of type Integer"),
        (parameter("Integer", DefaultValue=1.0), "/DefaultValue", "not of type Integer"),
        (parameter("Integer", DefaultValue=True), "/DefaultValue", "True is not of type Integer"),
        (parameter("Float", DefaultValue=True), "/DefaultValue", "not of type Float"),
        (parameter("Boolean", DefaultValue=1), "/DefaultValue", "not of type Boolean"),
        (parameter("Boolean", DefaultValue="true"), "/DefaultValue", "not of type Boolean"),
        (parameter(DefaultValue=["a"]), "/DefaultValue", "not of type String"),
        (parameter(EnumValues="ab"), "/EnumValues", "a list of allowed values"),
        (parameter(EnumValues=["a", 2]), "/EnumValues/1", "2 is not of type String"),
        (parameter(EnumValues=["a", "b"], DefaultValue="c"), "/DefaultValue", "not among the EnumValues"),
        (parameter(name="Taken"), "/Name", "a second parameter 'Taken'"),
    ],
)
def test_a_declaration_is_refused(item: Any, pointer: str, words: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        declared(parameter(name="Taken"), item)
    ((found, message),) = caught.value.problems
    assert found == f"/Parameters/1{pointer}"
    assert words in message


def test_declarations_that_pass() -> None:
    definition = declared(
        parameter("Float", "F", DefaultValue=1),
        parameter("Integer", "I", DefaultValue=0, EnumValues=[0, 1]),
        parameter("Boolean", "B", DefaultValue=False),
        parameter("String", "S", DefaultValue="", Description="about it"),
        parameter("String", "A-b_9", EnumValues=None),
    )
    assert definition.warnings == ()
    assert definition.parameters == (
        Parameter("F", "Float", 1, True),
        Parameter("I", "Integer", 0, True, (0, 1)),
        Parameter("B", "Boolean", False, True),
        Parameter("S", "String", "", True),
        Parameter("A-b_9", "String"),
    )


def test_declarations_that_are_doubtful() -> None:
    definition = declared({"Name": "A"}, parameter(name="B", DefaultValue=None))
    assert [warning.pointer for warning in definition.warnings] == ["/Parameters/0", "/Parameters/1/DefaultValue"]
    assert [(p.type, p.has_default) for p in definition.parameters] == [("String", False), ("String", False)]


def test_parameters_are_a_list_of_at_most_200() -> None:
    assert len(declared(*(parameter(name=f"p{i}") for i in range(200))).parameters) == 200
    with pytest.raises(DefinitionError, match="/Parameters: 201 parameters, more than the 200"):
        declared(*(parameter(name=f"p{i}") for i in range(201)))
    with pytest.raises(DefinitionError, match="/Parameters: a list of parameters is needed"):
        parse_definition('{"Version": "2020-12-01", "Parameters": {"a": 1}, "Steps": [{"Name": "A", "Type": "New"}]}')


class Size(str, enum.Enum):  # noqa: UP042 - a StrEnum would write itself as its value anyhow
    """What a DAG may hold instead of a string."""

    LARGE = "large"


class OddFloat(float):
    def __repr__(self) -> str:
        return "odd.float(0.5)"


@pytest.mark.parametrize(
    ("kind", "given", "sent"),
    [
        ("String", "x", "x"),
        ("String", 5, "5"),
        ("String", True, "true"),
        ("String", Size.LARGE, "large"),
        ("Integer", 5, "5"),
        ("Integer", "-05", "-05"),
        ("Integer", 5.0, "5"),
        ("Float", 1e-7, "1e-07"),
        ("Float", 3, "3"),
        ("Float", ".5e3", ".5e3"),
        ("Float", OddFloat(0.5), "0.5"),
        ("Boolean", False, "false"),
        ("Boolean", "True", "true"),
    ],
)
def test_values_at_launch(kind: str, given: Any, sent: str) -> None:
    assert declared(parameter(kind)).launch_parameters({"P": given}) == [{"name": "P", "value": sent}]


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("Integer", "abc", "not of type"),
        ("Integer", "", "not of type"),
        ("Integer", "1.0", "not of type"),
        ("Integer", "\u0661", "not of type"),
        ("Integer", "1_000", "not of type"),
        ("Integer", 1.5, "not of type"),
        ("Integer", True, "not of type"),
        ("Float", "nan", "not of type"),
        ("Float", "1e400", "not of type"),
        ("Float", "1,5", "not of type"),
        ("Float", True, "not of type"),
        ("Float", float("inf"), "cannot be"),
        ("Boolean", 1, "not of type"),
        ("Boolean", "yes", "not of type"),
        ("String", None, "cannot be"),
        ("String", ["a"], "cannot be"),
        ("String", {"Get": "x"}, "cannot be"),
    ],
)
def test_values_of_the_wrong_type(kind: str, given: Any, said: str) -> None:
    with pytest.raises(DefinitionError, match=r"^pipeline parameters: /P: ") as caught:
        declared(parameter(kind)).launch_parameters({"P": given})
    assert said in str(caught.value)


def test_the_order_is_that_of_the_declarations_and_defaults_are_left_out() -> None:
    definition = declared(
        parameter(name="B"), parameter(name="A", DefaultValue="a"), parameter(name="C", DefaultValue="c")
    )
    assert definition.launch_parameters({"C": 1, "B": 2}) == [
        {"name": "B", "value": "2"},
        {"name": "C", "value": "1"},
    ]


def test_everything_wrong_is_said_at_once() -> None:
    definition = declared(
        parameter("Integer", "Count"),
        parameter("String", "Size", EnumValues=["s", "m"], DefaultValue="s"),
        parameter("Float", "Rate", EnumValues=[0.5, 1]),
        parameter("String", "Text", DefaultValue=""),
    )
    with pytest.raises(DefinitionError) as caught:
        definition.launch_parameters({"Cuont": 1, "Size": "l", "Text": "x" * 1025, "Other/": 1})
    assert {problem.pointer: problem.message for problem in caught.value.problems} == {
        "/Cuont": "the pipeline has no such parameter (it has Count, Size, Rate, Text). Did you mean 'Count'?",
        "/Size": "'l' is not among the values that the pipeline allows: s, m.",
        "/Other~1": "the pipeline has no such parameter (it has Count, Size, Rate, Text).",
        "/Count": "the pipeline needs a value for this parameter (Integer, no default).",
        "/Rate": "the pipeline needs a value for this parameter (Float, no default).",
        "/Text": "the value has 1,025 characters, more than 1,024. Put it into S3 and pass its URI.",
    }
    assert definition.launch_parameters({"Count": 1, "Rate": "1.0"})[1]["value"] == "1.0"


def test_an_enum_of_booleans_is_not_one_of_numbers() -> None:
    with pytest.raises(DefinitionError, match="not among"):
        declared(parameter("Boolean", EnumValues=[True])).launch_parameters({"P": False})


def test_an_empty_value_is_refused_and_an_empty_default_is_not() -> None:
    definition = declared(parameter(DefaultValue=""), parameter(name="Q", DefaultValue="x", EnumValues=["", "x"]))
    assert definition.launch_parameters({}) == []
    with pytest.raises(DefinitionError) as caught:
        definition.launch_parameters({"P": "", "Q": ""})
    assert [problem.pointer for problem in caught.value.problems] == ["/P", "/Q"]
    assert "too short (length: 0, required minimum: 1)" in caught.value.problems[0].message


def test_a_pipeline_without_parameters() -> None:
    definition = declared()
    assert definition.launch_parameters({}) == []
    with pytest.raises(DefinitionError, match=r"no such parameter \(it has none\)"):
        definition.launch_parameters({"P": 1})


class TestWithoutADefinition:
    def test_values(self) -> None:
        assert launch_parameters({"b": 1, "a": True, "c": "x" * 1024, "d": OddFloat(0.5)}) == [
            {"name": "b", "value": "1"},
            {"name": "a", "value": "true"},
            {"name": "c", "value": "x" * 1024},
            {"name": "d", "value": "0.5"},
        ]
        assert launch_parameters({}) == []

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"": "x"}, "'' is not a parameter name"),
            ({"a b": "x"}, "'a b' is not a parameter name"),
            ({5: "x"}, "5 is not a parameter name"),
            ({"x" * 257: "x"}, "1 to 256"),
            ({"a": None}, "/a: None cannot be a parameter's value"),
            ({"a": []}, r"/a: \[\] cannot be"),
            ({"a": ""}, r"/a: SageMaker refuses an empty value .*required minimum: 1"),
            ({"a": "x" * 1025}, "/a: the value has 1,025 characters"),
            ({f"p{i}": i for i in range(201)}, "201 parameters, more than the 200"),
        ],
    )
    def test_refused(self, values: Any, words: str) -> None:
        with pytest.raises(DefinitionError, match=words):
            launch_parameters(values)

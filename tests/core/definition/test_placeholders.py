"""Placeholders: what is one, what is put in, what is left over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_ack_sagemaker.core.definition.parse import Definition, DefinitionError, Problem, parse_definition


def filled(argument: Any, placeholders: dict[str, Any] | None = None) -> Definition:
    steps = [{"Name": "A", "Type": "Training", "Arguments": {"x": argument}}]
    return parse_definition(json.dumps({"Version": "2020-12-01", "Steps": steps}), placeholders=placeholders)


def value(argument: Any, **placeholders: Any) -> Any:
    return filled(argument, placeholders).document["Steps"][0]["Arguments"]["x"]


def refusal(argument: Any, **placeholders: Any) -> list[tuple[str, str]]:
    with pytest.raises(DefinitionError) as caught:
        filled(argument, placeholders)
    return [(problem.pointer, problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<NAME>", "v"),
        ("<<NAME>>", "v"),
        ("a<NAME>b<<NAME>>c", "avbvc"),
        ("<NAME><NAME>", "vv"),
        ("<N1_X>", "n"),
        ("< NAME>", "< NAME>"),
        ("<name>", "<name>"),
        ("<Name>", "<Name>"),
        ("<1NAME>", "<1NAME>"),
        ("<_NAME>", "<_NAME>"),
        ("<NA-ME>", "<NA-ME>"),
        ("<É>", "<É>"),
        ("<NAME", "<NAME"),
        ("NAME>", "NAME>"),
        ("</NAME>", "</NAME>"),
        ("<NAME/>", "<NAME/>"),
        ("<!DOCTYPE html><b>${NAME} {NAME} {{NAME}}</b>", "<!DOCTYPE html><b>${NAME} {NAME} {{NAME}}</b>"),
        ("1 << 2 >> 3", "1 << 2 >> 3"),
        ("<<<NAME>>>", "<v>"),
    ],
)
def test_what_is_a_placeholder(text: str, expected: str) -> None:
    assert value([text, "<NAME><<N1_X>>"], NAME="v", N1_X="n")[0] == expected


@pytest.mark.parametrize(
    ("given", "text"),
    [("", ""), ("é", "é"), (5, "5"), (-1.5, "-1.5"), (True, "true"), (False, "false"), (10**20, "1" + "0" * 20)],
)
def test_values_become_text(given: Any, text: str) -> None:
    assert value("<X>", X=given) == text
    assert value("a<<X>>b", X=given) == f"a{text}b"


def test_a_value_cannot_add_json() -> None:
    evil = '", "RoleArn": "arn:aws:iam::123456789012:role/admin", "y": "\\'
    document = filled("<X>", {"X": evil}).document
    assert document["Steps"][0]["Arguments"] == {"x": evil}


def test_a_value_is_taken_literally() -> None:
    assert value("<X> <<Y>>", X="<<Y>> <Z>", Y="<X>") == "<<Y>> <Z> <X>"
    assert value("one<BR>two", BR="<BR>") == "one<BR>two"


def test_everywhere_in_values() -> None:
    text = '{"Version": "<V>", "Steps": [{"Name": "<N>", "Type": "Fail", "Arguments": {"ErrorMessage": "\\u003cM>"}}]}'
    definition = parse_definition(text, placeholders={"V": "2020-12-01", "N": "Stop", "M": "m"})
    assert (definition.steps[0].name, definition.steps[0].body["Arguments"]) == ("Stop", {"ErrorMessage": "m"})


def test_left_over() -> None:
    found = refusal({"a": ["<ONE> <<TWO>> <ONE> <GIVEN>"], "b/c": "<BR>"}, GIVEN="g")
    assert [pointer for pointer, _ in found] == ["/Steps/0/Arguments/x/a/0", "/Steps/0/Arguments/x/b~1c"]
    assert "no value for placeholder <ONE>, <<TWO>>. Pass one (given: GIVEN)" in found[0][1]
    assert '{"BR": "<BR>"}' in found[1][1]


def test_left_over_without_any_mapping() -> None:
    assert len(refusal("<X>")) == 1
    with pytest.raises(DefinitionError, match=r"<X>.*given: none"):
        filled("<X>", None)


def test_one_that_is_left_over_speaks_alone_for_its_place() -> None:
    text = (
        '{"Version": "<V>", "Steps": [{"Name": "<N>", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "<G>"}}}]}'
    )
    with pytest.raises(DefinitionError) as caught:
        parse_definition(text)
    assert [problem.pointer for problem in caught.value.problems] == [
        "/Version",
        "/Steps/0/Name",
        "/Steps/0/Arguments/ErrorMessage/Get",
    ]


def test_in_a_name() -> None:
    ((pointer, message),) = refusal({"<KEY>": 1}, KEY="k")
    assert pointer == "/Steps/0/Arguments/x/<KEY>"
    assert "filled in values only" in message


@pytest.mark.parametrize("unusable", [None, [], {}, b"x", float("nan"), float("inf")])
def test_values_that_are_no_text(unusable: Any) -> None:
    ((pointer, message),) = refusal("<X>", X=unusable)
    assert pointer == ""
    assert "placeholder X is" in message


def test_a_name_that_is_not_used_is_a_warning() -> None:
    definition = filled("<X>", {"X": "x", "Y": "y", "lower": "z"})
    assert [warning.pointer for warning in definition.warnings] == ["", ""]
    assert "no <<Y>> or <Y>" in definition.warnings[0].message
    assert filled("<X>", {"X": ""}).warnings == ()
    assert all(isinstance(warning, Problem) for warning in definition.warnings)


def test_values_that_multiply_are_stopped() -> None:
    found = refusal(["<X>" * 100] * 10, X="x" * 100_000)
    assert any("longer than 4,194,304 characters" in message for _, message in found)

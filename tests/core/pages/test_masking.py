"""What looks like a secret is nowhere in what is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_ack_sagemaker.core.pages.masking import masked, parameters_of, secrets_of, shown_resource
from airflow_ack_sagemaker.core.pages.secret_shapes import MASK
from tests.core.resources import execution

SECRET = "hunter2-very-secret"


class Words:
    """Names with "token" or "password" in them, and one text that was registered."""

    def hides(self, name: str) -> bool:
        return any(word in name.lower() for word in ("token", "password"))

    def text(self, text: str) -> str:
        return text.replace("registered-secret", MASK)


def launched(*parameters: tuple[str, str], **metadata: Any) -> dict[str, Any]:
    found = execution(said="Executing", **metadata)
    found["spec"] = {"pipelineName": "abalone", "pipelineParameters": [{"name": k, "value": v} for k, v in parameters]}
    return found


def test_parameters_are_masked_by_name_and_by_value() -> None:
    found = launched(("ApiToken", SECRET), ("Epochs", "3"), ("Url", "https://u:registered-secret@h"), ("Password", ""))
    assert parameters_of(found, Words()) == [
        {"name": "ApiToken", "value": MASK, "masked": True},
        {"name": "Epochs", "value": "3", "masked": False},
        {"name": "Url", "value": f"https://u:{MASK}@h", "masked": True},
        {"name": "Password", "value": "", "masked": False},
    ]
    assert parameters_of({"kind": "PipelineExecution"}, Words()) == []


def test_a_resource_shows_no_secret_wherever_it_stands() -> None:
    copy = json.dumps({"spec": {"pipelineParameters": [{"name": "ApiToken", "value": SECRET}]}})
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": copy, "mine": copy, "api-token": SECRET}
    found = launched(
        ("ApiToken", SECRET), ("Config", json.dumps({"db": {"password": SECRET}})), annotations=annotations
    )
    shown = shown_resource(found, Words())
    assert SECRET not in json.dumps(shown)
    assert shown["spec"]["pipelineParameters"][0] == {"name": "ApiToken", "value": MASK}
    assert json.loads(shown["spec"]["pipelineParameters"][1]["value"]) == {"db": {"password": MASK}}
    assert "kubectl.kubernetes.io/last-applied-configuration" not in shown["metadata"]["annotations"]
    assert shown["metadata"]["name"] == "abalone"


def test_a_definition_shows_no_secret() -> None:
    definition = {
        "Parameters": [
            {"Name": "DbPassword", "Type": "String", "DefaultValue": SECRET, "EnumValues": [SECRET, "b"]},
            {"Name": "Epochs", "Type": "Integer", "DefaultValue": 3},
        ],
        "Steps": [
            {
                "Name": "Train",
                "Arguments": {
                    "Environment": {"AUTH_TOKEN": SECRET, "MODE": "fast", "token_map": {"a": [SECRET, None, True]}},
                    "HyperParameters": {"options": json.dumps([{"Name": "token", "Value": SECRET}])},
                    "Tags": [{"Key": "password", "Value": SECRET}, {"Key": "team", "Value": "ml"}],
                },
            }
        ],
    }
    shown = masked(definition, Words())
    assert SECRET not in json.dumps(shown)
    train = shown["Steps"][0]["Arguments"]
    assert train["Environment"]["MODE"] == "fast"
    assert train["Environment"]["token_map"] == {"a": [MASK, None, True]}
    assert train["Tags"][1] == {"Key": "team", "Value": "ml"}
    assert shown["Parameters"][0]["Name"] == "DbPassword"
    assert shown["Parameters"][1] == definition["Parameters"][1]  # type: ignore[index]


def test_what_is_nested_without_end_ends() -> None:
    deep: Any = SECRET
    for _ in range(350):
        deep = {"password": deep}
    assert SECRET not in json.dumps(masked(deep, Words()))
    text = "[" * 5_000 + f'"{SECRET}"' + "]" * 5_000
    assert masked({"a": text}, Words()) == {"a": text}


@pytest.mark.parametrize("after", ["", " x", ",", "[" * 100_000], ids=["end", "words", "comma", "nested"])
def test_a_number_that_is_too_long_ends_nothing_whatever_stands_behind_it(after: str) -> None:
    text = f"[{'1' * 5_000}{after}"
    assert masked({"a": text}, Words()) == {"a": text}
    assert list(secrets_of({"a": text, "token": SECRET}, Words())) == [SECRET]


def test_what_is_no_json_and_no_secret_stays_as_it_is() -> None:
    for text in ("{not json", "[1, 2]", '{"a": 1}', "\u202eabc\ud800", "<script>"):
        assert masked(text, Words()) == text
    assert masked([1, 2.5, None, True, ("a",)], Words()) == [1, 2.5, None, True, ["a"]]

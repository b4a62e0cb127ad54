"""Which String parameters were given as something else."""

from __future__ import annotations

from airflow_ack_sagemaker.core.definition.given_as import not_texts, strings_given_otherwise
from airflow_ack_sagemaker.core.definition.parameters import Parameter, launch_parameters

PARAMETERS = [Parameter("Version", "String"), Parameter("Rounds", "Integer"), Parameter("On", "String")]


def told(*launches: dict[str, object]) -> str | None:
    return strings_given_otherwise(PARAMETERS, [(not_texts(values), launch_parameters(values)) for values in launches])


def test_only_a_string_that_was_given_as_something_else_is_told() -> None:
    assert told({"Version": "1.10", "Rounds": 5}) is None
    line = told({"Version": 1.1, "Rounds": 5, "On": True})
    assert line is not None
    assert "Version ('1.1')" in line
    assert "On ('true')" in line
    assert "Rounds" not in line


def test_once_for_all_executions_of_a_batch() -> None:
    line = told({"Version": "1.10"}, {"Version": 2}, {"Version": 3.5})
    assert line is not None
    assert line.count("Version (") == 1
    many: list[dict[str, object]] = [{f"P{index}": index, "Version": 1} for index in range(600)]
    assert len(told(*many) or "") < 400

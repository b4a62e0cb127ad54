"""A list that was edited between two tries: each execution is known again by its content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.resource.launched_by import Try
from airflow_ack_sagemaker.core.resource.manifest import ExecutionSpec, SpecError
from airflow_ack_sagemaker.core.run.batch import by_number
from airflow_ack_sagemaker.core.run.batch_input import assign_slots

RUN = RunIdentity("dag", "run", "train")
FIRST = Try()


def spec(rounds: int) -> ExecutionSpec:
    return ExecutionSpec("abalone", [{"name": "Rounds", "value": str(rounds)}])


def launched(*rounds: int | None) -> list[dict[str, Any]]:
    """The resources of a try that was asked for these; None: it died before that one."""
    return [
        spec(value).manifest("ml", RUN.member(number), attempt=1, tried=FIRST)
        for number, value in enumerate(rounds)
        if value is not None
    ]


def slots(asked: Sequence[int], resources: list[dict[str, Any]], tried: Try = FIRST) -> list[int]:
    return assign_slots([spec(value).asked() for value in asked], by_number(resources, RUN), tried)


@pytest.mark.parametrize(
    ("asked", "there", "expected"),
    [
        ([1, 2, 3], (), [0, 1, 2]),
        ([1, 2, 3], (1, 2, 3), [0, 1, 2]),
        ([3, 1, 2], (1, 2, 3), [2, 0, 1]),  # another order
        ([1, 2, 3, 4], (1, 2), [0, 1, 2, 3]),
        ([9, 1, 2], (1, 2), [3, 0, 1]),  # one more before the others: its place's number is taken
        ([1, 1, 1], (1, None, 1), [0, 1, 2]),  # the same three times
        ([1, 2], (1, None), [0, 1]),
        ([2], (None, 2), [1]),  # one that was never launched has gone from the list
    ],
)
def test_what_was_launched_keeps_its_number(
    asked: list[int], there: tuple[int | None, ...], expected: list[int]
) -> None:
    assert slots(asked, launched(*there)) == expected


def test_what_cannot_be_matched_is_named() -> None:
    gone = launched(1, 2, 3)[1]["metadata"]["name"]
    with pytest.raises(SpecError, match=rf"(?s)executions has changed.*{gone} with .*'2'.*Nothing was launched"):
        slots([1, 3], launched(1, 2, 3))


def test_after_a_clear_the_list_is_free() -> None:
    cleared = Try(number=2, max_tries=1, clear_number=1)
    assert slots([7, 8], launched(1, 2, 3), cleared) == [0, 1]

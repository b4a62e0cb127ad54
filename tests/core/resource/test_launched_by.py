"""Retry, clear or another run: told from what Airflow's database said, never from a DAG file."""

from __future__ import annotations

import json

import pytest

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_LAUNCHED_BY
from airflow_ack_sagemaker.core.resource.launched_by import Relation, Try, launched_by, relation

MONDAY, TUESDAY = "2026-11-02T03:00:01.123456+00:00", "2026-11-03T03:00:01.654321+00:00"
FIRST = Try(number=1, max_tries=2, clear_number=0, run_start=MONDAY)


def later(**changes: object) -> Try:
    return Try(**{**{"number": 2, "max_tries": 2, "clear_number": 0, "run_start": MONDAY}, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (FIRST, Relation.SAME_RUN),
        (later(), Relation.SAME_RUN),
        (later(clear_number=1), Relation.SAME_RUN),  # another task of the run was cleared
        (later(max_tries=3), Relation.CLEARED),
        (later(max_tries=1), Relation.CLEARED),  # the retries were lowered, then it was cleared
        (later(max_tries=3, clear_number=1, run_start=TUESDAY), Relation.CLEARED),  # the run had ended
        (later(clear_number=1, run_start=TUESDAY), Relation.CLEARED),
        (later(number=1, run_start=TUESDAY), Relation.ANOTHER_RUN),
        (later(run_start=TUESDAY), Relation.ANOTHER_RUN),  # made again; its first try died before it launched
        (later(number=1, clear_number=1, run_start=TUESDAY), Relation.ANOTHER_RUN),
        (later(run_start=None), Relation.ANOTHER_RUN),
    ],
)
def test_how_a_try_is_related_to_the_one_that_launched(now: Try, expected: Relation) -> None:
    assert relation(FIRST, now) is expected


def test_it_is_read_as_it_was_written() -> None:
    for tried in (FIRST, Try(), later(run_start=None)):
        assert launched_by({"metadata": {"annotations": {ANNOTATION_LAUNCHED_BY: tried.to_text()}}}) == tried


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "[]",
        "{}",
        "null",
        "{",
        json.dumps({"number": "1", "max_tries": 0, "clear_number": 0, "run_start": None}),
        json.dumps({"number": True, "max_tries": 0, "clear_number": 0, "run_start": None}),
        json.dumps({"number": 1, "max_tries": 0, "clear_number": 0, "run_start": 7}),
        "[" * 100_000,
    ],
)
def test_nonsense_is_no_record(text: str) -> None:
    assert launched_by({"metadata": {"annotations": {ANNOTATION_LAUNCHED_BY: text}}}) is None

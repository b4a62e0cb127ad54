"""Executions that are looked up."""

from __future__ import annotations

from dataclasses import replace

from airflow_ack_sagemaker.core.pages.executions import usual_durations
from airflow_ack_sagemaker.core.pages.index import Index
from tests.core.pages.test_executions import row


def test_it_finds_what_a_look_at_all_finds() -> None:
    rows = [row(number) for number in range(300)]
    index = Index(rows)
    for one in rows:
        assert index.of_place[one.place] == [each for each in rows if each.place == one.place]
    assert index.usual == usual_durations(rows)
    assert Index([]).of_place == {}


def test_the_attempts_of_a_task_come_with_the_latest_first_and_with_what_is_newer_than_the_index() -> None:
    first = replace(row(1), attempt=1)
    second, third = (replace(first, name=f"run-1-{number}", uid=str(number), attempt=number) for number in (2, 3))
    index = Index([row(2), first, second])
    assert index.attempts(first) == [second, first]
    assert index.attempts(third) == [third, second, first]
    changed = replace(first, reason="seen since")
    assert index.attempts(changed) == [second, changed]

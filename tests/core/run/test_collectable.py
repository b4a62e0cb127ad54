from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_IDENTITY, ANNOTATION_REPORTED
from airflow_ack_sagemaker.core.run.collectable import collectable
from tests.core.resources import NOT_SYNCED, SYNCED, execution

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=timezone.utc)


def ended(
    name: str,
    hours: int,
    *,
    said: str = "Succeeded",
    pipeline: str = "abalone",
    annotations: dict[str, str] | None = None,
) -> Any:
    body = execution(SYNCED if said != "Executing" else NOT_SYNCED, said=said, name=name, annotations=annotations or {})
    body["spec"]["pipelineName"] = pipeline
    body["status"]["lastModifiedTime"] = (NOW - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
    return body


OURS = {ANNOTATION_IDENTITY: "[]"}
EXECUTIONS = [
    ended("one", 1),
    ended("two", 2, said="Failed"),
    ended("three", 3, annotations={**OURS, ANNOTATION_REPORTED: '{"state":"Succeeded"}'}),
    ended("unreported", 90, annotations=OURS),
    ended("running", 99, said="Executing"),
    ended("other", 4, pipeline="other"),
]


@pytest.mark.parametrize(
    ("limit", "ttl", "names"),
    [
        (None, None, []),
        (0, None, ["other", "three", "two", "one"]),
        (1, None, ["three", "two"]),
        (2, None, ["three"]),
        (None, timedelta(hours=3), ["other", "three"]),
        (2, timedelta(hours=2), ["other", "three", "two"]),
    ],
)
def test_the_oldest_go_first_and_what_is_waited_for_stays(
    limit: int | None, ttl: timedelta | None, names: list[str]
) -> None:
    going = collectable(EXECUTIONS, now=NOW, history_limit=limit, ttl=ttl)
    assert [item["metadata"]["name"] for item in going] == names


def test_what_is_being_deleted_is_left_alone() -> None:
    body = ended("gone", 5)
    body["metadata"]["deletionTimestamp"] = "2026-11-01T11:00:00Z"
    assert collectable([body], now=NOW, history_limit=0, ttl=None) == []


def test_what_was_reported_just_now_stays_for_a_while() -> None:
    def reported(name: str, minutes: int) -> Any:
        at = int((NOW - timedelta(minutes=minutes)).timestamp())
        return ended(name, 9, annotations={**OURS, ANNOTATION_REPORTED: f'{{"state":"Succeeded","try":1,"at":{at}}}'})

    executions = [reported("fresh", 5), reported("old", 65), ended("before-there-was-a-time", 2)]
    going = collectable(executions, now=NOW, history_limit=0, ttl=None, keep_reported=timedelta(hours=1))
    assert sorted(item["metadata"]["name"] for item in going) == ["before-there-was-a-time", "old"]

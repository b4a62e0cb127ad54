"""An execution in one line, and lines filtered, searched and sorted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_ack_sagemaker.core.pages.executions import Row, row_of, usual_durations
from airflow_ack_sagemaker.core.pages.listing import Query, page_of, readable
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_IDENTITY, RunIdentity, identity_of
from airflow_ack_sagemaker.core.resource.status import State
from tests.core.resources import NOT_SYNCED, SYNCED, execution, terminal

IDENTITY = RunIdentity("retraining", "scheduled__2026-11-01", "launch")
HOSTILE = '<img src=x onerror=alert(1)>"\u202e\ud800\x00' + "x" * 5_000
ODD_ID = "<b>\u202eid</b> & \u00e9"


def ours(identity: RunIdentity = IDENTITY) -> dict[str, Any]:
    return {"annotations": {ANNOTATION_IDENTITY: identity.text}, "labels": identity.labels()}


def ran(said: str = "Succeeded", *, seconds: int = 60, **metadata: Any) -> dict[str, Any]:
    found = execution(SYNCED, said=said, **{**ours(), **metadata})
    found["spec"] = {"pipelineName": "abalone"}
    found["status"] |= {
        "creationTime": "2026-11-01T03:00:05Z",
        "lastModifiedTime": f"2026-11-01T03:{seconds // 60:02}:05Z",
    }
    return found


def test_a_row_says_whose_it_is_and_how_long_it_took() -> None:
    row = row_of(ran(seconds=120), "prod")
    assert (row.cluster, row.namespace, row.name, row.pipeline) == ("prod", "ml", "abalone", "abalone")
    assert (row.dag_id, row.run_id, row.task_id, row.map_index, row.index) == (*IDENTITY_PARTS, -1, None)
    assert (row.state, row.status, row.over) == (State.SUCCEEDED, "Succeeded", True)
    assert (row.created, row.started, row.ended) == (
        "2026-11-01T03:00:00Z",
        "2026-11-01T03:00:05Z",
        "2026-11-01T03:02:05Z",
    )
    assert row.duration == 120
    assert row.shown({("prod", "ml", "abalone"): 90.0})["usual_duration"] == 90.0
    json.dumps(row.shown({}))


IDENTITY_PARTS = (IDENTITY.dag_id, IDENTITY.run_id, IDENTITY.task_id)


def test_what_runs_or_was_refused_has_no_end() -> None:
    running = row_of(execution(NOT_SYNCED, said="Executing", **ours()), "prod")
    assert (running.state, running.ended, running.duration, running.over) == (State.IN_PROGRESS, None, None, False)
    refused = row_of(execution(terminal("ResourceNotFound: Pipeline 'x' does not exist."), **ours()), "prod")
    assert (refused.state, refused.started, refused.ended, refused.over) == (State.REFUSED, None, None, True)
    assert refused.remedy


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "not json",
        "[" * 100_000,
        "{}",
        '"retraining"',
        '["retraining"]',
        '["retraining","run","task"]',
        '["retraining","run","task","-1"]',
        '["retraining","run",null,-1]',
        '["retraining","run","task",-1,"0"]',
        '["retraining","run","task",-1,0,0]',
        '["retraining","run","task",true]',
        '["retraining","run","task",-2]',
        '["retraining","run","task",2147483648]',
        '["","run","task",-1]',
        '["retraining","a\\u0000b","task",-1]',
        '["retraining","\\ud800","task",-1]',
        json.dumps(["retraining", "r" * 251, "task", -1]),
    ],
)
def test_an_annotation_that_is_not_ours_is_nobodys(text: str | None) -> None:
    annotations = {} if text is None else {ANNOTATION_IDENTITY: text}
    assert identity_of({"metadata": {"annotations": annotations}}) is None
    assert row_of(execution(said="Executing", annotations=annotations), "prod").dag_id is None


def test_an_identity_is_read_as_it_was_written() -> None:
    for identity in (
        IDENTITY,
        RunIdentity("d", "r", "t", 3),
        RunIdentity("d", "r", "t", -1, 7),
        RunIdentity(ODD_ID, "r", "t"),
    ):
        assert identity_of({"metadata": ours(identity)}) == identity
    assert identity_of({}) is None


def test_a_row_of_almost_nothing_and_of_odd_values() -> None:
    row = row_of({"kind": "PipelineExecution"}, "")
    assert (row.state, row.name, row.created, row.duration) == (State.UNSEEN, "", "", None)
    odd = ran(labels={"airflow-ack-sagemaker/attempt": "many"})
    odd["status"] |= {"creationTime": 17, "lastModifiedTime": None, "pipelineExecutionStatus": HOSTILE}
    row = row_of(odd, "prod")
    assert (row.started, row.ended, row.attempt, row.state) == (None, None, None, State.UNKNOWN)


def test_a_reason_is_cut_and_stays_text() -> None:
    found = row_of(execution(SYNCED, said="Failed", reason=HOSTILE, **ours()), "prod")
    assert found.reason is not None
    assert found.reason.startswith("<img src=x onerror=alert(1)>")
    assert len(found.reason) <= 500


def test_the_usual_duration_is_the_median_of_what_succeeded() -> None:
    rows = [row_of(ran(seconds=60 * minutes, name=f"r{minutes}"), "prod") for minutes in (1, 2, 9)]
    rows.append(row_of(ran("Failed", seconds=60 * 50), "prod"))
    assert usual_durations(rows) == {("prod", "ml", "abalone"): 120}
    assert usual_durations([]) == {}


# --- lists


def row(number: int, **values: Any) -> Row:
    base: dict[str, Any] = {
        "cluster": "prod",
        "namespace": "ml",
        "name": f"run-{number:05}",
        "uid": str(number),
        "pipeline": f"pipeline-{number % 7}",
        "state": list(State)[number % 4],
        "created": f"2026-11-{1 + number % 28:02}T00:00:00Z",
        "dag_id": f"dag-{number % 3}",
        "run_id": f"r{number}",
        "task_id": "launch",
        "duration": float(number) if number % 2 else None,
    }
    return Row(**{**base, **values})


ROWS = [row(number) for number in range(10_000)]


def test_only_what_may_be_read_is_there() -> None:
    rows = readable([*ROWS, row(1, dag_id=None)], {"dag-1"})
    assert {one.dag_id for one in rows} == {"dag-1"}
    assert readable(ROWS, frozenset()) == []


def test_a_page_counts_what_the_states_leave_out() -> None:
    page = page_of(ROWS, Query(dag_id="dag-0", states=("Unseen",), limit=5))
    assert [one.state for one in page.items] == [State.UNSEEN] * 5
    assert (
        page.total == page.counts["Unseen"] == sum(one.dag_id == "dag-0" and one.state is State.UNSEEN for one in ROWS)
    )
    assert sum(page.counts.values()) == sum(one.dag_id == "dag-0" for one in ROWS)
    assert page.dags == ["dag-0", "dag-1", "dag-2"]
    assert len(page.pipelines) == 7


def test_each_filter_fits() -> None:
    assert [one.name for one in page_of(ROWS, Query(run_id="r42")).items] == ["run-00042"]
    assert page_of(ROWS, Query(task_id="other")).total == 0
    assert page_of(ROWS, Query(map_index=-1)).total == len(ROWS)
    assert page_of(ROWS, Query(map_index=0)).total == 0
    assert page_of(ROWS, Query(namespace="other")).total == 0
    assert {one.pipeline for one in page_of(ROWS, Query(pipeline="pipeline-3")).items} == {"pipeline-3"}


def test_each_word_is_searched_for_everywhere() -> None:
    some = [row(1, reason="Out of Memory", status="Failed"), row(2, dag_id="Straße"), row(3, pipeline="memory-hog")]
    assert [one.uid for one in page_of(some, Query(search="memory failed")).items] == ["1"]
    assert {one.uid for one in page_of(some, Query(search="MEMORY")).items} == {"1", "3"}
    assert [one.uid for one in page_of(some, Query(search="strasse")).items] == ["2"]
    assert page_of(some, Query(search="%")).total == 0


@pytest.mark.parametrize("sort", ["created", "pipeline", "dag_id", "state", "duration"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_every_sort_has_the_unknown_last_and_pages_that_fit_together(sort: str, sign: str) -> None:
    pages = [
        page_of(ROWS[:500], Query(sort=sign + sort, limit=100, offset=offset)).items for offset in range(0, 500, 100)
    ]
    rows = [one for page in pages for one in page]
    assert len({one.uid for one in rows}) == 500
    if sort == "duration":
        assert [one.duration is None for one in rows] == [False] * 250 + [True] * 250
    values = [getattr(one, sort) for one in rows if getattr(one, sort) is not None]
    assert values == sorted(values, reverse=bool(sign))


def test_beyond_the_end_there_is_nothing() -> None:
    assert page_of(ROWS, Query(offset=20_000)).items == []
    with pytest.raises(KeyError):
        page_of(ROWS, Query(sort="name; drop table"))

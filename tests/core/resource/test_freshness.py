"""Which status is an answer to which change, by the times of the writes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.freshness import (
    ANNOTATION_ANSWERED,
    STATUS_RESOLUTION,
    answer_note,
    answered,
    change_note,
    generation_of,
    observe,
    pause_before_change,
    prune,
)
from airflow_ack_sagemaker.core.resource.status import State, classify
from tests.core.resources import NOT_SYNCED, SYNCED, execution, pipeline


def managed(*entries: tuple[str, str, str | None]) -> list[dict[str, Any]]:
    """(what, second, subresource) triples as managed fields."""
    return [
        {
            "manager": "m",
            "operation": "Apply",
            "time": f"2026-11-01T03:00:{second}Z",
            "fieldsV1": {f"f:{what}": {"f:x": {}}},
            **({"subresource": subresource} if subresource else {}),
        }
        for what, second, subresource in entries
    ]


@pytest.mark.parametrize(
    ("entries", "fresh"),
    [
        ([("spec", "10", None), ("status", "11", "status")], True),
        ([("spec", "10", None), ("status", "10", "status")], True),
        ([("spec", "12", None), ("status", "11", "status")], False),
        ([("spec", "10", None)], False),
        ([("spec", "10", None), ("spec", "20", None), ("status", "15", "status")], False),
        ([("spec", "10", None), ("metadata", "20", None), ("status", "15", "status")], True),
        ([("status", "11", "status")], True),
        ([], True),
    ],
)
def test_answered(entries: list[tuple[str, str, str | None]], fresh: bool) -> None:
    body = pipeline(SYNCED, said="Active", managedFields=managed(*entries))
    assert answered(body) is fresh
    assert observe(body).state is (State.SUCCEEDED if fresh else State.UNSEEN)
    assert observe(prune(body)) == observe(body)


def test_a_stale_status_says_so_and_a_job_is_read_as_it_is() -> None:
    stale = observe(
        pipeline(SYNCED, said="Active", managedFields=managed(("spec", "12", None), ("status", "11", "status")))
    )
    assert "has not answered" in (stale.reason or "")
    job = execution(
        NOT_SYNCED, said="Executing", managedFields=managed(("spec", "12", None), ("status", "11", "status"))
    )
    assert observe(job) == classify(job)


def at(second: int, minutes: int = 0) -> datetime:
    return datetime(2026, 11, 1, 3, 0, tzinfo=timezone.utc) + timedelta(minutes=minutes, seconds=second)


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (at(11), 2),
        (at(12), 1),
        (at(13), 0),
        (at(11, minutes=60), 0),
        # The clock was set back since: nobody knows when it was, and two seconds from now on are enough in any case.
        (at(10), 2),
        (at(11, minutes=-60), 2),
        (None, 2),
    ],
)
def test_a_change_waits_until_the_second_of_the_last_status_is_over(now: datetime | None, seconds: int) -> None:
    body = pipeline(SYNCED, said="Active", managedFields=managed(("status", "11", "status")))
    assert pause_before_change(body, now) == timedelta(seconds=seconds) <= STATUS_RESOLUTION
    assert pause_before_change(pipeline(), now) == timedelta(0)


def changed_by_us(before: str, *entries: tuple[str, str, str | None], later: int = 0) -> dict[str, Any]:
    """A pipeline that was at generation 4 with a status of second ``before``, as we have left it."""
    found = pipeline(SYNCED, said="Active", generation=4, managedFields=managed(("status", before, "status")))
    return pipeline(
        SYNCED,
        said="Active",
        generation=5 + later,
        annotations=change_note(found),
        managedFields=managed(*entries),
    )


@pytest.mark.parametrize(
    ("body", "fresh"),
    [
        # The server's clock was ahead when the controller last wrote, and was set back before our change.
        (changed_by_us("59", ("spec", "10", None), ("status", "59", "status")), False),
        (changed_by_us("59", ("spec", "10", None), ("status", "11", "status")), True),
        # It was set back between our change and the answer.
        (changed_by_us("49", ("spec", "50", None), ("status", "49", "status")), False),
        (changed_by_us("49", ("spec", "50", None), ("status", "10", "status")), True),
        # Somebody else has changed the spec after us: what we noted does not speak of that change.
        (changed_by_us("10", ("spec", "20", None), ("status", "15", "status"), later=1), False),
        (changed_by_us("10", ("spec", "20", None), ("status", "21", "status"), later=1), True),
    ],
)
def test_what_was_noted_at_the_change_tells_the_answer_whatever_the_clock_says(
    body: dict[str, Any], fresh: bool
) -> None:
    assert answered(body) is fresh
    assert observe(body).state is (State.SUCCEEDED if fresh else State.UNSEEN)
    assert observe(prune(body)) == observe(body)


def test_the_first_status_of_a_new_resource_is_an_answer() -> None:
    """The server's clock was set back between its creation and the controller's first word."""
    body = pipeline(
        SYNCED, said="Active", generation=1, managedFields=managed(("spec", "50", None), ("status", "10", "status"))
    )
    assert observe(body).state is State.SUCCEEDED
    body["metadata"]["managedFields"].pop()
    assert not answered(body)


def labelled(generation: int, **annotations: str) -> dict[str, Any]:
    """A pipeline whose manager has written something, a label perhaps, after the status."""
    entries = managed(("spec", "20", None), ("status", "10", "status"))
    return pipeline(
        SYNCED,
        said="Active",
        uid="p1",
        generation=generation,
        managedFields=entries,
        annotations={ANNOTATION_ANSWERED: "p1/4", **annotations},
    )


@pytest.mark.parametrize(
    ("body", "fresh"),
    [
        (labelled(4), True),
        (labelled(5), False),
        (labelled(4, **{ANNOTATION_ANSWERED: "another/4"}), False),
        (labelled(4, **{ANNOTATION_ANSWERED: "p1/4/5"}), False),
    ],
)
def test_what_was_seen_to_be_answered_is_until_the_spec_changes(body: dict[str, Any], fresh: bool) -> None:
    assert answered(body) is fresh
    assert observe(body).state is (State.SUCCEEDED if fresh else State.UNSEEN)
    assert observe(prune(body)) == observe(body)
    body["metadata"]["managedFields"].pop()
    assert not answered(body), "without a status there is no answer"


def test_it_is_written_down_only_where_a_later_write_could_raise_a_doubt() -> None:
    entries = managed(("spec", "10", None), ("status", "11", "status"))
    others = pipeline(SYNCED, said="Active", uid="p1", generation=4, managedFields=entries)
    note = answer_note(others)
    assert note == {ANNOTATION_ANSWERED: generation_of(others)} == {ANNOTATION_ANSWERED: "p1/4"}
    others["metadata"]["annotations"] = note
    assert answer_note(others) == {}, "once is enough"
    first = pipeline(SYNCED, said="Active", generation=1, managedFields=entries)
    assert answer_note(first) == {}
    assert answer_note(pipeline(SYNCED, said="Active", generation=4)) == {}, "no managed fields are kept"
    ours = pipeline(SYNCED, said="Active", generation=4, managedFields=entries)
    entries[0]["manager"] = "airflow-ack-sagemaker"
    assert answer_note(ours) == {}, "nobody else's write counts"
    entries[0]["manager"] = "m"
    changed = changed_by_us("10", ("spec", "20", None), ("status", "21", "status"))
    assert answer_note(changed) == {}, "our own note tells it"
    unanswered = changed_by_us("10", ("spec", "20", None), ("status", "10", "status"))
    assert answer_note(unanswered) != {}, "what SageMaker has the status does not tell"


def test_a_note_that_was_copied_from_another_resource_is_none() -> None:
    body = changed_by_us("59", ("spec", "10", None), ("status", "59", "status"))
    assert not answered(body)
    body["metadata"]["uid"] = "another"
    assert answered(body), "by the times alone"


@pytest.mark.parametrize(
    "note", ["", "7", "[]", "{}", '{"generation":true,"status":null}', '{"generation":5,"status":1}', "[" * 9_999]
)
def test_a_note_that_somebody_else_wrote_is_none(note: str) -> None:
    body = changed_by_us("59", ("spec", "10", None), ("status", "11", "status"))
    body["metadata"]["annotations"] = {"airflow-ack-sagemaker/change": note}
    assert answered(body)


def test_pruning_drops_the_definition_and_keeps_the_outcome() -> None:
    body = pipeline(SYNCED, said="Active", managedFields=managed(("spec", "10", None), ("status", "11", "status")))
    body["spec"]["pipelineDefinition"] = "x" * 1_000_000
    body["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "y" * 100_000}
    assert len(str(prune(body))) < 2_000
    assert observe(prune(body)) == observe(body)


def test_what_the_controller_fills_into_the_spec_is_no_change() -> None:
    entries = managed(("spec", "10", None), ("spec", "30", None), ("status", "12", "status"))
    entries[1]["manager"] = entries[2]["manager"] = "ack-sagemaker"
    body = pipeline(SYNCED, said="Active", managedFields=entries)
    assert answered(body)
    assert observe(prune(body)) == observe(body)
    entries[1]["manager"] = "kubectl-edit"
    assert not answered(body)

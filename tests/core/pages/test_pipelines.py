"""Pipelines at a glance, whether their controller is at work, and what a definition has changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_ack_sagemaker.core.definition.digest import digest_of
from airflow_ack_sagemaker.core.definition.document import canonical
from airflow_ack_sagemaker.core.pages.differences import MAX_LINES, by_digest, difference, previous_of
from airflow_ack_sagemaker.core.pages.health import health_of
from airflow_ack_sagemaker.core.pages.pipelines import (
    PipelineRow,
    dag_labels,
    drift_of,
    needs_canonical,
    pipeline_row,
    prune,
    summarize,
    visible,
)
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_DEFINITION_SHA256,
    ANNOTATION_DEFINITION_SOURCE,
    ANNOTATION_DEFINITION_VERSION,
    LABEL_DAG,
)
from airflow_ack_sagemaker.core.resource.status import State
from tests.core.pages.test_executions import row
from tests.core.pages.test_masking import Words
from tests.core.resources import SYNCED, pipeline

DOCUMENT = {"Version": "2020-12-01", "Steps": [{"Name": "A"}]}
TEXT = canonical(DOCUMENT)
SHA = hashlib.sha256(TEXT.encode()).hexdigest()
NOW = datetime(2026, 11, 1, 4, tzinfo=timezone.utc)


def of(text: str = TEXT, *, said: str | None = "Active", version: str | None = "v1", **metadata: Any) -> PipelineRow:
    annotations = {
        ANNOTATION_DEFINITION_SHA256: SHA,
        ANNOTATION_DEFINITION_SOURCE: "s3://b/k",
        **({ANNOTATION_DEFINITION_VERSION: version} if version else {}),
    }
    conditions = [SYNCED] if said else []
    found = pipeline(*conditions, said=said, annotations=annotations, labels={LABEL_DAG: "retraining"}, **metadata)
    found["spec"] = {"pipelineName": "Abalone", "pipelineDefinition": text}
    return pipeline_row(json.loads(json.dumps(prune(found))), "prod")


def test_a_pipeline_keeps_everything_but_its_text() -> None:
    found = of()
    assert (found.pipeline, found.state, found.status, found.definition.version_id) == (
        "Abalone",
        State.SUCCEEDED,
        "Active",
        "v1",
    )
    assert (found.text_sha256, found.dag_label, found.region) == (SHA, "retraining", "us-east-1")
    bare = pipeline_row(prune({"kind": "Pipeline"}), "prod")
    assert (bare.name, bare.text_sha256, bare.definition.sha256, bare.state) == ("", None, None, State.UNSEEN)


def test_the_digest_is_that_of_what_the_text_means() -> None:
    assert digest_of(json.dumps(DOCUMENT, indent=4)) == SHA
    assert digest_of(TEXT) == SHA
    assert digest_of("no json") == hashlib.sha256(b"no json").hexdigest()
    assert digest_of("\ud800")


def test_drift() -> None:
    assert drift_of(of(), "v1", None).state == "in_sync"
    indented = of(json.dumps(DOCUMENT, indent=1))
    assert needs_canonical(indented)
    assert drift_of(indented, "v1", None, SHA).state == "in_sync"
    assert drift_of(indented, "v1", None).state == "unknown"
    assert drift_of(of(), "v2", None).state == "behind"
    assert drift_of(of(TEXT.replace("A", "B")), "v1", None, "another").state == "edited"
    assert drift_of(of(), None, "S3 is down").detail == "S3 is down"
    assert drift_of(of(version=None), "v1", None).state == "unknown"


def test_a_summary_counts_what_succeeded_among_what_succeeded_or_failed() -> None:
    states = [State.SUCCEEDED, State.SUCCEEDED, State.FAILED, State.STOPPED, State.REFUSED, State.IN_PROGRESS]
    rows = [
        row(n, state=state, created=f"2026-11-{n + 1:02}T00:00:00Z", duration=float(n))
        for n, state in enumerate(states)
    ]
    found = summarize(reversed(rows))
    assert (found.last, found.ended) == (rows[-1], 3)
    assert found.success_rate == pytest.approx(2 / 3)
    assert [one.created for one in found.recent] == sorted(one.created for one in rows)
    assert summarize([]).success_rate is None
    assert len(summarize(replace(row(1), uid=str(n)) for n in range(100)).recent) == 30


def test_a_pipeline_is_shown_to_who_may_read_its_dag_or_its_executions() -> None:
    assert visible(of(), dag_labels({"retraining"}), read=False)
    assert not visible(of(), dag_labels({"other"}), read=False)
    assert visible(of(), frozenset(), read=True)
    assert not visible(replace(of(), dag_label=None), dag_labels({"retraining"}), read=False)


# --- health


def touched(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def health(*rows: Any, pipelines: Any = (), known: bool = True) -> tuple[str, int]:
    found = health_of(rows, list(pipelines), now=NOW, known=known)
    return found.controller, found.waiting


def test_a_controller_that_has_written_lately_reconciles() -> None:
    assert health(row(1, touched=touched(30))) == ("reconciling", 0)
    assert health(row(1, touched=touched(3_000))) == ("idle", 0)
    assert health(row(1, touched=touched(30)), known=False) == ("unknown", 0)
    assert health() == ("unknown", 0)


def test_what_waits_in_vain_says_that_it_is_silent() -> None:
    waits = row(1, state=State.UNSEEN, created=touched(90))
    assert health(waits) == ("silent", 1)
    assert health(waits, row(2, touched=touched(5))) == ("reconciling", 1)
    assert health(row(1, state=State.UNSEEN, created=touched(5)), row(2, touched=touched(4_000))) == ("idle", 1)
    assert health(pipelines=[of(said=None, creationTimestamp=touched(120))]) == ("silent", 1)
    found = health_of([waits, row(2, state=State.UNSEEN, created=touched(200))], [], now=NOW, known=True)
    assert (found.waiting, found.waiting_oldest) == (2, touched(200))


# --- differences


def test_the_one_before_is_of_the_same_pipeline() -> None:
    rows = [row(n, pipeline="a" if n != 3 else "b", created=f"2026-11-{n:02}T00:00:00Z") for n in range(1, 6)]
    assert previous_of(rows[3], rows) == rows[1]
    assert previous_of(rows[0], rows) is None


def test_digests_tell_whether_and_not_what() -> None:
    assert by_digest("a", "a", "why").same is True
    assert by_digest("a", "b", "why").same is False
    assert by_digest(None, "b", "why").same is None


def test_a_difference_is_shown_without_secrets() -> None:
    steps = [{"Name": f"S{n}", "Arguments": {"token": "hunter2", "n": n}} for n in range(100)]
    before = {"Steps": steps, "Parameters": []}
    after = json.loads(json.dumps(before))
    after["Steps"][50]["Arguments"] = {"token": "hunter3", "n": 51}
    found = difference(json.dumps(before), json.dumps(after), Words(), ("old", "new"))
    assert found.same is False
    assert found.diff is not None
    lines = found.diff.split("\n")
    assert lines[:2] == ["--- old", "+++ new"]
    assert '-        "n": 50,' in lines
    assert '+        "n": 51,' in lines
    assert "hunter" not in found.diff
    pretty = json.dumps(before, indent=2, sort_keys=True).split("\n")
    start = int(lines[2].split()[1].partition(",")[0][1:])
    assert lines[3][1:] == pretty[start - 1]


def test_equal_documents_are_the_same_however_they_are_written() -> None:
    assert difference('{"a": 1, "b": 2}', '{"b":2,"a":1}', Words(), ("o", "n")).same is True
    only = difference('{"token": "1"}', '{"token": "2"}', Words(), ("o", "n"))
    assert (only.same, only.diff) == (False, None)
    assert only.note
    assert difference("x", "y", Words(), ("o", "n")).same is False


@pytest.mark.parametrize(("before", "after"), [("true", "1"), ("1", "1.0"), ("0", "false"), ("[1]", "[true]")])
def test_what_python_takes_for_equal_is_a_difference(before: str, after: str) -> None:
    found = difference(f'{{"a": {before}}}', f'{{"a": {after}}}', Words(), ("o", "n"))
    assert found.same is False
    assert before.strip("[]") in (found.diff or "")


def test_the_lines_of_a_difference_are_those_of_pretty_json() -> None:
    document: dict[str, Any] = {
        "é": [1, 1.5, True, None, 'ü"\n', "", [], {}, [[1], {"b": 10**30}]],
        "a": {"z": {}, "b": [[]]},
    }
    lines = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).split("\n")
    shown = (difference(json.dumps(document), "{}", Words(), ("o", "n")).diff or "").split("\n")[3:]
    assert shown == [*(f"-{line}" for line in lines), "+{}"]


def test_what_stands_deep_is_indented_no_further() -> None:
    """Each of its lines would be as long as it is deep, and a megabyte a hundred of them."""
    before, after = (f"{'[' * 150}{last}{',1' * 9}{']' * 150}" for last in (2, 3))
    shown = (difference(before, after, Words(), ("o", "n")).diff or "").split("\n")
    assert [line.strip("- +,") for line in shown if line[0] in "-+"] == ["o", "n", "2", "3"]
    assert max(map(len, shown)) < 60


def test_a_difference_is_bounded() -> None:
    small = json.dumps({"a": list(range(1_500))})
    other = json.dumps({"a": list(range(9_000, 10_500))})
    cut = difference(small, other, Words(), ("o", "n"))
    assert cut.diff is not None
    assert len(cut.diff.split("\n")) == MAX_LINES
    assert cut.note
    huge = difference(json.dumps(list(range(50_000))), json.dumps(list(range(50_000, 100_000))), Words(), ("o", "n"))
    assert huge.same is False
    assert huge.diff is not None
    assert len(huge.diff.split("\n")) == MAX_LINES

"""Executions that nobody owns are told from those whose resource was merely collected."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from airflow_ack_sagemaker.core.run.duplicates import StartedExecution, duplicates, is_ours, twins_of
from tests.core import resources

NOW = datetime(2026, 11, 1, 6, tzinfo=timezone.utc)
NAME = RunIdentity("retrain", "scheduled__2026-11-01", "retrain").resource_name("abalone", 1)
OWNED = f"{resources.ARN}/execution/abc"
EXTRA = f"{resources.ARN}/execution/extra"


def listed(arn: str = EXTRA, status: str = "Executing", name: str = NAME, minutes: float = 60) -> StartedExecution:
    return StartedExecution(arn, status, NOW - timedelta(minutes=minutes), name)


def owner(said: str | None = "Executing", name: str = NAME) -> dict[str, Any]:
    resource = resources.execution(said=said)
    resource["metadata"]["name"] = NAME
    resource["spec"] = {"pipelineName": "abalone", "pipelineExecutionDisplayName": name}
    return resource


def test_names_of_ours_are_known() -> None:
    assert is_ours(NAME)
    assert is_ours(RunIdentity("retrain", "scheduled__2026-11-01", "retrain").member(3).resource_name("abalone", 1))
    assert not is_ours("weekly")
    assert not is_ours("")


@pytest.mark.parametrize("said", ["Executing", "Succeeded"])
@pytest.mark.parametrize("status", ["Executing", "Succeeded"])
def test_a_second_execution_of_one_name(said: str, status: str) -> None:
    (found,) = duplicates([listed(OWNED, said), listed(EXTRA, status)], [owner(said)], now=NOW)
    assert found.resource == NAME
    assert found.owned is not None
    assert found.owned.arn == OWNED
    assert [execution.arn for execution in found.others] == [EXTRA]
    assert found.count == 2
    assert found.runs == (status == "Executing")


def test_the_resource_knows_none_of_two() -> None:
    """The write of its status was lost both times."""
    (found,) = duplicates([listed(OWNED), listed(EXTRA)], [owner(None)], now=NOW)
    assert found.owned is None
    assert len(found.others) == 2


def test_one_runs_whose_resource_is_gone() -> None:
    (found,) = duplicates([listed()], [], now=NOW)
    assert (found.resource, found.count, found.runs) == (None, 1, True)


@pytest.mark.parametrize(
    ("executions", "owners"),
    [
        ([listed(OWNED)], [owner()]),
        ([listed(OWNED, "Succeeded")], []),  # collected
        ([listed(OWNED, "Succeeded"), listed(EXTRA, "Stopped")], []),  # nothing is left to do about it
        ([listed(minutes=1)], [owner(None)]),  # just being started
        ([listed(OWNED), listed(EXTRA, minutes=1)], [owner()]),
        ([listed(OWNED, name="weekly"), listed(EXTRA, name="weekly")], [owner(name="weekly")]),  # somebody's own choice
        ([listed(EXTRA, name="")], []),
    ],
)
def test_what_is_no_duplicate(executions: list[StartedExecution], owners: list[dict[str, Any]]) -> None:
    assert duplicates(executions, owners, now=NOW) == []


def test_what_had_ended_before_its_resource_was_made_is_no_twin() -> None:
    """A try stopped it and took its resource away; the next try gave the name again."""
    resource = owner()
    resource["metadata"]["creationTimestamp"] = (NOW - timedelta(minutes=70)).isoformat()
    twins = [listed(EXTRA, "Stopped", minutes=90), listed(OWNED)]
    assert duplicates(twins, [resource], now=NOW) == []
    (found,) = duplicates([listed(EXTRA, "Executing", minutes=90), listed(OWNED)], [resource], now=NOW)
    assert found.runs, "nobody stops it"
    (found,) = duplicates([listed(EXTRA, "Stopped", minutes=69), listed(OWNED)], [resource], now=NOW)
    assert not found.runs


def test_twins_of_one_execution() -> None:
    others = [listed(OWNED), listed(EXTRA), listed("arn:other", name=RunIdentity("d", "r", "t").resource_name("a", 1))]
    assert [one.arn for one in twins_of(NAME, OWNED, others)] == [EXTRA]
    assert twins_of("weekly", OWNED, [listed(EXTRA, name="weekly")]) == []

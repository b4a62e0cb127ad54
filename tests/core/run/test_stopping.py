"""What is said about a job that was asked to stop: a confirmation only where there is one."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.status import Outcome, classify, gone
from airflow_ack_sagemaker.core.run.stopping import has_ended, is_confirmed, is_ended_by_user, may_run, stop_report
from tests.core.resources import condition, execution

DELETED: dict[str, Any] = {"deletionTimestamp": "2026-11-01T03:10:00Z", "finalizers": ["f"]}
RUNNING = classify(execution(said="Executing"))
STOPPING = classify(execution(said="Stopping", **DELETED))


@pytest.mark.parametrize(
    ("last", "ended", "said"),
    [
        (gone(RUNNING), True, "is gone, but SageMaker was last seen saying Executing"),
        (gone(STOPPING), True, "Confirmed: the execution is Stopped"),
        (classify(execution(said="Stopped", **DELETED)), True, "Confirmed: SageMaker says"),
        (classify(execution(said="Succeeded", **DELETED)), True, "had ended by itself"),
        (gone(classify(execution(said="Failed"))), True, "had ended by itself"),
        (gone(classify(execution())), True, "is withdrawn; no execution of it was known"),
        (classify(execution(condition("ACK.Terminal", "True", "no"))), True, "is withdrawn"),
        (STOPPING, False, "SageMaker is stopping pipelineexecution/abalone"),
        (classify(execution(said="Executing", **DELETED)), False, "no controller has answered within 3 s"),
        (classify(execution(**DELETED)), False, "SageMaker says nothing yet"),
    ],
)
def test_what_is_said(last: Outcome, ended: bool, said: str) -> None:
    report = stop_report(last, 3.2)
    assert has_ended(last) == ended
    assert said in report
    if not ended:
        assert "kubectl get pipelineexecution abalone -n ml" in report
        assert "Confirmed" not in report


def test_a_deletion_that_was_given_up_has_stopped_nothing() -> None:
    terminal = condition("ACK.Terminal", "True", "no", at="2026-11-01T03:10:01Z")
    refused = classify(execution(terminal, said="Executing", **DELETED))
    assert has_ended(refused), "nothing more comes"
    assert may_run(refused)
    assert not is_confirmed(refused)
    assert "given up the deletion of pipelineexecution/abalone" in stop_report(refused, 3.2)
    assert not may_run(classify(execution(terminal, said="Failed", **DELETED)))


@pytest.mark.parametrize(
    ("state", "by_user"),
    [
        ("success", True),
        ("failed", True),
        ("restarting", True),  # a clear of a task that runs
        (None, True),  # a clear of one that is deferred, before the scheduler has looked
        ("running", False),  # the worker is shut down
        ("up_for_retry", False),  # the scheduler has missed the heartbeats of a busy worker ...
        ("scheduled", False),  # ... and lets the next try begin
        ("queued", False),
        ("deferred", False),  # the trigger has moved to another triggerer ...
        ("up_for_reschedule", False),
    ],
)
def test_only_what_a_person_does_ends_a_try_for_good(state: str | None, by_user: bool) -> None:
    assert is_ended_by_user(state) is by_user

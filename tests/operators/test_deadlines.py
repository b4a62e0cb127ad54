"""What an operator waits for in each try."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

from structlog.testing import capture_logs

from airflow_ack_sagemaker.core.resource.status import Outcome, State
from airflow_ack_sagemaker.operators.base import Seconds
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator


def operator(timeout: Seconds = None) -> AckPipelineExecutionOperator:
    return AckPipelineExecutionOperator(task_id="t", pipeline_name="p", timeout=timeout)


def test_a_retry_after_a_timeout_waits_as_long_anew_and_says_so() -> None:
    now = time.time()
    with capture_logs() as logs:
        first = operator(3_600).deadlines(created=now - 60).finish_by
        assert logs == []
        again = operator(timedelta(hours=1)).deadlines(created=now - 4_000).finish_by
    assert first == (now - 60) + 3_600
    assert again is not None
    assert again >= now + 3_600
    assert "was over before this try" in logs[0]["event"]


def test_a_late_success_is_told_as_one() -> None:
    created = (datetime.now(timezone.utc) - timedelta(hours=2)).isoformat()
    outcome = Outcome("PipelineExecution", "x", "ml", State.SUCCEEDED, created=created)
    with capture_logs() as logs:
        operator(timedelta(hours=3)).log_if_late(outcome)
        operator().log_if_late(outcome)
        assert logs == []
        operator(timedelta(hours=1)).log_if_late(outcome)
    assert "succeeded after all" in logs[0]["event"]

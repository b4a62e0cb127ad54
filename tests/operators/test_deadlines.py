"""What an operator waits for in each try."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.context import set_current_context
from structlog.testing import capture_logs

from airflow_ack_sagemaker.compat import AirflowTaskTimeout
from airflow_ack_sagemaker.core.resource.status import Outcome, State
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.operators.base import Seconds, read_event
from airflow_ack_sagemaker.operators.pipeline_execution import AckPipelineExecutionOperator

try:
    from airflow.sdk.exceptions import TaskDeferred
except ImportError:  # Airflow 3.1 has it elsewhere
    from airflow.exceptions import TaskDeferred  # type: ignore[no-redef]


def operator(timeout: Seconds = None) -> AckPipelineExecutionOperator:
    return AckPipelineExecutionOperator(task_id="t", pipeline_name="p", timeout=timeout)


def test_a_retry_after_a_timeout_waits_as_long_anew_and_says_so() -> None:
    now = time.time()
    with capture_logs() as logs:
        first = operator(3_600).deadlines(age=60.0).finish_by
        assert logs == []
        after = time.time()
        again = operator(timedelta(hours=1)).deadlines(age=4_000.0).finish_by
    assert first is not None
    assert now + 3_540 <= first <= after + 3_540
    assert again is not None
    assert again >= now + 3_600
    assert "was over before this try" in logs[0]["event"]


def test_a_late_success_is_told_as_one() -> None:
    outcome = Outcome("PipelineExecution", "x", "ml", State.SUCCEEDED, created="1970-01-01T00:00:00Z", since=7_200.0)
    with capture_logs() as logs:
        operator(timedelta(hours=3)).log_if_late(outcome)
        operator().log_if_late(outcome)
        assert logs == []
        operator(timedelta(hours=1)).log_if_late(outcome)
    assert "succeeded after all" in logs[0]["event"]


def test_execution_timeout_goes_with_the_trigger_and_counts_from_the_start_of_the_try(cluster: ClusterConfig) -> None:
    task = AckPipelineExecutionOperator(task_id="t", pipeline_name="p", execution_timeout=timedelta(hours=1))
    started = datetime.now(timezone.utc) - timedelta(minutes=59)
    outcome = Outcome("PipelineExecution", "x", "ml", State.IN_PROGRESS, uid="u")
    context: Any = {"ti": SimpleNamespace(start_date=started)}
    ends = (started + timedelta(hours=1)).timestamp()
    with KubeClient(cluster) as client:
        with set_current_context(context), pytest.raises(TaskDeferred) as deferred:
            task.defer_until(client, outcome, deadlines=task.deadlines())
        deadlines = deferred.value.trigger.serialize()[1]["deadlines"]
        assert deadlines["execution_by"] == ends
        assert deferred.value.timeout is not None
        assert deferred.value.timeout <= timedelta(minutes=1, seconds=120)
        # Airflow 3.1 gives a try that is resumed a start of its own: what is left comes with the event.
        task.resumed({"outcome": outcome.to_dict(), "verdict": "reached", "deadlines": deadlines})
        context["ti"].start_date = datetime.now(timezone.utc)
        with set_current_context(context), pytest.raises(TaskDeferred) as again:
            task.defer_until(client, outcome, deadlines=task.deadlines())
        assert again.value.trigger.serialize()[1]["deadlines"]["execution_by"] == ends


def test_its_end_is_airflows_own_error() -> None:
    outcome = Outcome("PipelineExecution", "x", "ml", State.IN_PROGRESS, uid="u", sagemaker_status="Executing")
    with pytest.raises(AirflowTaskTimeout, match="left as it is"):
        read_event({"outcome": outcome.to_dict(), "verdict": "execution_timed_out"})

"""What is counted reaches whatever Airflow's ``[metrics]`` names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from airflow_ack_sagemaker import metrics


class Backend:
    """A place for metrics, as StatsD is one."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Any, dict[str, Any] | None]] = []

    def incr(self, stat: str, count: int = 1, rate: float = 1, *, tags: dict[str, Any] | None = None) -> None:
        self.said.append((stat, count, tags))

    def timing(self, stat: str, dt: Any, *, tags: dict[str, Any] | None = None) -> None:
        self.said.append((stat, dt, tags))


@pytest.fixture
def backend() -> Iterator[Backend]:
    # Here, since the oldest Airflow has its metrics elsewhere, and this file is collected there, too.
    from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
    from airflow.sdk.observability import stats

    found = Backend()
    stats.initialize(factory=lambda: found, export_legacy_names=False)  # type: ignore[arg-type,return-value]
    yield found
    stats.initialize(factory=NoStatsLogger, export_legacy_names=False)


def test_counters_and_timers_with_their_tags(backend: Backend) -> None:
    metrics.launched("PipelineExecution")
    metrics.reattached("PipelineExecution")
    metrics.ended("Endpoint", "Failed")
    metrics.followed("PipelineExecution", 0.5)
    metrics.listed("PipelineExecution")
    kind = {"kind": "PipelineExecution"}
    assert backend.said == [
        ("ack.launches", 1, kind),
        ("ack.reattached", 1, kind),
        ("ack.outcome", 1, {"kind": "Endpoint", "state": "Failed"}),
        ("ack.follow.lag", timedelta(seconds=0.5), kind),
        ("ack.watch.lists", 1, kind),
    ]


def test_a_clock_that_is_ahead_makes_no_negative_time(backend: Backend) -> None:
    metrics.followed("PipelineExecution", -0.7)
    assert backend.said[0][1] == timedelta(0)


def test_outside_of_airflow_nothing_is_imported_for_it() -> None:
    code = (
        "import sys; from airflow_ack_sagemaker import metrics; metrics.listed('Pipeline'); "
        "print('airflow' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "False"

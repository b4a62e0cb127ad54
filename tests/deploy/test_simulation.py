"""A simulated time on the sandbox's clock and what `deploy/capacity.py` computes of it are the same."""

from __future__ import annotations

import pytest

from deploy.capacity import Load, cost
from tests.bench.bench_day import share, simulate


def test_what_is_computed_is_what_happens() -> None:
    load = Load(executions_per_day=6000, minutes=15, pipelines=10, workers=2, resync_seconds=36_000)
    seen, computed = simulate(load, 0.5), cost(load)
    assert seen.calls / seen.seconds == pytest.approx(computed.aws_calls_per_second, rel=0.1)
    assert seen.busy_seconds / seen.seconds / load.workers == pytest.approx(computed.worker_use, rel=0.1)
    assert computed.delay_seconds is not None
    assert share(seen.delays, 0.5) == pytest.approx(computed.delay_seconds, abs=2)
    assert max(seen.delays) < 35, "a look every 30 seconds, and no queue"
    # Those that run scatter around their mean by its root.
    assert seen.most_running == pytest.approx(computed.running, rel=0.25)
    assert seen.throttled == 0


def test_too_few_workers_fall_behind() -> None:
    load = Load(executions_per_day=24_000, minutes=15, pipelines=10, workers=1, resync_seconds=36_000)
    assert cost(load).delay_seconds is None
    assert share(simulate(load, 0.5).delays, 0.5) > 60


def test_throttling_delays_and_loses_nothing() -> None:
    load = Load(executions_per_day=6000, minutes=15, pipelines=10, workers=2, resync_seconds=36_000)
    seen = simulate(load, 0.5, calls_per_second=cost(load).aws_calls_per_second * 0.5)
    assert seen.throttled > 0
    assert seen.started == pytest.approx(6000 / 48 * load.peak, rel=0.25)
    assert share(seen.delays, 0.5) > 15

"""The API server's clock, from its stamps."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from airflow_ack_sagemaker.core.resource.server_clock import (
    Moment,
    ServerClock,
    age,
    elapsed,
    server_clock,
    stamp_of_write,
)

NOON = 1_793_620_800.0


def stamped(server: float) -> datetime:
    return datetime.fromtimestamp(int(server), timezone.utc)


@pytest.mark.parametrize("offset", [-600.0, -5.0, 5.0, 600.0, 3600.0])
@pytest.mark.parametrize("fraction", [0.0, 0.4, 0.99])
def test_the_offset_is_known_to_within_the_second_of_the_stamp(offset: float, fraction: float) -> None:
    asked, answered = NOON + fraction, NOON + fraction + 0.2
    clock = server_clock(stamped(asked + 0.1 + offset), asked=asked, answered=answered)
    assert abs(clock.offset - offset) <= 0.7
    assert clock.now(NOON) == NOON + clock.offset
    assert clock.local(clock.now(NOON)) == NOON


@pytest.mark.parametrize("fraction", [0.0, 0.4, 0.99])
@pytest.mark.parametrize("seconds", [0.0, 0.3, 30.0])
def test_clocks_that_may_agree_count_as_the_same(fraction: float, seconds: float) -> None:
    asked = NOON + fraction
    assert server_clock(stamped(asked + seconds), asked=asked, answered=asked + seconds) == ServerClock(0.0)


def _entry(manager: str, second: str, **more: str) -> dict[str, Any]:
    return {"manager": manager, "operation": "Apply", "time": f"2026-11-01T12:00:{second}Z", **more}


def test_the_stamp_of_our_own_write_is_told_from_others() -> None:
    entries = [
        _entry("airflow-ack-sagemaker", "10"),
        _entry("ack-sagemaker", "40", subresource="status"),
        _entry("airflow-ack-sagemaker", "12", operation="Update"),
    ]
    answer = {"metadata": {"managedFields": entries}}
    assert stamp_of_write(answer) == datetime(2026, 11, 1, 12, 0, 12, tzinfo=timezone.utc)
    assert stamp_of_write({"metadata": {"managedFields": entries[1:2]}}) is None
    assert (
        stamp_of_write({"metadata": {"managedFields": [{"manager": "airflow-ack-sagemaker", "time": "soon"}]}}) is None
    )


@pytest.mark.parametrize("offset", [-600.0, -5.0, 0.0, 5.0, 600.0, 3600.0])
def test_the_age_of_a_stamp_is_told_by_the_clock_that_wrote_it(offset: float) -> None:
    clock, stamp = ServerClock(offset), NOON + offset
    assert age(stamp, NOON + 90, clock) == 90
    assert age(stamp, NOON + 90, clock, most=60.0) == 60
    assert age(stamp, NOON + 90, clock, most=-1.0) == 90, "a run that begins in the future bounds nothing"
    assert age(stamp, NOON - 1, clock) == 0, "within the stamp's second"
    assert age(stamp, NOON - 60, clock) is None, "the future is not known"
    assert age(stamp, NOON + 90, None) is None


@pytest.mark.parametrize(
    ("now", "server_now", "seconds"),
    [
        (NOON + 30, None, 30.0),
        (NOON - 600, None, 0.0),
        (NOON - 600, 130.0, 30.0),  # a reader that is behind
        (NOON + 630, 130.0, 30.0),  # one that is ahead
        (NOON + 30, 3_730.0, 30.0),  # the server's clock was set forward
        (NOON + 30, -3_470.0, 30.0),  # and back
        (NOON - 600, -3_470.0, 0.0),
    ],
)
def test_of_two_clocks_the_shorter_time_counts_and_the_future_not_at_all(
    now: float, server_now: float | None, seconds: float
) -> None:
    clock = None if server_now is None else ServerClock(server_now - now)
    assert elapsed(Moment(NOON, 100.0), now, clock) == seconds

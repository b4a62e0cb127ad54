"""What the books of the edited form are made of: what something was at a time, and an API server's wrong clock."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos.clock import ServerClock
from tests.chaos.pace import Pace
from tests.chaos.timeline import Timeline


def stamp(noon: datetime, minutes: int) -> bytes:
    return (noon + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ").encode()


def test_an_edit_counts_for_whoever_looked_before_it_or_after_it() -> None:
    timeline, before = Timeline("a"), time.time() - 1
    with timeline.becoming("b"):
        during = time.time()
    after = time.time()
    assert timeline.now == "b"
    assert timeline.between(before - 1, before) == ["a"]
    assert timeline.between(during, during) == ["a", "b"]
    assert timeline.between(after + 1, after + 2) == ["b"]
    assert timeline.between(before, after) == ["a", "b"]


def test_an_edit_that_fails_may_have_been_seen_and_is_over() -> None:
    timeline = Timeline("a")
    with pytest.raises(OSError, match="refused"), timeline.becoming("b"):
        raise OSError("refused")
    assert timeline.now == "a"
    assert "b" in timeline.between(0, time.time())
    assert timeline.between(time.time() + 1, time.time() + 2) == ["a"]


def test_a_wrong_clock_stamps_wrongly_and_what_it_has_stamped_stays() -> None:
    moment = noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    clock = ServerClock(lambda: moment)

    def shifted(minutes: int) -> bytes:
        return clock.shift(b'{"creationTimestamp":"%s","name":"%s"}' % ((stamp(noon, minutes),) * 2))

    assert shifted(1) == b'{"creationTimestamp":"2026-01-01T12:01:00Z","name":"2026-01-01T12:01:00Z"}'
    clock.set(600)
    moment += timedelta(minutes=2)
    clock.set(0)
    assert shifted(-1) == b'{"creationTimestamp":"2026-01-01T11:59:00Z","name":"2026-01-01T11:59:00Z"}'
    assert shifted(1) == b'{"creationTimestamp":"2026-01-01T12:11:00Z","name":"2026-01-01T12:01:00Z"}'
    assert shifted(3) == b'{"creationTimestamp":"2026-01-01T12:03:00Z","name":"2026-01-01T12:03:00Z"}'


def test_nothing_is_due_before_its_pause_is_over_and_the_work_has_got_on() -> None:
    done = 0
    pace = Pace(random.Random(1), (0.0, 0.0), lambda: done, steps=2)
    assert not pace.due
    done = 2
    assert pace.due
    pace.next()
    assert not pace.due
    assert not Pace(random.Random(1), (60.0, 61.0)).due

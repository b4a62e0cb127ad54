"""How long a wait lasts."""

from __future__ import annotations

import pytest

from harness import waiting
from harness.waiting import HUNG, wait_until


@pytest.mark.parametrize(("asked", "waited"), [(60.0, 240.0), (HUNG, HUNG), (1_800.0, 1_800.0)])
def test_what_has_hung_for_sure_gets_no_more_time(monkeypatch: pytest.MonkeyPatch, asked: float, waited: float) -> None:
    now = 0.0

    class Clock:
        """Time passes in pauses only."""

        @staticmethod
        def monotonic() -> float:
            return now

        @staticmethod
        def sleep(seconds: float) -> None:
            nonlocal now
            now += seconds

    monkeypatch.setattr(waiting, "time", Clock)
    with pytest.raises(TimeoutError, match=f"waited {waited:g} s for it: not yet"):
        wait_until(lambda: False, asked, lambda: "it: not yet", every=10.0)
    assert now == waited

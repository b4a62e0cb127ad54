"""While something is computed for the pages, the threads of Airflow get the interpreter sooner."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest

from airflow_ack_sagemaker.plugin.threads import SWITCH_SECONDS, in_thread, in_turn


async def test_the_interpreter_is_given_away_sooner_until_the_last_has_ended() -> None:
    usual = sys.getswitchinterval()
    assert usual > 2 * SWITCH_SECONDS
    began, may_end = threading.Event(), threading.Event()

    def long() -> float:
        began.set()
        assert may_end.wait(30)
        return sys.getswitchinterval()

    running = asyncio.ensure_future(in_turn(long))
    await asyncio.to_thread(began.wait, 30)
    assert await in_thread(sys.getswitchinterval) == pytest.approx(SWITCH_SECONDS)
    assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS), "another goes on"
    may_end.set()
    assert await running == pytest.approx(SWITCH_SECONDS)
    assert sys.getswitchinterval() == pytest.approx(usual)


async def test_it_is_as_before_after_a_failure() -> None:
    usual = sys.getswitchinterval()
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)
    assert sys.getswitchinterval() == pytest.approx(usual)


async def test_who_has_chosen_a_shorter_one_keeps_it() -> None:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS / 5)
    try:
        chosen = sys.getswitchinterval()
        assert await in_thread(sys.getswitchinterval) == pytest.approx(chosen)
        assert sys.getswitchinterval() == pytest.approx(chosen)
    finally:
        sys.setswitchinterval(usual)


async def test_what_somebody_sets_meanwhile_stays() -> None:
    usual = sys.getswitchinterval()
    try:
        await in_thread(lambda: sys.setswitchinterval(usual * 2))
        assert sys.getswitchinterval() == pytest.approx(usual * 2)
    finally:
        sys.setswitchinterval(usual)

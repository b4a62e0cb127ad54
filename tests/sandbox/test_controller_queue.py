"""The controller's work queue."""

from __future__ import annotations

import asyncio

import pytest

from airflow_ack_sagemaker.sandbox.clock import LateClock
from airflow_ack_sagemaker.sandbox.controller.queue import Queue
from airflow_ack_sagemaker.sandbox.controller.reconcile import Again


@pytest.mark.parametrize("turns", range(6))
async def test_who_is_woken_and_cancelled_at_once_ends(turns: int) -> None:
    """As when the clock is moved just before the sandbox ends: a worker that goes on would hold it for ever."""
    clock = LateClock(1e9)
    queue = Queue(clock)
    queue.add(("default", "one"))
    queue.done(await queue.take(), Again(1e9))
    taking = asyncio.create_task(queue.take())
    for _ in range(3):
        await asyncio.sleep(0)
    clock.move_to(1.1e9)
    for _ in range(turns):
        await asyncio.sleep(0)
    taking.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert taking.cancelled()
    queue.close()

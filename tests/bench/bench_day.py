"""A day of executions as the controller works through them, on the sandbox's clock and in the sandbox's own work queue.

    python -m tests.bench.bench_day                          the half hour with the most of 100,000 executions a day
    python -m tests.bench.bench_day --hours 24               all of them (half an hour)
    python -m tests.bench.bench_day --calls-per-second 15    SageMaker throttles

What a look costs is what `deploy/capacity.py` assumes. This proves what that computes from it, the delays foremost,
which a formula can only estimate; beside the simulated figures it prints the computed ones.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import math
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from airflow_ack_sagemaker.sandbox.clock import ManualClock
from airflow_ack_sagemaker.sandbox.controller.manager import REQUEUE_SECONDS
from airflow_ack_sagemaker.sandbox.controller.queue import Item, Name, Queue
from airflow_ack_sagemaker.sandbox.controller.reconcile import Again
from deploy.capacity import AWS_SECONDS, OWN_SECONDS, Load, cost, count, positive

DAY = 86_400.0
BUSIEST = 14 * 3600.0
"""The second of the day at which most are started."""
TICK = 0.1
"""Seconds by which the clock is moved: nothing here is told to be faster than that."""


class _Time(ManualClock):
    """The sandbox's clock that is moved by hand, on which coroutines can sleep."""

    def __init__(self, start: float) -> None:
        super().__init__(start)
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = 0

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._number += 1
        heapq.heappush(self._sleepers, (self.time() + seconds, self._number, future))
        await future

    def wake(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self.time():
            heapq.heappop(self._sleepers)[2].set_result(None)


@dataclass
class _Execution:
    ends: float
    pipeline: int
    seen: bool = False
    started: bool = False
    collected: bool = False


@dataclass
class Simulated:
    """What was seen."""

    seconds: float = 0.0
    started: int = 0
    calls: int = 0
    throttled: int = 0
    busy_seconds: float = 0.0
    most_running: int = 0
    most_objects: int = 0
    start_delays: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    """Seconds between an execution's end and the look that sees it, one of each execution."""


class _Day:
    def __init__(self, load: Load, calls_per_second: float | None, seed: int, begin: float) -> None:
        self.load, self.random = load, random.Random(seed)
        self.clock = _Time(begin)
        self.queue = Queue(self.clock)
        self.executions: dict[Name, _Execution] = {}
        self.finished: list[deque[Name]] = [deque() for _ in range(load.pipelines)]
        self.result = Simulated()
        self.measured = False
        self.running = 0
        self._limit = calls_per_second
        self._allowed, self._filled = calls_per_second or 0.0, begin
        self._due: dict[Name, float] = {}

    def rate(self) -> float:
        """Starts a second: a wave over the day whose top is ``peak`` times its mean."""
        wave = math.cos((self.clock.time() - BUSIEST) / DAY * 2 * math.pi)
        return self.load.executions_per_day / DAY * max(0.0, 1 + (self.load.peak - 1) * wave)

    def begin(self) -> list[tuple[float, Name]]:
        """What there is when one comes to look: those that run, each with its next look, and the kept finished ones."""
        for pipeline in range(self.load.pipelines):
            for number in range(self.load.history):
                name = ("default", f"finished-{pipeline}-{number}")
                self.executions[name] = _Execution(0.0, pipeline, seen=True, started=True)
                self.finished[pipeline].append(name)
        now = self.clock.time()
        looks = []
        for number in range(round(self.rate() * self.load.minutes * 60)):
            name = ("default", f"running-{number}")
            ends = now + self.random.uniform(0, self.met())
            self.executions[name] = _Execution(ends, self.random.randrange(self.load.pipelines), started=True)
            looks.append((now + self.random.uniform(0, REQUEUE_SECONDS), name))
        self.running = len(looks)
        return sorted(looks)

    async def resume(self, looks: Sequence[tuple[float, Name]]) -> None:
        for due, name in looks:
            if due > self.clock.time():
                await self.clock.sleep(due - self.clock.time())
            self.queue.add(name)

    def lasts(self) -> float:
        return self.load.minutes * 60 * self.random.uniform(0.5, 1.5)

    def met(self) -> float:
        """How long one lasts that is met while it runs: a long one is met more often."""
        while True:
            lasts = self.lasts()
            if self.random.uniform(0, 1.5 * self.load.minutes * 60) < lasts:
                return lasts

    async def arrivals(self) -> None:
        number = 0
        while True:
            await self.clock.sleep(self.random.expovariate(self.rate() or 1e-6))
            number += 1
            name = ("default", str(number))
            self.executions[name] = _Execution(math.inf, self.random.randrange(self.load.pipelines))
            self._due[name] = self.clock.time()
            self.queue.add(name)

    async def worker(self) -> None:
        while True:
            item = await self.queue.take()
            if self._throttles():
                # boto retries by itself; the controller gets the error after that, and backs off.
                await self.clock.sleep(OWN_SECONDS)
                self.count(throttled=True)
                self.queue.done(item, Again(failed="ThrottlingException"))
                continue
            await self.clock.sleep(AWS_SECONDS + OWN_SECONDS)
            self.count()
            self.queue.done(item, self.look(item))

    def _throttles(self) -> bool:
        if self._limit is None:
            return False
        now = self.clock.time()
        self._allowed = min(self._limit, self._allowed + (now - self._filled) * self._limit)
        self._filled = now
        if self._allowed < 1:
            return True
        self._allowed -= 1
        return False

    def count(self, throttled: bool = False) -> None:
        if self.measured:
            self.result.calls += 1
            self.result.throttled += throttled
            self.result.busy_seconds += OWN_SECONDS + (0 if throttled else AWS_SECONDS)

    def look(self, item: Item) -> Again:
        """What the controller does with one: start it, look whether it has ended, or let it go."""
        execution, now = self.executions[item.name], self.clock.time()
        if execution.collected:
            del self.executions[item.name]
            return Again()
        if not execution.started:
            execution.started = True
            execution.ends = now + self.lasts()
            self.running += 1
            if self.measured:
                self.result.started += 1
                self.result.start_delays.append(now - self._due[item.name])
            return Again(seconds=REQUEUE_SECONDS)
        if now < execution.ends:
            return Again(seconds=REQUEUE_SECONDS)
        if not execution.seen:
            execution.seen = True
            self.running -= 1
            if self.measured:
                self.result.delays.append(now - execution.ends)
            self.collect(execution.pipeline, item.name)
        return Again(seconds=self.load.resync_seconds)

    def collect(self, pipeline: int, name: Name) -> None:
        """Keep the newest finished ones of a pipeline, as ``execution_history_limit`` does."""
        finished = self.finished[pipeline]
        finished.append(name)
        while len(finished) > self.load.history:
            oldest = finished.popleft()
            self.executions[oldest].collected = True
            self.queue.add(oldest)

    async def live(self, warm: float, seconds: float) -> Simulated:
        tasks = [asyncio.create_task(self.arrivals()), asyncio.create_task(self.resume(self.begin()))]
        tasks += [asyncio.create_task(self.worker()) for _ in range(self.load.workers)]
        begun = self.clock.time()
        while (passed := self.clock.time() - begun) < warm + seconds:
            self.measured = passed >= warm
            self.clock.advance(TICK)
            self.clock.wake()
            await _settled()
            if self.measured:
                self.result.most_running = max(self.result.most_running, self.running)
                self.result.most_objects = max(self.result.most_objects, len(self.executions))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.queue.close()
        self.result.seconds = seconds
        return self.result


async def _settled() -> None:
    """Until every coroutine waits for the clock again: a turn wakes them, and in the next they have run."""
    for _ in range(3):
        await asyncio.sleep(0)


def simulate(load: Load, hours: float, *, calls_per_second: float | None = None, seed: int = 1) -> Simulated:
    """Live through so many hours around the busiest. The first minutes, in which all finds its pace, do not count."""
    warm = 4 * REQUEUE_SECONDS
    begin = BUSIEST - hours * 1800 - warm

    async def run() -> Simulated:
        return await _Day(load, calls_per_second, seed, begin).live(warm, hours * 3600)

    return asyncio.run(run())


def share(values: Sequence[float], part: float) -> float:
    """The value below which that part of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else math.nan


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--executions-per-day", type=positive, default=100_000)
    parser.add_argument("--minutes", type=positive, default=45)
    parser.add_argument("--pipelines", type=count, default=500)
    parser.add_argument("--workers", type=count, default=40)
    parser.add_argument("--resync-seconds", type=positive, default=36_000)
    parser.add_argument("--hours", type=positive, default=0.5)
    parser.add_argument("--calls-per-second", type=positive, help="SageMaker's limit (default: none)")
    options = vars(parser.parse_args(arguments))
    hours, limit = options.pop("hours"), options.pop("calls_per_second")
    load = Load(**options)
    seen, computed = simulate(load, hours, calls_per_second=limit), cost(load)
    rows = [
        ("executions started", f"{seen.started:,}", ""),
        ("running at most", f"{seen.most_running:,}", f"{computed.running:,.0f}"),
        ("calls a second", f"{seen.calls / seen.seconds:.1f}", f"{computed.aws_calls_per_second:.1f} at the peak"),
        ("refused as too many", f"{seen.throttled:,}", ""),
        ("use of the workers", f"{seen.busy_seconds / seen.seconds / load.workers:.3f}", f"{computed.worker_use:.3f}"),
        ("seconds until started, p50", f"{share(seen.start_delays, 0.5):.1f}", ""),
        ("seconds until started, p99", f"{share(seen.start_delays, 0.99):.1f}", ""),
        ("seconds until the end is seen, p50", f"{share(seen.delays, 0.5):.1f}", f"{computed.delay_seconds}"),
        ("seconds until the end is seen, p99", f"{share(seen.delays, 0.99):.1f}", ""),
        ("seconds until the end is seen, most", f"{max(seen.delays, default=math.nan):.1f}", ""),
        ("resources at most", f"{seen.most_objects:,}", f"{computed.running + computed.finished:,.0f}"),
    ]
    print(f"{'':<38}{'simulated':>12}{'computed':>20}")
    for row in rows:
        print(f"{row[0]:<38}{row[1]:>12}{row[2]:>20}")


if __name__ == "__main__":
    main()

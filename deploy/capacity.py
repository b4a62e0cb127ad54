#!/usr/bin/env python3
"""What a number of SageMaker pipeline executions costs a controller, an API server, etcd and Airflow: on paper.

    deploy/capacity.py --executions-per-day 100000 --minutes 45 --pipelines 200
    deploy/capacity.py --executions-per-day 2000 --minutes 180 --workers 10 --json

Its constants are measured where docs/scaling.md says so, and documented behaviour of the controller otherwise. It needs
nothing but Python.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

RUNNING_LOOK = 30.0
"""Seconds between two looks at a running execution: fixed in the controller."""
FINISHED_LOOK = 60.0
"""Seconds between two looks at a finished one, by default."""
AWS_SECONDS = 0.08
"""A call to SageMaker, from the same region: 50 to 100 ms."""
OWN_SECONDS = 0.025
"""A reconcile without its call: 40 a second were measured with one worker, SageMaker answering in a few ms."""
AWS_CALLS_PER_RUN = 2.0
"""Beside the looks: one start, and one describe after it."""
OBJECT_KB = 6.0
"""An upper estimate of an execution in etcd, managed fields included. A pipeline is its definition's size and this."""
REVISIONS = 5
"""Writes of an execution in its life: create, finalizer, status, end, report. etcd keeps them until it compacts."""
COMPACTION = 300.0
"""Seconds between two compactions of etcd by kube-apiserver."""
CONTROLLER_MB, CONTROLLER_KB_PER_OBJECT = 40.0, 30.0
"""Estimates: an idle Go controller, and an object of OBJECT_KB decoded in its cache with its queue entry."""
TRIGGERER_KB_PER_RUN = 13.2
"""Measured (docs/benchmarks.md): a deferred task that follows one of 1,000 executions on a shared watch."""
DESCRIBE_TPS = 15.0
"""Calls a second from which throttling is to be expected. AWS publishes no number: an assumption, ask for yours."""


@dataclass(frozen=True)
class Load:
    """What is asked for. Durations are minutes; ``history`` is how many finished executions of a pipeline stay."""

    executions_per_day: float
    minutes: float
    pipelines: int
    history: int = 10
    definition_kb: float = 50.0
    workers: int = 1
    resync_seconds: float = FINISHED_LOOK
    peak: float = 2.0


@dataclass(frozen=True)
class Cost:
    """What it takes, at the peak."""

    running: float
    finished: float
    aws_calls_per_second: float
    worker_use: float
    """Of one: beyond about 0.8 the controller is late."""
    workers_needed: int
    delay_seconds: float | None
    """None: it falls ever further behind. Between the end of an execution and its status in the cluster, on average."""
    controller_mb: float
    etcd_mb: float
    api_writes_per_second: float
    triggerer_mb: float
    advice: tuple[str, ...]


def cost(load: Load) -> Cost:
    """Compute it."""
    starts = load.executions_per_day / 86_400 * load.peak
    running = starts * load.minutes * 60
    # Not of a day: they stay until they are collected, and what is not full today is full some day.
    finished = float(load.pipelines * load.history)
    looks = running / RUNNING_LOOK + finished / load.resync_seconds
    calls = looks + starts * AWS_CALLS_PER_RUN
    one = AWS_SECONDS + OWN_SECONDS
    use = calls * one / load.workers
    needed = max(1, -(-int(calls * one / 0.8 * 1000) // 1000))
    # Half a round of looks, and a queue of one server (M/M/1), which is on the safe side for several workers.
    delay = None if use >= 1 else RUNNING_LOOK / 2 + one / (1 - use)
    objects = running + finished
    stored = objects * OBJECT_KB + load.pipelines * (load.definition_kb + OBJECT_KB)
    history = starts * COMPACTION * REVISIONS * OBJECT_KB
    return Cost(
        running=round(running, 1),
        finished=finished,
        aws_calls_per_second=round(calls, 2),
        worker_use=round(use, 3),
        workers_needed=needed,
        delay_seconds=None if delay is None else round(delay, 1),
        controller_mb=round(CONTROLLER_MB + objects * CONTROLLER_KB_PER_OBJECT / 1024, 1),
        etcd_mb=round((stored + history) / 1024, 1),
        api_writes_per_second=round(starts * REVISIONS, 2),
        triggerer_mb=round(running * TRIGGERER_KB_PER_RUN / 1024, 1),
        advice=tuple(_advice(load, calls, use, needed, finished, stored + history)),
    )


def _advice(load: Load, calls: float, use: float, needed: int, finished: float, etcd_kb: float) -> list[str]:
    knobs = []
    if use > 0.8:
        knobs.append(f"reconcile.resourceMaxConcurrentSyncs.PipelineExecution: {needed} (now {load.workers})")
    if load.resync_seconds < 3600 and finished / load.resync_seconds > 0.1 * calls:
        knobs.append("reconcile.resourceResyncPeriods.PipelineExecution: 36000 (finished ones cost much of the calls)")
    if load.history > 10:
        knobs.append(f"execution_history_limit: 10 (now {load.history})")
    if calls > DESCRIBE_TPS:
        parts = -(-int(calls) // int(DESCRIBE_TPS))
        knobs.append(f"{calls:.0f} calls a second to SageMaker: raise the quota, or {parts} accounts or regions")
    if etcd_kb > 2 * 1024 * 1024:
        knobs.append("more than 2 GB in etcd: several clusters, or a smaller history")
    return knobs


def positive(text: str) -> float:
    """An option's positive finite number. :raises argparse.ArgumentTypeError: it is none."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive finite number")
    return value


def count(text: str) -> int:
    """An option's whole number from 1 on. :raises argparse.ArgumentTypeError: it is none."""
    return _whole(text, 1)


def _count_or_zero(text: str) -> int:
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    if not (text.isdecimal() and int(text) >= least):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--executions-per-day", type=positive, required=True)
    parser.add_argument("--minutes", type=positive, required=True, help="how long an execution takes")
    parser.add_argument("--pipelines", type=count, required=True)
    parser.add_argument(
        "--history", type=_count_or_zero, default=10, help="finished executions of a pipeline that stay"
    )
    parser.add_argument("--definition-kb", type=positive, default=50.0)
    parser.add_argument("--workers", type=count, default=1, help="resourceMaxConcurrentSyncs.PipelineExecution")
    parser.add_argument("--resync-seconds", type=positive, default=FINISHED_LOOK, help="resourceResyncPeriods")
    parser.add_argument("--peak", type=positive, default=2.0, help="the busiest hour over the day's mean")
    parser.add_argument("--json", action="store_true")
    options = vars(parser.parse_args(arguments))
    as_json = options.pop("json")
    try:
        found = asdict(cost(Load(**options)))
    except OverflowError:
        parser.error("these numbers are too large, or --resync-seconds is too small, to compute with")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    advice = found.pop("advice")
    for name, value in found.items():
        print(f"{name.replace('_', ' '):<24}{'ever more' if value is None else value:>12}")
    for knob in advice:
        print(f"turn: {knob}")


if __name__ == "__main__":
    main()

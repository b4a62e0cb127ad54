"""A process of a task dies at each named point of its life: one execution, and its true outcome.

All runs go on at the same time, since each of them waits most of the time.
"""

from __future__ import annotations

import pytest

from tests.chaos.kills import Killer
from tests.chaos.ledger import Ledger, Run
from tests.chaos.points import POINTS, Point
from tests.chaos.proxy import Rule
from tests.chaos.world import World

Started = dict[str, tuple[Run, Rule]]


@pytest.fixture(scope="module")
def started(world: World, ledger: Ledger, killer: Killer) -> Started:
    """A run for each point."""
    pipeline = world.add_pipeline()
    runs = {point.name: ledger.plan(point.dag_id, pipeline, "point") for point in POINTS}
    rules = {point.name: point.arm(world, killer, runs[point.name]) for point in POINTS}
    for run in runs.values():
        ledger.begin(run)
    return {name: (runs[name], rules[name]) for name in runs}


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_a_process_dies(point: Point, started: Started, ledger: Ledger) -> None:
    run, rule = started[point.name]
    ledger.wait([run], 240)
    assert rule.done.wait(240), "the point was never reached"
    assert rule.error is None
    audit = ledger.audit([run])
    assert audit.problems == []
    assert audit.executions == 1

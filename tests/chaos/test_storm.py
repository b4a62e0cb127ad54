"""Random faults, and the peer beside us. CHAOS_SEED repeats a run's faults."""

from __future__ import annotations

import random

from tests.chaos import storm
from tests.chaos.kills import Killer
from tests.chaos.ledger import Ledger
from tests.chaos.pace import Pace
from tests.chaos.storm import drawn_seed
from tests.chaos.world import World

RUNS = 10
PAUSE = (0.5, 4.0)
FAULTS = 20


def test_whatever_happens_one_execution_for_each_run(world: World, ledger: Ledger, killer: Killer) -> None:
    seed = drawn_seed()
    chance = random.Random(seed)
    pipeline, flaky = (world.add_pipeline() for _ in range(2))
    world.script(flaky, "Train#1=Failed:spot capacity")
    bad = storm.ours(world, killer, chance, Pace(chance, PAUSE), FAULTS)
    runs = [ledger.start("ours_held" if number % 3 == 2 else "ours_deferred", pipeline) for number in range(RUNS)]
    runs.append(ledger.start("ours_deferred", flaky, statuses=("Failed", "Succeeded")))
    try:
        ledger.wait(runs, 420, meanwhile=bad.blow)
    finally:
        bad.end()
        print(f"CHAOS_SEED={seed}", dict(bad.happened))
    audit = ledger.audit(runs)
    assert audit.problems == [], f"CHAOS_SEED={seed}: {bad.happened}"

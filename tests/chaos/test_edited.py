"""Random faults, while people edit whatever can be edited. CHAOS_SEED repeats a run's faults and edits."""

from __future__ import annotations

from tests.chaos import edited
from tests.chaos.kills import Killer
from tests.chaos.storm import drawn_seed
from tests.chaos.world import World


def test_whatever_is_edited_each_run_reports_what_it_has_asked_for(world: World, killer: Killer) -> None:
    seed = drawn_seed()
    audit, happened = edited.storm_and_people(
        world, killer, seed, runs=10, groups=2, asks=4, faults=10, pause=(0.5, 4.0), timeout=420
    )
    print(f"CHAOS_SEED={seed}", dict(happened), audit)
    assert audit.problems == [], f"CHAOS_SEED={seed}: {happened}"
    assert audit.executions == audit.expected

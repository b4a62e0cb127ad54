"""The form "edited meanwhile": a storm, and people who edit things, until all runs have ended."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

from harness.airflow_api import FINISHED_RUN
from harness.waiting import wait_until
from tests.chaos import storm
from tests.chaos.asked import Asked, Book, EditedAudit
from tests.chaos.faults import is_begun
from tests.chaos.kills import Killer
from tests.chaos.pace import Pace
from tests.chaos.people import People
from tests.chaos.things import Things
from tests.chaos.world import World

_PER_FAULT, _PER_EDIT = 4, 3
"""Tasks that begin, or resume, between two of them at least."""

KINDS = ("own_deferred", "batch", "own_deferred", "plain_deferred", "own_held", "own_deferred", "plain_held")


def storm_and_people(
    world: World,
    killer: Killer,
    seed: int,
    *,
    runs: int,
    groups: int,
    asks: int,
    pause: tuple[float, float],
    timeout: float,
    faults: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[EditedAudit, Counter[str]]:
    """Start runs of all kinds, break and edit things until all have ended, and compare.

    :param groups: of runs that share a pipeline.
    :param asks: how many runs people ask for anew, at most.
    :param faults: how many there are until it is calm; None: no end. Edits have none.
    :returns: what was found, and what has happened.
    :raises TimeoutError: the runs do not end.
    """
    with Things(world, groups) as things:
        book, chance = Book(world, things), random.Random(seed)
        begins = world.airflow.add("a task begins", is_begun, lambda exchange: exchange.relay(), count=None)

        def pace(steps: int) -> Pace:
            return Pace(chance, pause, lambda: begins.fired, steps)

        bad = storm.ours(world, killer, chance, pace(_PER_FAULT), faults)
        people = People(world, things, book, bad, chance, pace=pace(_PER_EDIT), asks=asks)
        for number in range(runs):
            book.start(book.plan(KINDS[number % len(KINDS)], things.groups[number % groups]))
        begun = said = time.monotonic()
        told: set[tuple[Asked, int]] = set()

        def meanwhile() -> None:
            nonlocal said
            bad.blow()
            people.edit()
            if time.monotonic() - said >= 30:
                said = time.monotonic()
                states = book.ledger.states(book.runs)
                counts = dict(Counter(states.values()))
                happened = f"{bad.happened.total()} faults, {people.happened.total()} edits"
                say(f"{said - begun:.0f} s: {counts}, {happened}, {begins.fired} tasks began")
                over = [
                    asked
                    for asked in book.asked
                    if states.get(asked.run) in FINISHED_RUN and (asked, len(asked.times)) not in told
                ]
                told.update((asked, len(asked.times)) for asked in over)
                for problem in book.audit(over).problems:
                    say(f"so far: {problem}")

        try:
            book.ledger.wait(book.runs, timeout, meanwhile)
        finally:
            bad.end()
            people.end()
            world.clock.set(0)
            world.airflow.remove(begins)
        # What a deleted run has left goes on by itself.
        wait_until(lambda: book.running() == 0, 120, "the end of all executions")
        return book.audit(), bad.happened + people.happened

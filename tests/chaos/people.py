"""Chance, too: people who edit things while runs run, drawn from a seed."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

from tests.chaos import faults
from tests.chaos.asked import Asked, Book
from tests.chaos.pace import Pace
from tests.chaos.proxy import Rule
from tests.chaos.storm import Storm, creates_execution
from tests.chaos.things import Things
from tests.chaos.world import World

_CLOCKS = (-600.0, -5.0, 5.0, 600.0, 3600.0)


class People:
    """Edit something each time `edit` is called and the time for it has come. ``happened`` counts by kind.

    :param pace: when the next edit is due.
    :param asks: how many runs are asked for anew, at most.
    :param storm: while it holds the API server, nobody can edit what is there.
    """

    def __init__(
        self,
        world: World,
        things: Things,
        book: Book,
        storm: Storm,
        chance: random.Random,
        *,
        pace: Pace,
        asks: int,
    ) -> None:
        self.happened: Counter[str] = Counter()
        self._world = world
        self._things = things
        self._book = book
        self._storm = storm
        self._random = chance
        self._pace = pace
        self._asks = asks
        self._back: dict[str, tuple[float, Callable[[], None]]] = {}
        self._rules: list[Rule] = []

    def edit(self) -> None:
        """Do what is due; returns at once when nothing is."""
        if self._storm.frozen:
            return
        now = time.monotonic()
        for name, (due, back) in list(self._back.items()):
            if now >= due:
                del self._back[name]
                back()
        if not self._pace.due:
            return
        self._pace.next()
        steps, weights = zip(*self._steps(), strict=True)
        self._random.choices(steps, weights)[0]()

    def end(self) -> None:
        """Put back what is elsewhere, and let what is still to come not come."""
        for _, back in self._back.values():
            back()
        self._back = {}
        self._things.restore_members()
        for rule in self._rules:
            self._world.kubernetes.remove(rule)
            if rule.fired:
                self.happened[rule.name] += rule.fired
        self._rules = []

    def _steps(self) -> list[tuple[Callable[[], None], float]]:
        things = self._things
        steps: list[tuple[Callable[[], None], float]] = [
            (self._once("DAG file: retries", things.edit_retries), 2),
            (self._once("DAG file: a parameter", things.edit_parameter), 3),
            (self._once("DAG file: a batch's list in another order", things.reorder_members), 2),
            (self._for_a_while("DAG file: another execution in a batch", things.replace_member, restores=True), 0.5),
            (self._once("Variable: a parameter", things.edit_variable), 3),
            (self._for_a_while("Variable: another pipeline, and back", things.point_to_staging), 0.5),
            (self._for_a_while("connection: cluster elsewhere, and back", things.point_cluster_elsewhere), 1),
            (self._for_a_while("connection: AWS elsewhere, and back", things.point_aws_elsewhere), 1),
            (self._for_a_while("connection: token rotated", things.rotate_token), 1),
            (self._once("definition in S3", things.edit_definition), 3),
            (self._neighbour, 1),
            (lambda: self._at_launch("Pipeline: another definition just before a launch", before=True), 3),
            (lambda: self._at_launch("Pipeline: another definition just after a launch", before=False), 2),
            (self._set_clock, 1),
        ]
        if self._asks > 0:
            steps += [(self._clear, 3), (self._make_again, 2)]
        return steps

    # The steps

    def _once(self, name: str, change: Callable[[random.Random], None]) -> Callable[[], None]:
        def step() -> None:
            change(self._random)
            self.happened[name] += 1

        return step

    def _for_a_while(
        self, name: str, change: Callable[[random.Random], Callable[[], None] | None], *, restores: bool = False
    ) -> Callable[[], None]:
        key = "connection: cluster" if name.startswith(("connection: cluster", "connection: token")) else name

        def step() -> None:
            if key in self._back:
                return
            back = change(self._random)
            due = time.monotonic() + self._random.uniform(2, 12)
            self._back[key] = (due, self._things.restore_members if restores or back is None else back)
            self.happened[name] += 1

        return step

    def _neighbour(self) -> None:
        group = self._random.choice(self._things.groups)
        if self._things.neighbour_edits(self._things.homes[group]):
            self.happened["Pipeline: another definition at any time"] += 1

    def _at_launch(self, name: str, *, before: bool) -> None:
        hook = self._things.neighbour_edits_for
        action = faults.preceded(hook) if before else faults.followed(hook)
        self._rules.append(self._world.kubernetes.add(name, creates_execution, action, 1))

    def _set_clock(self) -> None:
        key = "API server's clock"
        if key in self._back:
            return
        seconds = self._random.choice(_CLOCKS)
        self._world.clock.set(seconds)
        self._back[key] = (time.monotonic() + self._random.uniform(5, 30), lambda: self._world.clock.set(0))
        self.happened[f"API server's clock {seconds:+.0f} s, then corrected"] += 1

    def _clear(self) -> None:
        if (asked := self._one_that_has_launched()) is not None:
            self._asks -= 1
            self._book.clear(asked, whole=self._random.random() < 0.3)
            self.happened["run cleared"] += 1

    def _make_again(self) -> None:
        if (asked := self._one_that_has_launched()) is not None:
            self._asks -= 1
            self._book.make_again(asked)
            self.happened["run deleted and made again"] += 1

    def _one_that_has_launched(self) -> Asked | None:
        states = self._book.ledger.states(self._book.runs)
        candidates = [asked for asked in self._book.asked if states.get(asked.run) in ("running", "success")]
        self._random.shuffle(candidates)
        return next((asked for asked in candidates[:5] if self._book.has_launched(asked)), None)

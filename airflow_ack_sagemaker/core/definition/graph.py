"""The order of a pipeline's steps: what waits for what, and what conditions and loops hold."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Branch = Literal["if", "else", "body"]
"""Where a nested step stands: in a branch of a condition, or in the body of a ForEach."""


@dataclass(frozen=True)
class StepGraph:
    """The dependency graph of a pipeline.

    ``nodes`` are the step names in document order. ``edges`` are pairs (step, step that waits for it), sorted: from
    ``DependsOn``, from references, from a condition to the steps of its branches and from a ForEach to those of its
    body. ``branches`` maps (condition, "if" | "else") and (ForEach, "body") to the steps directly in there, in document
    order. ``triggers`` tells of an edge how the step before must have ended, where that is not Completed.
    """

    nodes: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    branches: Mapping[tuple[str, Branch], tuple[str, ...]] = field(default_factory=dict, compare=False)
    triggers: Mapping[tuple[str, str], str] = field(default_factory=dict, compare=False)

    @cached_property
    def _neighbours(self) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
        before: dict[str, list[str]] = {name: [] for name in self.nodes}
        after: dict[str, list[str]] = {name: [] for name in self.nodes}
        for source, target in self.edges:
            before[target].append(source)
            after[source].append(target)
        return {k: tuple(v) for k, v in before.items()}, {k: tuple(v) for k, v in after.items()}

    def dependencies(self, name: str) -> tuple[str, ...]:
        """The steps that this one waits for (its condition among them). :raises KeyError: no such step."""
        return self._neighbours[0][name]

    def dependents(self, name: str) -> tuple[str, ...]:
        """The steps that wait for this one. :raises KeyError: no such step."""
        return self._neighbours[1][name]

    def branch(self, condition: str, branch: Branch) -> tuple[str, ...]:
        """The steps directly in one branch of a condition, or in the body of a ForEach; empty for other steps."""
        return self.branches.get((condition, branch), ())

    def within(self, condition: str, branch: Branch | None = None) -> tuple[str, ...]:
        """Every step in one branch (or in both) of a condition, those of nested conditions included: what an untaken
        branch skips."""
        found: list[str] = []
        pending = [(condition, branch)]
        while pending:
            name, only = pending.pop()
            for key in ("if", "else", "body") if only is None else (only,):
                children = self.branch(name, key)
                found.extend(children)
                pending.extend((child, None) for child in children)
        return tuple(found)

    @cached_property
    def _order(self) -> tuple[str, ...]:
        position = {name: index for index, name in enumerate(self.nodes)}
        waiting = {name: len(self.dependencies(name)) for name in self.nodes}
        ready = [position[name] for name in self.nodes if not waiting[name]]
        order: list[str] = []
        while ready:
            name = self.nodes[heapq.heappop(ready)]
            order.append(name)
            for dependent in self.dependents(name):
                waiting[dependent] -= 1
                if not waiting[dependent]:
                    heapq.heappush(ready, position[dependent])
        return tuple(order)

    def order(self) -> tuple[str, ...]:
        """The steps so that each comes after all it waits for; of those that could come next, the first in the document
        does.

        :raises ValueError: the steps wait for each other in a circle (never in a parsed definition).
        """
        if len(self._order) != len(self.nodes):
            raise ValueError(f"The steps wait for each other in a circle: {' -> '.join(self.cycles()[0])}.")
        return self._order

    def levels(self) -> tuple[tuple[str, ...], ...]:
        """The steps in columns: each in the one after the last that it waits for, in document order within a column."""
        level: dict[str, int] = {}
        for name in self.order():
            level[name] = max((level[before] + 1 for before in self.dependencies(name)), default=0)
        columns: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
        for name in self.nodes:
            columns[level[name]].append(name)
        return tuple(tuple(column) for column in columns)

    def cycles(self, limit: int = 10) -> list[tuple[str, ...]]:
        """Circles of steps that have no step in common, at most ``limit``: (a, b, a) says that a waits for b and b for
        a."""
        done = set(self._order)
        position = {name: index for index, name in enumerate(self.nodes)}
        left = [name for name in self.nodes if name not in done]
        cycles: list[tuple[str, ...]] = []
        while left and len(cycles) < limit:
            # Each step that is left waits for another one that is left, so walking back must come round.
            members = set(left)
            walk: dict[str, None] = {}
            name = left[0]
            while name not in walk:
                walk[name] = None
                name = next(before for before in self.dependencies(name) if before in members)
            names = list(walk)
            cycle = names[names.index(name) :]
            first = cycle.index(min(cycle, key=position.__getitem__))
            cycle = cycle[first:] + cycle[:first]
            cycles.append((*cycle, cycle[0]))
            left = self._peel(members - set(cycle))
        return cycles

    def _peel(self, members: set[str]) -> list[str]:
        """What remains of these steps when all that wait for none of them are taken away, again and again."""
        waiting = {name: sum(before in members for before in self.dependencies(name)) for name in members}
        ready = [name for name, count in waiting.items() if not count]
        while ready:
            name = ready.pop()
            members.discard(name)
            for dependent in self.dependents(name):
                if dependent in waiting:
                    waiting[dependent] -= 1
                    if not waiting[dependent]:
                        ready.append(dependent)
        return [name for name in self.nodes if name in members]


def graph_of(
    nodes: Sequence[str],
    edges: Iterable[tuple[str, str]],
    branches: Mapping[tuple[str, Branch], Sequence[str]],
    triggers: Mapping[tuple[str, str], str] | None = None,
) -> StepGraph:
    """A graph of these steps; edges may repeat."""
    held = {key: tuple(names) for key, names in branches.items()}
    return StepGraph(tuple(nodes), tuple(sorted(set(edges))), held, triggers or {})

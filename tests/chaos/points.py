"""The named points of a task's life at which something dies, each as a rule of a proxy.

A point is exact: the request that marks it waits in the proxy while the victim is killed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos import faults
from tests.chaos.faults import Hook
from tests.chaos.kills import Killer
from tests.chaos.ledger import Run
from tests.chaos.proxy import Exchange, FaultProxy, Matcher, Rule
from tests.chaos.world import TASK, World


@dataclass(frozen=True)
class Point:
    """Where (``proxy`` is one of the world's), at which request, before or after its effect, and who dies."""

    name: str
    proxy: str
    matcher: Callable[[World, Run], Matcher]
    effect: bool
    """Whether the request is carried out; its sender learns nothing in either case."""
    victim: Callable[[Killer], Hook]
    dag_id: str = "ours_deferred"

    def arm(self, world: World, killer: Killer, run: Run) -> Rule:
        """Have it happen in a run, once."""
        proxy: FaultProxy = getattr(world, self.proxy)
        action = faults.unanswered if self.effect else faults.unsent
        return proxy.add(self.name, self.matcher(world, run), action(self.victim(killer)))


def _is_mine(world: World, run: Run) -> Matcher:
    """A message about the present try of the run's task: its id, which changes with each try, is in the path."""

    def matches(exchange: Exchange) -> bool:
        return str(world.api.task_instance(run.dag_id, run.run_id, TASK)["id"]) in exchange.path

    return matches


def _creates(world: World, run: Run) -> Matcher:
    return faults.creates(run.digest)


def _records(world: World, run: Run) -> Matcher:
    return faults.records(run.digest)


def _defers(world: World, run: Run) -> Matcher:
    return faults.sets_state("deferred", lambda exchange: run.digest in exchange.text)


def _stores(world: World, run: Run) -> Matcher:
    return faults.stores_result(run.run_id)


def _succeeds(world: World, run: Run) -> Matcher:
    return faults.sets_state("success", _is_mine(world, run))


def _sender(killer: Killer) -> Hook:
    return killer.sender


def _parent(killer: Killer) -> Hook:
    return killer.parent


POINTS = (
    Point("before create", "kubernetes", _creates, False, _sender),
    Point("before create, held", "kubernetes", _creates, False, _parent, "ours_held"),
    Point("after create before the reply", "kubernetes", _creates, True, _sender),
    Point("after create before the reply, held", "kubernetes", _creates, True, _sender, "ours_held"),
    Point("after create before the reply, supervisor", "kubernetes", _creates, True, _parent),
    Point("after the reply before deferral", "airflow", _defers, False, _sender),
    Point("after deferral before its reply", "airflow", _defers, True, _sender),
    Point("after success before its record", "kubernetes", _records, False, _sender),
    Point("after success before its record, held", "kubernetes", _records, False, _sender, "ours_held"),
    Point("after the record before its reply", "kubernetes", _records, True, _sender),
    Point("after the record before the result is stored", "airflow", _stores, False, _sender),
    Point("after the result is stored before its reply", "airflow", _stores, True, _sender),
    Point("after the result before the state", "airflow", _succeeds, False, _sender),
    Point("after the result before the state, held", "airflow", _succeeds, False, _sender, "ours_held"),
)
"""Those at which a process dies; those at which nodes die are in test_nodes.py, one after the other."""

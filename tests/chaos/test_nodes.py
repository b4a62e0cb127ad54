"""Whole nodes die, and the API server hangs and restarts, while runs are at known points of their lives."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from harness.waiting import wait_until
from tests.chaos import faults
from tests.chaos.fleet import NODES, SCHEDULERS
from tests.chaos.kills import Killer
from tests.chaos.ledger import Ledger, Run
from tests.chaos.proxy import Exchange
from tests.chaos.world import TASK, World


@dataclass
class Waiting:
    """Runs whose executions go on until they are released, one deferred and one that holds its worker."""

    world: World
    ledger: Ledger
    runs: tuple[Run, ...]

    def check(self) -> None:
        """Each has one execution, which nobody has stopped."""
        for run in self.runs:
            statuses = [execution["PipelineExecutionStatus"] for execution in self.ledger.executions(run)]
            assert statuses == ["Executing"], run

    def end(self, *others: Run) -> None:
        """Let the executions end, and compare the books."""
        self.check()
        self.world.control("POST", "release")
        runs = (*self.runs, *others)
        self.ledger.wait(runs, 240)
        audit = self.ledger.audit(runs)
        assert audit.problems == []
        assert audit.executions == len(runs)


@pytest.fixture(scope="module")
def pipeline(world: World) -> str:
    """A pipeline whose executions end by themselves."""
    return world.add_pipeline()


@pytest.fixture
def waiting(world: World, ledger: Ledger) -> Waiting:
    """A deferred run and a run that holds its worker, both with a running execution."""
    held = world.add_pipeline()
    world.script(held, "Train=hold")
    states = {"ours_deferred": "deferred", "ours_held": "running"}
    runs = tuple(ledger.start(dag_id, held, "waiting") for dag_id in states)
    wait_until(lambda: len(world.executions(held)) == len(runs), 180, "the executions")
    for run in runs:
        world.api.wait_task_state(run.dag_id, run.run_id, TASK, states[run.dag_id], 120)
    return Waiting(world, ledger, runs)


def test_a_worker_dies_between_create_and_reply(world: World, ledger: Ledger, killer: Killer, pipeline: str) -> None:
    run = ledger.plan("ours_deferred", pipeline, "node")
    rule = world.kubernetes.add("worker dies", faults.creates(run.digest), faults.unanswered(killer.node))
    ledger.begin(run)
    ledger.wait([run], 240)
    assert rule.done.wait(240)
    assert rule.error is None
    audit = ledger.audit([run])
    assert audit.problems == []
    assert audit.tries > 1


def test_worker_and_schedulers_die_when_the_event_was_sent_and_the_task_not_resumed(
    world: World, ledger: Ledger, killer: Killer
) -> None:
    held = world.add_pipeline()
    world.script(held, "Train=hold")
    run = ledger.start("ours_deferred", held, "event")
    world.api.wait_task_state(run.dag_id, run.run_id, TASK, "deferred", 180)

    def kill(exchange: Exchange) -> None:
        killer.node(exchange)
        killer.nodes(*SCHEDULERS)

    instance = world.api.task_instance(run.dag_id, run.run_id, TASK)
    rule = world.airflow.add("event not resumed", faults.begins(instance["id"]), faults.unsent(kill))
    world.control("POST", "release")
    ledger.wait([run], 240)
    assert rule.done.wait(240)
    assert rule.error is None
    audit = ledger.audit([run])
    assert audit.problems == []


def test_all_nodes_die_while_runs_wait(world: World, killer: Killer, waiting: Waiting) -> None:
    killer.nodes(*NODES)
    world.fleet.wait_ready()
    waiting.end()


def test_the_api_server_hangs(world: World, ledger: Ledger, waiting: Waiting, pipeline: str) -> None:
    run = ledger.plan("ours_look", pipeline, "frozen")
    look = world.kubernetes.add("look at a frozen server", faults.looks(run.digest), lambda exchange: exchange.relay())
    world.freeze()
    try:
        ledger.begin(run)
        wait_until(lambda: look.fired > 0, 120, "the look at a server that hangs")
    finally:
        world.thaw()
    waiting.end(run)


def test_the_api_server_hangs_and_is_killed(world: World, ledger: Ledger, waiting: Waiting, pipeline: str) -> None:
    run = ledger.plan("ours_deferred", pipeline, "restart")
    create = world.kubernetes.add("create at a frozen server", faults.creates(run.digest), freezing(world))
    ledger.begin(run)
    try:
        wait_until(lambda: create.fired > 0, 120, "the create at a server that hangs")
    finally:
        world.restart()
    waiting.end(run)


def freezing(world: World) -> faults.Hook:
    """Freeze the API server, and pass the request on to it."""

    def act(exchange: Exchange) -> None:
        world.freeze()
        exchange.relay()

    return act

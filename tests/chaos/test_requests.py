"""Each fault of a request, between a task and the cluster, ends in the right outcome or in a clear error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from harness.waiting import wait_until
from tests.chaos import faults
from tests.chaos.ledger import Ledger, Run
from tests.chaos.proxy import Action, Exchange, Matcher, Rule
from tests.chaos.world import TASK, World

REFUSALS = (429, 500, 503)


@dataclass(frozen=True)
class Fault:
    """At which request of a run (``matcher`` gets the run's digest), what, how often (None: every time)."""

    name: str
    matcher: Callable[[str], Matcher]
    action: Action
    count: int | None = 1
    dag_id: str = "ours_deferred"
    error: str = ""
    """What the log must say where the run has to fail."""
    held: bool = False
    """Whether the execution goes on until the fault has happened: nobody watches again what has ended meanwhile."""


def own_watch(digest: str) -> Matcher:
    """The watch of a task that waits by itself."""
    return lambda exchange: exchange.watch and digest in exchange.path


def any_request(digest: str) -> Matcher:
    """Whatever a run asks of the cluster."""
    return lambda exchange: digest in exchange.text


def shared_watch(exchange: Exchange) -> bool:
    """The watch of a triggerer, which all its triggers share."""
    return exchange.watch and "fieldSelector" not in exchange.path


PASSING = (
    *(
        Fault(f"{status} to the look", faults.looks, faults.refuse(status, retry_after="1"), 2, "ours_look")
        for status in REFUSALS
    ),
    *(Fault(f"{status} to the create", faults.creates, faults.refuse(status), 2) for status in REFUSALS),
    *(Fault(f"{status} although created", faults.creates, faults.misreported(status)) for status in (500, 503)),
    *(Fault(f"{status} to the record", faults.records, faults.refuse(status), 2) for status in REFUSALS),
    *(
        Fault(f"{status} to a watch", own_watch, faults.refuse(status), 2, "ours_held", held=True)
        for status in REFUSALS
    ),
    Fault("look without an answer", faults.looks, faults.silent(effect=False), 1, "ours_look"),
    Fault("create without an answer, nothing done", faults.creates, faults.silent(effect=False)),
    Fault("create without an answer, but done", faults.creates, faults.silent(effect=True)),
    Fault("look broken off", faults.looks, faults.unsent(), 2, "ours_look"),
    Fault("create broken off before", faults.creates, faults.unsent(), 2),
    Fault("create broken off after", faults.creates, faults.unanswered()),
    Fault("record broken off after", faults.records, faults.unanswered(), 2),
    Fault("watch broken off", own_watch, faults.unsent(), 2, "ours_held", held=True),
    Fault("half a line of a watch", own_watch, faults.half_line(), 1, "ours_held"),
    Fault("410 as a watch's event", own_watch, faults.expired_event(), 2, "ours_held", held=True),
    Fault("410 as a watch's answer", own_watch, faults.refuse(410, "Expired"), 2, "ours_held", held=True),
    Fault("401 once", any_request, faults.refuse(401, "Unauthorized"), 1),
)
LASTING = (
    *(
        Fault(f"{status} always", any_request, faults.refuse(status), None, "ours_held_once", "AckClusterError")
        for status in (401, 403, *REFUSALS)
    ),
    Fault("nothing but broken connections", any_request, faults.unsent(), None, "ours_held_once", "AckClusterError"),
    Fault("creates broken off", faults.creates, faults.unsent(), None, "ours_deferred_once", "AckClusterError"),
    Fault("watches refused", own_watch, faults.refuse(503), None, "ours_held_once", "AckTimeout"),
)
Started = dict[str, tuple[Run, Rule]]


@pytest.fixture(scope="module")
def started(world: World, ledger: Ledger) -> Started:
    """A run for each fault, all at the same time."""
    runs: Started = {}
    pipeline, held = world.add_pipeline(), world.add_pipeline()
    world.script(held, "Train=hold")
    for fault in (*PASSING, *LASTING):
        run = ledger.plan(fault.dag_id, held if fault.held else pipeline, "fault")
        runs[fault.name] = (run, world.kubernetes.add(fault.name, fault.matcher(run.digest), fault.action, fault.count))
    for run, _ in runs.values():
        ledger.begin(run)
    return runs


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name)
def test_a_passing_fault_changes_nothing(fault: Fault, started: Started, ledger: Ledger, world: World) -> None:
    run, rule = started[fault.name]
    if fault.held:
        wait_until(rule.done.is_set, 240, fault.name)
        (execution,) = wait_until(lambda: ledger.executions(run), 60, "the execution")
        world.control("POST", "release", json={"PipelineExecutionArn": execution["PipelineExecutionArn"]})
    ledger.wait([run], 240)
    assert rule.done.wait(240), "the fault never happened"
    assert rule.error is None
    audit = ledger.audit([run])
    assert audit.problems == []
    assert audit.executions == 1


@pytest.mark.parametrize("fault", LASTING, ids=lambda fault: fault.name)
def test_a_lasting_fault_is_a_clear_error(fault: Fault, started: Started, ledger: Ledger, world: World) -> None:
    run, rule = started[fault.name]
    states = ledger.wait([run], 240)
    log = world.api.task_log(run.dag_id, run.run_id, TASK)
    assert states[run] == "failed", log
    assert fault.error in log
    assert world.kubernetes.url in log or fault.error == "AckTimeout", "an error says which server it was"
    assert rule.fired > 0
    world.kubernetes.remove(rule)
    assert len(ledger.executions(run)) == (1 if fault.error == "AckTimeout" else 0)


def test_an_expired_token_is_read_anew(world: World, ledger: Ledger) -> None:
    pipeline = world.add_pipeline()
    world.script(pipeline, "Train=hold")
    runs = [ledger.start(dag_id, pipeline, "token") for dag_id in ("ours_deferred", "ours_held")]
    wait_until(lambda: len(world.executions(pipeline)) == 2, 120, "both executions")
    for run, state in zip(runs, ("deferred", "running"), strict=True):
        world.api.wait_task_state(run.dag_id, run.run_id, TASK, state)
    again = [
        world.kubernetes.add("watch after expiry", matcher, lambda exchange: exchange.relay())
        for matcher in (shared_watch, own_watch(runs[1].digest))
    ]
    # Whether a client is refused first depends on its age: it reads the file anew after a minute, or after a 401.
    world.expire_token()
    for rule in again:
        wait_until(lambda rule=rule: rule.fired > 0, 60, "both to watch again")  # type: ignore[misc]
    world.control("POST", "release")
    runs.append(ledger.start("ours_deferred", world.add_pipeline(), "token"))
    ledger.wait(runs, 120)
    assert ledger.audit(runs).problems == []


def test_the_triggerers_watch_survives_everything(world: World, ledger: Ledger) -> None:
    pipeline = world.add_pipeline()
    world.script(pipeline, "Train=hold")
    run = ledger.start("ours_deferred", pipeline, "watch")
    world.api.wait_task_state(run.dag_id, run.run_id, TASK, "deferred", 120)
    wait_until(lambda: world.executions(pipeline), 60, "the execution")
    actions = {
        "shared watch broken off": faults.unsent(),
        **{f"{status} to a shared watch": faults.refuse(status, retry_after="1") for status in REFUSALS},
        "410 as a shared watch's event": faults.expired_event(),
        "410 as a shared watch's answer": faults.refuse(410, "Expired"),
    }
    for name, action in actions.items():
        rule = world.kubernetes.add(name, shared_watch, action)
        world.kubernetes.cut()
        wait_until(rule.done.is_set, 60, name)
    # Two triggerers may watch; whichever has the trigger gets half of the line that it waits for.
    half = world.kubernetes.add("half a line of a shared watch", shared_watch, faults.half_line(), count=None)
    world.kubernetes.cut()
    wait_until(lambda: half.fired > 0, 60, "the watch to be opened again")
    world.control(
        "POST", "release", json={"PipelineExecutionArn": world.executions(pipeline)[0]["PipelineExecutionArn"]}
    )
    wait_until(lambda: half.fired > 1, 60, "the watch to be broken off in the middle of a line")
    world.kubernetes.remove(half)
    ledger.wait([run], 120)
    assert ledger.audit([run]).problems == []

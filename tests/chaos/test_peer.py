"""The amazon provider's operator at the same point: what it does there is printed, and not ours to verdict_of."""

from __future__ import annotations

from tests.chaos import faults
from tests.chaos.kills import Killer
from tests.chaos.ledger import Ledger
from tests.chaos.storm import starts_execution
from tests.chaos.world import World

RUNS = 2


def test_a_process_dies_after_the_launch_before_the_reply(world: World, ledger: Ledger, killer: Killer) -> None:
    pipeline = world.add_pipeline()
    rule = world.aws.add("process dies after a launch", starts_execution, faults.unanswered(killer.sender), RUNS)
    runs = [ledger.start("peer", pipeline, "peer") for _ in range(RUNS)]
    ledger.wait(runs, 240)
    assert rule.done.wait(240)
    assert rule.error is None
    audit = ledger.audit(runs)
    print(f"SageMakerStartPipelineOperator(retries=3): {audit.runs} runs, {audit.executions} executions")
    assert audit.executions >= RUNS, "the books must see what the peer has launched"

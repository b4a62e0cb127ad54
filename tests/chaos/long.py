"""`make chaos`: the long form. 200 runs of ours, then as many of the peer, in a storm each.

What came of it is printed and, with --write, put into docs/chaos.md.
"""

from __future__ import annotations

import argparse
import random
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from harness.controlplane import NoControlPlane
from tests.chaos import storm
from tests.chaos.document import SECTIONS, Row, happened_table, section, table, versions, write
from tests.chaos.kills import Killer
from tests.chaos.ledger import Audit, Ledger, Run
from tests.chaos.pace import Pace
from tests.chaos.storm import Storm
from tests.chaos.world import World

_INTRODUCTION = (
    "`make chaos` has written this. Airflow with CeleryExecutor on Redis and PostgreSQL: two schedulers, two "
    "triggerers and two workers. A real kube-apiserver with etcd; the sandbox's controller and SageMaker. {versions}. "
    "Faults come at random, some seconds apart (`--seed {seed}`); what is killed starts again at once. Ours has 20 "
    "retries, each an occasion to launch once too often, and a fifth of its runs are not deferred; the peer has "
    "`retries=3, wait_for_completion=True`. The peer talks to SageMaker, so its refusals and broken connections are "
    "those of the AWS endpoint, and faults of the Kubernetes API server do not touch it."
)
PAUSE = (1.0, 8.0)
TIMEOUT = 3600.0
OURS = "AckPipelineExecutionOperator"
PEER = "SageMakerStartPipelineOperator"


@dataclass
class Result:
    """What came of one operator's runs."""

    name: str
    audit: Audit
    happened: Counter[str]
    seconds: float


def main() -> int:
    """Run the command line; the exit code says whether ours kept its promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.long", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--peer-runs", type=int, default=200, help="0 leaves the peer out")
    parser.add_argument("--write", action="store_true", help="write its section of docs/chaos.md")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    say(f"{options.runs} runs, {options.peer_runs} of the peer, --seed {options.seed}")
    try:
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder, World(Path(folder)) as world:
            killer = Killer(world.fleet)
            results = [_ours(world, killer, options.runs, options.seed)]
            say("", document(results, options.seed), *results[0].audit.problems)
            if options.peer_runs:
                results.append(_peer(world, killer, options.peer_runs, options.seed))
    except NoControlPlane as missing:
        say(str(missing))
        return 1
    text = document(results, options.seed)
    say("", text)
    if options.write:
        write(text)
    return 1 if results[0].audit.problems else 0


def _ours(world: World, killer: Killer, count: int, seed: int) -> Result:
    chance = random.Random(seed)
    pipeline = world.add_pipeline()
    ledger = Ledger(world)
    # One of five holds its worker while it waits; the others are deferred.
    dag_ids = ["ours_held" if number % 5 == 4 else "ours_deferred" for number in range(count)]
    runs = [ledger.plan(dag_id, pipeline) for dag_id in dag_ids]
    return _run(OURS, ledger, runs, storm.ours(world, killer, chance, Pace(chance, PAUSE)))


def _peer(world: World, killer: Killer, count: int, seed: int) -> Result:
    chance = random.Random(seed)
    pipeline = world.add_pipeline()
    ledger = Ledger(world)
    runs = [ledger.plan("peer", pipeline) for _ in range(count)]
    return _run(PEER, ledger, runs, storm.peers(world, killer, chance, Pace(chance, PAUSE)))


def _run(name: str, ledger: Ledger, runs: list[Run], bad: Storm) -> Result:
    for run in runs:
        ledger.begin(run)
    begun = time.monotonic()
    said = begun

    def meanwhile() -> None:
        nonlocal said
        bad.blow()
        if time.monotonic() - said >= 30:
            said = time.monotonic()
            states = Counter(ledger.states(runs).values())
            say(f"{name}, {said - begun:.0f} s: {dict(states)}")

    try:
        ledger.wait(runs, TIMEOUT, meanwhile)
    finally:
        bad.end()
    return Result(name, ledger.audit(runs), bad.happened, time.monotonic() - begun)


def document(results: list[Result], seed: int) -> str:
    """The section of docs/chaos.md."""
    names = [result.name for result in results]
    rows: list[Row] = [
        ("DAG runs", [result.audit.runs for result in results]),
        ("executions in SageMaker", [result.audit.executions for result in results]),
        ("executions too many", [result.audit.doubled for result in results]),
        ("runs with too many", [result.audit.doubled_runs for result in results]),
        ("runs without an execution", [result.audit.lost for result in results]),
        ("runs that ended otherwise than SageMaker says", [result.audit.untrue for result in results]),
        ("tries", [result.audit.tries for result in results]),
        ("minutes", [f"{result.seconds / 60:.1f}" for result in results]),
    ]
    return section(
        SECTIONS[0],
        _INTRODUCTION.format(versions=versions(), seed=seed),
        table(["", *names], rows),
        "What happened meanwhile:",
        happened_table("fault", names, [result.happened for result in results]),
    )


def say(*lines: str) -> None:
    """Print at once."""
    print(*lines, sep="\n", flush=True)


def interrupt(number: int, frame: FrameType | None) -> None:
    """On SIGTERM: end everything in order."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

"""`make chaos-edited`: the long form while people edit things. 200 runs with each of two seeds, then 20 backfills.

What came of it is printed and, with --write, put into docs/chaos.md.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from harness.controlplane import NoControlPlane
from tests.chaos.asked import EditedAudit
from tests.chaos.backfills import DAYS, BackfillAudit, backfill
from tests.chaos.document import SECTIONS, Row, happened_table, section, table, versions, write
from tests.chaos.edited import storm_and_people
from tests.chaos.kills import Killer
from tests.chaos.long import PAUSE, TIMEOUT, interrupt, say
from tests.chaos.world import World

_INTRODUCTION = (
    "`make chaos-edited` has written this, in the same world ({versions}). The same faults come, and as often people "
    "edit something: the DAG file (retries, a parameter, the list of a batch), a Variable that a parameter is made of, "
    "one that names the pipeline, the connections (pointed elsewhere and back, the token rotated), the definition in "
    "S3, and runs (cleared; deleted and made again). A neighbour who knows nothing of this package puts other "
    "definitions into the Pipelines, most often between an apply and a launch. The API server's clock goes wrong and "
    "is corrected. {groups} pipelines are shared by all runs: of seven runs three apply a definition of their own and "
    "are deferred, one does so and holds its worker, one does so and launches a batch of three, and two launch what "
    "there is."
)
_COMPARED = (
    "What each run has asked for is known from the times of the edits; what ran is what SageMaker says "
    "(DescribePipelineDefinitionForExecution, ListPipelineParametersForExecution). A run that a person clears, or "
    "deletes and makes again, is asked for once more. An execution that begins with a neighbour's definition is "
    "stopped and launched anew; it is counted apart, and would be a fault if anything reported it. A task whose inputs "
    "were edited so that it is another run (another pipeline; another execution in a batch of which some are "
    "launched) ends with an error that says so, and launches nothing."
)
_BACKFILLS = (
    'A backfill of six days, all at once, of a daily DAG with `placeholders={{"DATE": "{{{{ ds }}}}"}}`, on one '
    "pipeline and without any retries, {count} times:"
)
GROUPS = 10
_SETTINGS = {
    # Many tasks wait for a lease, each in a place of its own.
    ("core", "parallelism"): "24",
    ("celery", "worker_concurrency"): "12",
    ("api", "workers"): "3",
    # On a machine that does other work as well: who is slow to tell that it is alive is not dead, and a task that has
    # waited for its place for long may still begin.
    ("scheduler", "task_instance_heartbeat_timeout"): "60",
    ("scheduler", "scheduler_health_check_threshold"): "60",
    ("triggerer", "triggerer_health_check_threshold"): "45",
    ("execution_api", "jwt_expiration_time"): "7200",
    # An edited file is parsed at once all the same.
    ("dag_processor", "min_file_process_interval"): "300",
}


@dataclass
class Result:
    """What came of one seed."""

    seed: int
    audit: EditedAudit
    happened: Counter[str]
    seconds: float
    backfills: BackfillAudit = field(default_factory=BackfillAudit)


def main() -> int:
    """Run the command line; the exit code says whether the promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.long_edited", description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seeds", type=int, nargs="+", default=[secrets.randbelow(1_000_000) for _ in range(2)])
    parser.add_argument("--backfills", type=int, default=20, help="at most 20")
    parser.add_argument("--write", action="store_true", help="write its section of docs/chaos.md")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    say(f"{options.runs} runs, --seeds {' '.join(map(str, options.seeds))}, {options.backfills} backfills")
    results = []
    try:
        for number, seed in enumerate(options.seeds, 1):
            is_last = number == len(options.seeds)
            results.append(one_seed(seed, options.runs, options.backfills if is_last else 0))
    except NoControlPlane as missing:
        say(str(missing))
        return 1
    backfills = results[-1].backfills
    text = document(results, backfills)
    say("", text)
    if options.write:
        write(text)
    return 1 if backfills.problems or any(result.audit.problems for result in results) else 0


def one_seed(seed: int, runs: int, backfills: int) -> Result:
    """The runs of a seed, then backfills, in a world of their own."""

    def tell(line: str) -> None:
        say(f"[{seed}] {line}")

    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, World(Path(folder), _SETTINGS) as world:
        begun = time.monotonic()
        audit, happened = storm_and_people(
            world,
            Killer(world.fleet),
            seed,
            runs=runs,
            groups=GROUPS,
            asks=runs // 5,
            pause=PAUSE,
            timeout=TIMEOUT,
            say=tell,
        )
        result = Result(seed, audit, happened, time.monotonic() - begun)
        for line in (*audit.problems, f"{audit}"):
            tell(line)
        result.backfills = backfill(world, backfills, at_once=4, timeout=TIMEOUT, say=tell)
        for line in result.backfills.problems:
            tell(line)
        return result


def document(results: list[Result], backfills: BackfillAudit) -> str:
    """The section of docs/chaos.md."""
    names = [f"`--seeds {result.seed}`" for result in results]
    audits = [result.audit for result in results]
    rows: list[Row] = [
        ("DAG runs", [audit.runs for audit in audits]),
        ("times that one was asked for: started, cleared, made again", [audit.asked for audit in audits]),
        ("executions that were asked for", [audit.expected for audit in audits]),
        ("executions in SageMaker", [audit.executions for audit in audits]),
        ("executions too many", [audit.too_many for audit in audits]),
        ("executions that are missing", [audit.missing for audit in audits]),
        ("reported with another definition than it ran or was asked for", [a.wrong_definition for a in audits]),
        ("reported or run with other parameters than were asked for", [a.wrong_parameters for a in audits]),
        ("runs that ended otherwise than SageMaker says", [audit.untrue for audit in audits]),
        ("runs that ended with an error that names the edit", [audit.refused for audit in audits]),
        ("beside them, stopped: began with another's definition", [audit.others for audit in audits]),
        ("beside them, stopped: SageMaker could not be asked which", [audit.unproven for audit in audits]),
        ("tries", [audit.tries for audit in audits]),
        ("minutes", [f"{result.seconds / 60:.1f}" for result in results]),
    ]
    figures: list[Row] = [
        ("DAG runs", [backfills.runs]),
        ("runs that succeeded", [backfills.succeeded]),
        ("runs that ran, and report, their own day", [backfills.own_day]),
        ("executions in SageMaker", [backfills.executions]),
        ("of these ran another day's definition, and are reported by nobody", [backfills.others]),
        ("of those over before they were stopped, which is soon here", [backfills.late]),
        ("minutes", [f"{backfills.seconds / 60:.1f}"]),
    ]
    return section(
        SECTIONS[1],
        _INTRODUCTION.format(versions=versions(), groups=GROUPS),
        _COMPARED,
        table(["", *names], rows),
        "What happened meanwhile:",
        happened_table("fault or edit", names, [result.happened for result in results]),
        _BACKFILLS.format(count=backfills.backfills),
        table(["", f"{backfills.backfills} backfills of {DAYS} days"], figures),
    )


if __name__ == "__main__":
    sys.exit(main())

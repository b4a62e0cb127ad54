"""What a piece of Python costs a process of its own: CPU seconds and resident memory, as medians of rounds in turn."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.environment import clean_environment

ROUNDS = 5

_MEASURE = """
import json, resource, sys, time
code = sys.stdin.read()
exec(compile(code, "<measured>", "exec"), {"__name__": "__measured__"})
usage = resource.getrusage(resource.RUSAGE_SELF)
with open("/proc/self/statm") as statm:
    pages = int(statm.read().split()[1])
print("\\n" + json.dumps([usage.ru_utime + usage.ru_stime, pages * resource.getpagesize() / 1e6]))
"""


@dataclass(frozen=True)
class Cost:
    """CPU seconds, and megabytes of resident memory at the end."""

    cpu: float
    memory: float

    def above(self, other: Cost) -> Cost:
        """What this costs more than the other."""
        return Cost(self.cpu - other.cpu, self.memory - other.memory)


def measure(
    programs: Mapping[str, str], environment: Mapping[str, str] | None = None, rounds: int = ROUNDS
) -> dict[str, Cost]:
    """The median cost of each program. A first round, which is not counted, writes the bytecode."""
    found: dict[str, list[Cost]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory() as home:
        variables = {**clean_environment(Path(home)), "AIRFLOW_HOME": home, **(environment or {})}
        for number in range(rounds + 1):
            for name, program in programs.items():
                done = subprocess.run(
                    [sys.executable, "-c", _MEASURE],
                    input=program,
                    env=variables,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode:
                    raise RuntimeError(f"{name}:\n{done.stderr[-3000:]}")
                if number:
                    found[name].append(Cost(*json.loads(done.stdout.splitlines()[-1])))
    return {
        name: Cost(statistics.median(cost.cpu for cost in costs), statistics.median(cost.memory for cost in costs))
        for name, costs in found.items()
    }


def table(title: str, baseline: str, costs: Mapping[str, Cost]) -> str:
    """The costs above the baseline's, a line each."""
    width = max(map(len, costs))
    base = costs[baseline]
    lines = [title, f"  {'':{width}}   CPU s   MB     above the first line"]
    for name, cost in costs.items():
        more = cost.above(base)
        lines.append(
            f"  {name:{width}}  {cost.cpu:6.2f}  {cost.memory:5.0f}   {more.cpu:+6.2f} s  {more.memory:+6.1f} MB"
        )
    return "\n".join(lines)


def bound(what: str, cost: Cost, cpu: float, memory: float | None = None) -> str:
    """Whether a cost is within its bounds, in words."""
    held = cost.cpu <= cpu and (memory is None or cost.memory <= memory)
    limit = f"{cpu:g} s" + ("" if memory is None else f" and {memory:g} MB")
    return f"  {what}: {cost.cpu:.2f} s, {cost.memory:.1f} MB; bound {limit}: {'held' if held else 'NOT HELD'}"

"""The figures of docs/scaling.md are those of the script, and the script's are those that were measured."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.waiting import HUNG

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "capacity.py"


def computed(*options: str) -> Any:
    command = [sys.executable, str(SCRIPT), *options, "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=HUNG).stdout)


def load(per_day: float, minutes: float, pipelines: int, *more: str) -> Any:
    return computed(
        "--executions-per-day", str(per_day), "--minutes", str(minutes), "--pipelines", str(pipelines), *more
    )


def test_one_worker_carries_what_was_measured() -> None:
    """300 to 600 running executions a worker, at 50 to 100 ms a call: 300 are at its limit, 200 are not."""
    day, resync = 86_400 / 2, ("--resync-seconds", "36000")
    busy = load(300 / 60 / 60 * day, 60, 1, *resync)
    assert busy["running"] == pytest.approx(300, abs=1)
    assert 0.8 < busy["worker_use"] < 1.2
    assert load(200 / 60 / 60 * day, 60, 1, *resync)["worker_use"] < 0.8


def test_two_finished_ones_cost_as_much_as_a_running_one() -> None:
    few, many = (load(10_000, 30, 100, "--history", str(history)) for history in (0, 60))
    extra = many["aws_calls_per_second"] - few["aws_calls_per_second"]
    assert extra == pytest.approx(100 * 60 / 2 / 30, rel=0.01)


def test_finished_ones_stay_until_they_are_collected() -> None:
    """However few are started a day: they pile up to what each pipeline keeps."""
    assert load(50, 30, 10)["finished"] == 100
    assert load(5, 30, 10, "--history", "40")["finished"] == 400
    assert load(5, 30, 10, "--history", "0")["finished"] == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--executions-per-day", "nan"),
        ("--executions-per-day", "0"),
        ("--minutes", "-5"),
        ("--minutes", "inf"),
        ("--minutes", "1e308"),
        ("--pipelines", "0"),
        ("--pipelines", "1.5"),
        ("--history", "-1"),
        ("--definition-kb", "-50"),
        ("--workers", "0"),
        ("--workers", "many"),
        ("--resync-seconds", "0"),
        ("--resync-seconds", "1e-320"),
        ("--peak", "nan"),
    ],
)
def test_what_cannot_be_computed_with_is_one_clear_error(option: str, value: str) -> None:
    given = {"--executions-per-day": "7000", "--minutes": "60", "--pipelines": "200"} | {option: value}
    words = [word for pair in given.items() for word in pair]
    done = subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, timeout=HUNG)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    (error,) = [line for line in done.stderr.splitlines() if "error:" in line]
    assert value in error or "too large" in error


def test_knobs_are_named_where_they_help_only() -> None:
    small = load(50, 30, 10, "--resync-seconds", "36000")
    assert small["advice"] == []
    large = load(100_000, 45, 500)
    assert large["delay_seconds"] is None
    assert [knob.partition(":")[0] for knob in large["advice"]][:2] == [
        "reconcile.resourceMaxConcurrentSyncs.PipelineExecution",
        "reconcile.resourceResyncPeriods.PipelineExecution",
    ]
    needed = ("--workers", str(large["workers_needed"]))
    assert load(100_000, 45, 500, *needed)["worker_use"] <= 0.81


def test_the_page_shows_what_the_script_says() -> None:
    page = (ROOT / "docs" / "scaling.md").read_text()
    rows = re.findall(r"^\| ([\d,]+) \| (\d+) \| (\d+) \| (\d+) \|(.*)\|$", page, re.MULTILINE)
    assert len(rows) == 5
    for per_day, minutes, pipelines, workers, rest in rows:
        found = load(
            float(per_day.replace(",", "")), float(minutes), int(pipelines), "--workers", workers,
            "--resync-seconds", "36000",
        )  # fmt: skip
        shown = [cell.strip().replace(",", "") for cell in rest.split("|")]
        names = ("running", "aws_calls_per_second", "worker_use", "controller_mb", "etcd_mb", "triggerer_mb")
        assert shown == [f"{found[name]:g}" for name in names]

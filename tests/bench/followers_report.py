"""The tables and charts of `bench_followers`, and the bounds that they hold against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import charts
from tests.bench.results import bound, publish, quantile, seconds, table

if TYPE_CHECKING:
    from tests.bench.bench_followers import Field

MANY, MOST = 1_000, 5_000
HURRY = 10
"""How many times as often as by default the watches are renewed where an hour's requests are counted."""
DETECTION, TIMES, PER_HOUR, MEMORY = 0.250, 100.0, 20.0, 12.0
"""The bounds: seconds, times as fast as the peers, requests, KB."""

OURS, AMAZON, CNCF, EMPTY = "ours", "amazon provider's trigger", "SparkKubernetesSensor-style", "empty triggers"
HURRIED = f"ours, watches renewed {HURRY} times as often"


def report_detection(ground: Field) -> None:
    """The table and chart of how soon an end is seen."""
    shown = [one for one in ground.of(OURS, AMAZON, CNCF) if one.detections()]
    rows, bars = [], []
    for one in shown:
        found = one.detections()
        at = [quantile(found, share) for share in (0.5, 0.9, 0.99, 1.0)]
        rows.append([one.who, f"{one.count:,}", f"{len(found):,} of {len(one.written):,}", *map(seconds, at)])
        bars.append((one.who, one.count, quantile(found, 0.01), at[0], at[2]))
    charts.ranges(
        "detection",
        bars,
        title="From the status write to the trigger's event (marker: median, line: 1st to 99th percentile)",
        axis="seconds",
    )
    mine = quantile(next(one for one in shown if one.who == OURS and one.count == MOST).detections(), 0.99)
    lines = [bound(f"ours, p99 at {MOST:,}", mine * 1000, DETECTION * 1000, "ms")]
    for who in (AMAZON, CNCF):
        peer = max((one for one in shown if one.who == who), key=lambda one: one.count)
        ratio = quantile(peer.detections(), 0.99) / mine
        lines.append(
            bound(f"p99 of {who} at {peer.count:,}, by ours at {MOST:,}", ratio, TIMES, "times", at_least=True)
        )
    title = "Detection: from the status write to the trigger's event"
    publish(
        "detection",
        table(title, ["who", "followed", "seen", "p50", "p90", "p99", "max"], rows),
        "\n".join(lines),
    )


def report_requests(ground: Field) -> None:
    """The table and chart of what is asked of the servers while executions run."""
    rows, points = [], []
    shown = [one for one in ground.of(OURS, HURRIED, AMAZON, CNCF) if one.window]
    for one in shown:
        stands_for = one.window * (HURRY if one.who == HURRIED else 1)
        hourly = one.asked * 3600 / stands_for
        rows.append([one.who, f"{one.count:,}", f"{one.window:.0f} s", f"{one.asked:,}", f"{hourly:,.0f}"])
        if one.who != OURS:
            points.append((OURS if one.who == HURRIED else one.who, one.count, hourly))
    charts.lines(
        "requests",
        points,
        title="Requests while executions run",
        axis="requests per hour",
        across="executions followed",
    )
    worst = max(hourly for who, _, hourly in points if who == OURS)
    publish(
        "requests",
        table(
            "Requests to the server that is asked, while executions run",
            ["who", "followed", "window", "requests in it", "per hour (computed)"],
            rows,
        ),
        bound("ours, for a triggerer and namespace", worst, PER_HOUR, "an hour"),
    )


def report_cost(ground: Field) -> None:
    """The table and chart of the triggerer's CPU and memory."""
    empty_of = {one.count: one for one in ground.of(EMPTY)}
    rows, idle, memory = [], [], []
    above = 0.0
    for one in ground.of(EMPTY, OURS, AMAZON, CNCF):
        if one.count == 1:
            continue
        floor = empty_of[one.count]
        more = (one.memory - floor.memory) / one.count / 1000
        thousands = one.count / 1000
        rows.append(
            [
                one.who,
                f"{one.count:,}",
                f"{one.memory / 1e6:.0f} MB",
                "" if one.who in (EMPTY, CNCF) else f"{more:.1f} KB",
                f"{one.idle / thousands * 100:.2f} %",
                "" if one.who == EMPTY else f"{one.event * 1000:.2f} ms",
            ]
        )
        idle.append((one.who, one.count, one.idle / thousands * 100))
        if one.who in (OURS, AMAZON):
            memory.append((one.who, one.count, more))
        if one.who == OURS and one.count == MOST:
            above = more
    charts.panels(
        "cost",
        [
            ("Memory above Airflow's own, for a followed execution", "KB", memory),
            ("CPU while nothing changes, for 1,000 followed", "% of a core", idle),
        ],
    )
    publish(
        "cost",
        table(
            "The process that follows",
            [
                "who",
                "followed",
                "memory",
                "for each, above empty triggers",
                "CPU at rest, for 1,000",
                "CPU for an end",
            ],
            rows,
        ),
        bound(f"ours, memory of a followed execution at {MOST:,}, above Airflow's own", above, MEMORY, "KB"),
    )

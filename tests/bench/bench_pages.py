"""The pages in Airflow's UI with ten thousand executions: how soon the list's first page is served, and how soon keys
and clicks are answered.

    python -m tests.bench.bench_pages
"""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import httpx

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from harness.airflow_processes import AirflowProcesses
from harness.postgresql import PostgreSQL
from harness.waiting import wait_until
from tests.bench.results import bound, publish, quantile, table
from tests.ui import hostile, many
from tests.ui.browser import Chromium
from tests.ui.shelf import Shelf, headers

DAGS = Path(__file__).parents[2] / "dags"
ROUNDS = 10
VISITS = 3
SERVED_MS = 300.0
ANSWERED_MS = 100.0
QUERIES: dict[str, dict[str, Any]] = {
    "the newest": {},
    "the longest": {"sort": "-duration"},
    "a search": {"search": "model-7"},
    "the last of all, by pipeline": {"sort": "pipeline", "offset": many.COUNT - 50},
}

# Every key and click from now on: from the moment it was made until something was painted after it. The browser rounds
# to 8 ms and tells nothing below 16.
OBSERVE = """() => {
    window.answers = [];
    new PerformanceObserver((list) => {
        for (const {duration, interactionId} of list.getEntries())
            if (interactionId) window.answers.push(duration);
    }).observe({type: "event", durationThreshold: 16, buffered: false});
}"""


def main() -> None:
    """Measure and print."""
    shelf = Shelf()
    hostile.fill(shelf)
    many.fill(shelf)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, PostgreSQL() as database, shelf:
        home = Path(folder)
        with shelf.airflow(home / "airflow", DAGS, database.create("airflow")) as server:
            done = server.command("dags", "reserialize", timeout=600)
            if done.returncode:
                raise RuntimeError(done.stderr)
            served = first_pages(shelf, server)
            with Chromium(server, home / "chromium") as chromium:
                answered = inputs(chromium)
    rows = [
        [name, f"{statistics.median(taken):.0f} ms", f"{quantile(taken, 0.95):.0f} ms", f"{max(taken):.0f} ms"]
        for name, taken in [*served.items(), ("keys and clicks, until painted", answered)]
    ]
    publish(
        "pages",
        table(f"The pages with {many.COUNT:,} executions", ["what", "median", "p95", "longest"], rows),
        "\n".join(
            [
                bound("first page, p95", quantile(list(chain(*served.values())), 0.95), SERVED_MS, "ms"),
                bound("keys and clicks, p95", quantile(answered, 0.95), ANSWERED_MS, "ms"),
            ]
        ),
    )


def first_pages(shelf: Shelf, server: AirflowProcesses) -> dict[str, list[float]]:
    """Milliseconds for fifty rows of each query, each time of another version of the list: nothing is from memory."""
    found: dict[str, list[float]] = {f"first page: {name}": [] for name in QUERIES}
    with httpx.Client(
        base_url=f"{server.url}/ack-sagemaker/api", headers=headers(server), trust_env=False, timeout=60
    ) as client:

        def total(**query: Any) -> int:
            return int(client.get("/executions", params=query).raise_for_status().json()["total"])

        wait_until(lambda: total() == many.COUNT, 300, "the cluster to be read")
        for number in range(ROUNDS):
            run_id = f"bench-{number}"
            shelf.execution(RunIdentity(many.DAGS[0], run_id, "retrain"), "bench", datetime.now(UTC))
            wait_until(lambda run_id=run_id: total(run_id=run_id), 60, "the new one to be seen", every=0.05)  # type: ignore[misc]
            for name, query in QUERIES.items():
                began = time.perf_counter()
                answer = client.get("/executions", params={"limit": 50, **query})
                found[f"first page: {name}"].append((time.perf_counter() - began) * 1000)
                if len(answer.raise_for_status().json()["items"]) != 50:
                    raise RuntimeError(f"{name}: {answer.text[:500]}")
    return found


def inputs(chromium: Chromium) -> list[float]:
    """Milliseconds from each key and click to what was painted after it; the browser tells none below 16."""
    found: list[float] = []
    for _ in range(VISITS):
        with chromium.visit() as visit:
            many.use(visit, begin=lambda visit=visit: visit.page.evaluate(OBSERVE))  # type: ignore[misc]
            found += visit.page.evaluate("window.answers")
    return found or [0.0]


if __name__ == "__main__":
    main()

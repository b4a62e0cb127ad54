"""Ten thousand executions in a cluster, and somebody who looks through them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from airflow_ack_sagemaker.core.resource.identity import RunIdentity
from tests.ui.browser import Visit
from tests.ui.hostile import PIPELINES
from tests.ui.shelf import Shelf

COUNT = 10_000
FAILED = 1_000
DAGS = ("scheduled_retraining", "many_models", "churn_retraining", "demand_forecast")


def fill(shelf: Shelf) -> None:
    """Put them there, those with the hostile names counted: of four DAGs and twenty pipelines, one in ten failed."""
    now = datetime.now(UTC)
    failures = FAILED - len(PIPELINES)
    for number in range(COUNT - len(PIPELINES)):
        failed = number % 10 == 3 and number // 10 < failures
        created = now - timedelta(minutes=number)
        shelf.execution(
            RunIdentity(DAGS[number % 4], f"scheduled__{created:%Y-%m-%dT%H:%M}", "retrain"),
            f"model-{number % 20}",
            created,
            status="Failed" if failed else "Succeeded",
            reason="Step failure: One or multiple steps failed." if failed else None,
            seconds=300 + number % 77,
            parameters={"Rounds": str(number)},
        )


MOST_ROWS = 200
INPUTS = 16
"""Keys and clicks of `use`."""


def use(visit: Visit, begin: Callable[[], object]) -> None:
    """Open the list, then type, click and turn pages, as somebody does who looks for something.

    :param begin: called once the list is there, before the first key.
    """
    visit.open()
    expect(visit.rows()).to_have_count(50)
    begin()
    search = visit.ours.get_by_role("searchbox")
    search.press_sequentially("model-1", delay=60)
    expect(visit.rows("model-2")).to_have_count(0)
    search.press("Control+A")
    search.press("Backspace")
    expect(visit.rows("model-2")).not_to_have_count(0)
    visit.click(visit.ours.get_by_role("button", name="Failed"))
    expect(visit.ours.get_by_text(f"{FAILED:,} executions")).to_be_visible()
    visit.sort("Duration", "descending")
    visit.click(visit.ours.get_by_role("button", name="Next page"))
    expect(visit.ours.get_by_text(f"2 of {FAILED // 50}")).to_be_visible()
    visit.click(visit.ours.get_by_role("button", name="All", exact=False).first)
    expect(visit.ours.get_by_text(f"{COUNT:,} executions")).to_be_visible()
    visit.ours.get_by_label("Rows").select_option(str(MOST_ROWS))
    expect(visit.rows()).to_have_count(MOST_ROWS)
    visit.sort("Pipeline", "ascending")
    visit.click(visit.rows().first.get_by_role("link").first)
    expect(visit.article).to_be_visible()

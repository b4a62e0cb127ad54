"""A picture of a DAG, as Airflow's own graph shows it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import FloatRect, Locator, expect

from harness.airflow_processes import AirflowProcesses
from tests.support.pictures import picture, save
from tests.ui.browser import Chromium

MOST_BYTES = 100_000
WIDE = (1700, 700)
MARGIN = 16


def draw(dag_id: str, chromium: Chromium, airflow: AirflowProcesses, otherwise: Path) -> None:
    """Take the picture, with each task of the DAG on it, and put it where `picture` says."""
    airflow.api.wait_for_dag(dag_id)
    tasks = {task["task_id"] for task in airflow.api.request("GET", f"/dags/{dag_id}/tasks")["tasks"]}
    # With a size of its own comes a memory of its own: Airflow remembers for all pages that the graph was chosen.
    with chromium.visit(size=WIDE) as visit:
        visit.open(f"dags/{dag_id}")
        visit.click(visit.page.get_by_label("Show Graph"))
        graph = visit.page.locator(".react-flow")
        graph.wait_for()
        if any("." in task for task in tasks):
            visit.click(visit.page.get_by_label("Expand all task groups"))
        for task in tasks:
            expect(graph.locator(f"[data-id='{task}']")).to_be_visible()
        visit.page.add_style_tag(content=".react-flow__panel { display: none }")  # what is there to move the graph
        path = picture(f"ui/dag-{dag_id}.png", otherwise)
        save([visit.page.screenshot(animations="disabled", clip=_around(graph.locator(".react-flow__node")))], path)
        assert path.stat().st_size < MOST_BYTES


def _around(nodes: Locator) -> FloatRect:
    """The part of the window that has them, and a little more."""
    boxes = [box for box in (node.bounding_box() for node in nodes.all()) if box is not None]
    left, top = (min(box[key] for box in boxes) - MARGIN for key in ("x", "y"))
    right = max(box["x"] + box["width"] for box in boxes) + MARGIN
    bottom = max(box["y"] + box["height"] for box in boxes) + MARGIN
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}

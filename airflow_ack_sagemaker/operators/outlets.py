"""What the events of a task's outlet assets carry: the facts of the run, for whoever consumes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context


def tell_outlets(task: BaseOperator, context: Context, facts: Mapping[str, Any]) -> None:
    """Put the facts into the ``extra`` of the events of a task's outlet assets."""
    from airflow.sdk import Asset

    for outlet in task.outlets:
        if isinstance(outlet, Asset):
            context["outlet_events"][outlet].extra.update(facts)

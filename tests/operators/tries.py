"""A try of a task as Airflow runs it: `execute` with a context, in this process, on an API server over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.context import set_current_context

try:
    from airflow.sdk.exceptions import TaskDeferred
except ImportError:  # Airflow 3.1 has it elsewhere
    from airflow.exceptions import TaskDeferred  # type: ignore[no-redef]

BEGAN = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)


@contextmanager
def trying(
    task: Any,
    *,
    number: int = 1,
    max_tries: int = 2,
    began: datetime = BEGAN,
    clear_number: int = 0,
    run_id: str = "run",
    pushed: dict[str, Any] | None = None,
    pulled: Mapping[str, Any] | None = None,
) -> Iterator[Any]:
    """The context of a try, as Airflow's database has it: ``max_tries`` is the database's, not the file's.

    :param pulled: task -> its XCom.
    """
    ti = SimpleNamespace(
        dag_id=task.dag_id,
        run_id=run_id,
        task_id=task.task_id,
        map_index=-1,
        try_number=number,
        max_tries=max_tries,
        task=task,
        start_date=datetime.now(UTC),
        xcom_push=lambda key, value: (pushed if pushed is not None else {}).__setitem__(key, value),
        xcom_pull=lambda task_ids, **_: (pulled or {}).get(task_ids),
    )
    run = SimpleNamespace(start_date=began, clear_number=clear_number)
    context: Any = {"ti": ti, "dag_run": run, "run_id": run_id, "outlet_events": {}}
    with set_current_context(context):
        yield context


def deferred(task: Any, *, event: Mapping[str, Any] | None = None, **said: Any) -> Any:
    """The trigger that a try leaves its waiting to.

    :param event: of the trigger before, after which it goes on; None: it begins.
    """
    with trying(task, **said) as context, pytest.raises(TaskDeferred) as left:
        task.execute(context) if event is None else task.execute_complete(context, event)
    return left.value.trigger


def executed(task: Any, **said: Any) -> Any:
    """What a try returns that waits for nothing."""
    with trying(task, **said) as context:
        task.render_template_fields(context)
        return task.execute(context)

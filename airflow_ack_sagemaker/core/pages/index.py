"""Executions by their pipeline and by their task: a page looks them up, where it would else go through all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from airflow_ack_sagemaker.core.pages.executions import Place, Row, TaskInstance, usual_durations


class Index:
    """The executions of one moment. Making it goes through all of them, so it is for a thread.

    ``of_place`` has them by their pipeline, ``of_task`` by what made them, ``usual`` the usual durations of the
    pipelines in seconds.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        of_place: defaultdict[Place, list[Row]] = defaultdict(list)
        of_task: defaultdict[TaskInstance, list[Row]] = defaultdict(list)
        for row in rows:
            of_place[row.place].append(row)
            of_task[row.task_instance].append(row)
        self.of_place: Mapping[Place, Sequence[Row]] = dict(of_place)
        self.of_task: Mapping[TaskInstance, Sequence[Row]] = dict(of_task)
        self.usual = usual_durations(row for found in of_place.values() for row in found)

    def attempts(self, row: Row) -> list[Row]:
        """The executions of the task that made this one, the latest first; this one is among them even if it is newer
        than the index.
        """
        found = {one.name: one for one in self.of_task.get(row.task_instance, ())} | {row.name: row}
        return sorted(found.values(), key=lambda one: (one.attempt or 0, one.created, one.name), reverse=True)

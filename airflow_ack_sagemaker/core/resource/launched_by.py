"""What Airflow's database said about the try that launched a resource: written down then, compared by every later try.

A later try must know whether it is a retry of the same run, follows a user's clear, or belongs to another run of the
same id. Nothing that a worker parses from a DAG file can tell: the file may have been edited meanwhile. So each launch
records what the database said, and a later try compares that with what the database says then:

* ``max_tries`` is changed by a clear (to the tries so far plus the task's retries), and by nothing else.
* The run's start is renewed when a finished run is cleared, and it is another one for a run that was deleted and made
  again, for a run of another Airflow, and for one of a new metadata database. A cleared run counts its clears
  (``clear_number``) and goes on counting its tries; a run that was made again begins anew with both.

Source: ``clear_task_instances`` of ``airflow.models.taskinstance``, and the Task API's ``TIRunContext`` (3.1 to 3.3).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

from airflow_ack_sagemaker.core.resource.fields import Resource, annotation
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_LAUNCHED_BY
from airflow_ack_sagemaker.core.resource.times import time_or_none


class Relation(StrEnum):
    """How a try is related to the one that launched a resource."""

    SAME_RUN = "same run"
    """A retry, or the same try."""
    CLEARED = "cleared"
    """The same run, but a user has cleared the task since."""
    ANOTHER_RUN = "another run"
    """A run of the same id that is not this one: deleted and made again, or another Airflow's."""


@dataclass(frozen=True, slots=True)
class Try:
    """A try of a task, as Airflow's database has it.

    ``number`` counts from 1 over the whole run, ``max_tries`` is the database's (not the file's), ``clear_number`` is
    the run's, ``run_start`` is when the run began, as text (None: it has not).
    """

    number: int = 1
    max_tries: int = 0
    clear_number: int = 0
    run_start: str | None = None

    def seconds_since_start(self, now: float) -> float | None:
        """How long ago the run began, by the clocks of Airflow's machines; None: not known. Nothing of it is older.

        :param now: Unix time in seconds.
        """
        start = time_or_none(self.run_start)
        return None if start is None else now - start.timestamp()

    def to_text(self) -> str:
        """For the annotation."""
        return json.dumps(asdict(self), separators=(",", ":"))


def launched_by(resource: Resource) -> Try | None:
    """The try that launched a resource; None where nothing, or nonsense, is written there."""
    try:
        said = json.loads(annotation(resource, ANNOTATION_LAUNCHED_BY) or "")
        found = Try(**{field.name: said[field.name] for field in fields(Try)})
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    numbers = (found.number, found.max_tries, found.clear_number)
    if any(type(number) is not int for number in numbers) or not isinstance(found.run_start, str | None):
        return None
    return found


def relation(recorded: Try, now: Try) -> Relation:
    """How the present try is related to the recorded one.

    A run that was made again must never pass for the old one. So only more clears *and* more tries than recorded make
    a run with another start the same run.
    """
    if recorded.run_start != now.run_start:
        goes_on = now.clear_number > recorded.clear_number and now.number > recorded.number
        return Relation.CLEARED if goes_on else Relation.ANOTHER_RUN
    return Relation.SAME_RUN if recorded.max_tries == now.max_tries else Relation.CLEARED


def relation_of(resource: Resource, tried: Try) -> Relation:
    """How ``tried`` is related to the try that launched ``resource``: another run's, where none is recorded."""
    recorded = launched_by(resource)
    return Relation.ANOTHER_RUN if recorded is None else relation(recorded, tried)

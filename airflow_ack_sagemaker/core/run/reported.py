"""What "reported" means: a task has told Airflow how an execution ended.

Only an end can be reported. A task that waits for the start only (``wait_for_completion=False``) tells Airflow that it
was launched, which says nothing about the end: a retry must find that unreported.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from airflow_ack_sagemaker.core.resource.fields import Resource, annotation
from airflow_ack_sagemaker.core.resource.identity import ANNOTATION_REPORTED
from airflow_ack_sagemaker.core.resource.server_clock import stamp_of_write
from airflow_ack_sagemaker.core.resource.status import FINISHED, Outcome, State


def report(outcome: Outcome, *, try_number: int, now: float) -> dict[str, Any]:
    """The JSON merge patch that records that a task told Airflow how this resource ended.

    :param now: Unix time in seconds.
    :raises ValueError: it has not ended.
    """
    if outcome.state not in FINISHED:
        raise ValueError(f"{outcome.resource} is {outcome.state}: only an end can be reported.")
    text = json.dumps({"state": outcome.state.value, "try": try_number, "at": int(now)}, separators=(",", ":"))
    return {"metadata": {"annotations": {ANNOTATION_REPORTED: text}}}


def is_reported(resource: Resource) -> bool:
    """Whether a task has already told Airflow how this resource ended."""
    said = _read(resource)
    # One that was written before the end, by whomever, is no report of the end.
    return said is not None and said.get("state") in _ENDS


def reported_state(resource: Resource) -> State | None:
    """The end that a task has told Airflow; None where it has told none."""
    return State((_read(resource) or {})["state"]) if is_reported(resource) else None


def reported_at(resource: Resource) -> datetime | None:
    """When a task told Airflow how this resource ended; None where that is not known."""
    try:
        return datetime.fromtimestamp((_read(resource) or {})["at"], timezone.utc)
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        return None


def quiet_since(resource: Resource) -> datetime | None:
    """Since when nothing of this package has written on a reported resource: the later of what two clocks say, that of
    the machine which reported it and the API server's. None: not known.
    """
    times = (reported_at(resource), stamp_of_write(resource) if is_reported(resource) else None)
    return max((time for time in times if time is not None), default=None)


def reported_by(resource: Resource) -> int | None:
    """The number of the try that told Airflow how this resource ended; None where that is not known."""
    number = (_read(resource) or {}).get("try")
    return number if type(number) is int else None


_ENDS = frozenset(state.value for state in FINISHED)


def _read(resource: Resource) -> dict[str, Any] | None:
    try:
        said = json.loads(annotation(resource, ANNOTATION_REPORTED) or "")
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None

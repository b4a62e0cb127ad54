"""What has happened to an execution and when, in plain words, as far as its resource tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.resource.times import text_of, time_or_none
from airflow_ack_sagemaker.core.run.reported import reported_at

Tone = Literal["info", "good", "bad", "waiting"]

_WORDS: dict[tuple[str, str], tuple[str, Tone]] = {
    ("ACK.ResourceSynced", "True"): ("The controller has nothing left to do for it", "info"),
    ("ACK.ResourceSynced", "False"): ("The controller follows it", "info"),
    ("ACK.ResourceSynced", "Unknown"): ("The controller cannot tell how it stands", "waiting"),
    ("ACK.Recoverable", "True"): ("The controller could not do it and tries again", "waiting"),
    ("ACK.Recoverable", "False"): ("What the controller could not do is resolved", "good"),
    ("ACK.Terminal", "True"): ("The controller has refused it for good", "bad"),
    ("ACK.Adopted", "True"): ("It was taken over from SageMaker", "info"),
    ("ACK.ReferencesResolved", "True"): ("What it refers to was found", "info"),
    ("ACK.ReferencesResolved", "False"): ("What it refers to was not found", "waiting"),
    ("Ready", "True"): ("Ready", "info"),
    ("Ready", "False"): ("Not ready yet", "info"),
}
_ENDS: dict[State, tuple[str, Tone]] = {
    State.SUCCEEDED: ("SageMaker finished it", "good"),
    State.FAILED: ("It failed in SageMaker", "bad"),
    State.STOPPED: ("It was stopped in SageMaker", "bad"),
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. ``time`` is RFC 3339 in UTC, None where the resource does not say when."""

    time: str | None
    what: str
    detail: str | None
    kind: Tone


def timeline_of(resource: Resource) -> list[Event]:
    """The events of a PipelineExecution, oldest first; what has no time stands where it was seen, at the end."""
    outcome = classify(resource)
    found = list(_events(resource, outcome))
    # A stable sort: of one second, things stand in the order in which they must have happened.
    dated = sorted((pair for pair in found if pair[0] is not None), key=lambda pair: pair[0] or datetime.min)
    undated = [event for time, event in found if time is None]
    return [event for _, event in dated] + undated


def _events(resource: Resource, outcome: Outcome) -> Iterator[tuple[datetime | None, Event]]:
    status = fields.status(resource)

    def event(
        time: datetime | None, what: str, detail: object = None, kind: Tone = "info"
    ) -> tuple[datetime | None, Event]:
        return time, Event(text_of(time), what, str(detail) if detail else None, kind)

    yield event(fields.created(resource), "The resource was created")
    if (taken := _taken(resource)) is not None:
        yield event(taken, "The controller took it on")
    if outcome.started:
        yield event(time_or_none(status.get("creationTime")), "SageMaker started it", outcome.arn)
    if (asked := fields.deleted(resource)) is not None:
        yield event(asked, "It was asked to stop: the resource was deleted", kind="waiting")
    if (end := _ENDS.get(outcome.state)) is not None:
        what, kind = end
        yield event(
            time_or_none(status.get("lastModifiedTime")), what, outcome.reason or outcome.sagemaker_status, kind
        )
    for condition in fields.conditions(resource):
        yield _condition(condition, resource)
    if outcome.state is State.UNSEEN:
        yield event(None, "No controller has touched it yet", outcome.remedy, "waiting")
    if (told := reported_at(resource)) is not None:
        yield event(told, "The task told Airflow how it ended")


def _condition(condition: Mapping[str, Any], resource: Resource) -> tuple[datetime | None, Event]:
    name, value = str(condition.get("type") or "?"), str(condition.get("status") or "?")
    what, kind = _WORDS.get((name, value), (f"{name} is {value}", "info"))
    time = time_or_none(condition.get("lastTransitionTime"))
    if time is None and kind != "info":
        time = fields.status_written(resource)  # ACK dates neither Recoverable nor Terminal
    return time, Event(text_of(time), what, fields.said_by(condition), kind)


def _taken(resource: Resource) -> datetime | None:
    """When the controller first wrote something: its finalizer, which it sets once.

    It is the manager that writes the status.
    """
    entries = fields.managed_fields(resource)
    controllers = {fields.text(entry, "manager") for entry in entries if entry.get("subresource") == "status"}
    times = [
        time_or_none(entry.get("time"))
        for entry in entries
        if not entry.get("subresource") and fields.text(entry, "manager") in controllers
    ]
    return min((time for time in times if time is not None), default=None)

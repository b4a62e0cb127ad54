"""Has the controller answered the last change of a resource? ACK has no ``observedGeneration``, so what is written on
the resource must tell.

`metadata.managedFields` holds, on the API server's clock and to the second, when each manager last changed the ``spec``
and when the controller last wrote the ``status``. The controller renews the latter whenever it has reacted to a change,
and its writes carry the version that they read. So two things are enough to know an answer to a change of ours:

- An update waits until the second of the last status write is over (`pause_before_change`), and carries the
  ``resourceVersion`` that was looked at. So no status slips in between, and the answer gets another time than it has.
- The update writes down what it found (`change_note`): the generation that it makes, and the time of the status before
  it. A status of that time is from before; any other one is an answer. No two clocks are compared, so that a clock
  which is wrong, or was set back or forward meanwhile, changes nothing.

The generation counts changes of the spec. At generation 1 any status is an answer. Where somebody else has changed the
spec last, the two times are compared, which is right as long as the API server's clock is not set back in between.

A manager has one time for all that it owns: whoever owns the spec and changes a label renews it, and no answer follows.
So what has been seen once is written down, too (`answer_note`): the generation whose answer was seen, or that SageMaker
was found to have (`core.run.described`). It holds until the spec changes. What nobody has seen cannot be told by the
resource: of a change of the spec in the very second of a status neither, which then counts as answered, since a
controller mostly answers within that second, and then writes nothing more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.advice import CONTROLLER_LOG
from airflow_ack_sagemaker.core.resource.identity import PREFIX
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.resource.times import text_of, time_or_none

CONTROLLER = "ack-sagemaker"
"""The controller's field manager (recorded)."""
ANNOTATION_CHANGE = f"{PREFIX}/change"
"""What the last change of the spec by this package found: see `change_note`."""
ANNOTATION_ANSWERED = f"{PREFIX}/answered"
"""The generation (`generation_of`) that is known to be answered: see `answer_note`."""

STATUS_RESOLUTION = timedelta(seconds=2)
"""Between a status write and our next change.

Conditions have a resolution of one second, and an equal status is no write and no event: a whole second must have
passed on the controller's clock too, wherever in the second that clock ticks.
"""


def spec_changed(resource: Mapping[str, Any]) -> datetime | None:
    """When the ``spec`` was last changed, by anybody but the controller: it writes SageMaker's own defaults there."""
    return _latest(
        entry
        for entry in fields.managed_fields(resource)
        if not entry.get("subresource") and _has_spec(entry) and entry.get("manager") != CONTROLLER
    )


def spec_unchanged_until(resource: Mapping[str, Any]) -> datetime | None:
    """`spec_changed`, where that time can be no other change's; None: whoever wrote the spec last owns labels or
    annotations, too, and a change of those would have renewed it. This package's own applies all change the spec.
    """
    changed = spec_changed(resource)
    for entry in fields.managed_fields(resource):
        last = not entry.get("subresource") and _has_spec(entry) and time_or_none(entry.get("time")) == changed
        if last and _has(entry, "f:metadata") and entry.get("manager") not in (CONTROLLER, PREFIX):
            return None
    return changed


def answered(resource: Mapping[str, Any]) -> bool:
    """Whether the status was written after the last change of the spec; True where no managed fields are kept."""
    changed = spec_changed(resource)
    if changed is None:
        return True
    written = fields.status_written(resource)
    if written is None:
        return False
    if _told_by_itself(resource):
        return True
    if (noted := _noted(resource)) is not None:
        return text_of(written) != noted.status
    return written >= changed


def change_waits(resource: Mapping[str, Any]) -> bool:
    """Whether the last change of the spec is this package's and was surely not answered: no doubt that another's write
    can raise.
    """
    return _noted(resource) is not None and not answered(resource)


def generation_of(resource: Mapping[str, Any]) -> str:
    """What tells one state of a resource's spec from all others: its uid and generation."""
    return f"{fields.uid(resource)}/{fields.metadata(resource).get('generation')}"


def answer_note(resource: Mapping[str, Any]) -> dict[str, str]:
    """The annotation that says of a resource, which was found to be answered, that this generation of it is; empty
    where no later write can raise a doubt. It is true whenever it is written.
    """
    if spec_changed(resource) is None or _told_by_itself(resource):
        return {}
    if answered(resource) and (_noted(resource) is not None or not written_by_others(resource)):
        return {}
    return {ANNOTATION_ANSWERED: generation_of(resource)}


def written_by_others(resource: Mapping[str, Any]) -> bool:
    """Whether anybody but this package and the controller has ever written the spec."""
    return any(
        not entry.get("subresource") and _has_spec(entry) and entry.get("manager") not in (CONTROLLER, PREFIX)
        for entry in fields.managed_fields(resource)
    )


def change_note(resource: Mapping[str, Any]) -> dict[str, str]:
    """The annotation that goes with an update of ``resource``, which changes its spec and carries its version."""
    generation = fields.metadata(resource).get("generation")
    if not isinstance(generation, int):
        return {}
    note = {
        "uid": fields.uid(resource),
        "generation": generation + 1,
        "status": text_of(fields.status_written(resource)),
    }
    return {ANNOTATION_CHANGE: json.dumps(note, separators=(",", ":"))}


def pause_before_change(resource: Mapping[str, Any], now: datetime | None) -> timedelta:
    """How long an update has to wait until its answer can be told from the status that stands; never longer than
    `STATUS_RESOLUTION`, since nothing on any clock is worth more.

    :param now: the API server's clock; None: not known. A status that is from the future of that clock says nothing
        about when it was written, so that one waits as if it were from this moment.
    """
    written = fields.status_written(resource)
    if written is None:
        return timedelta(0)
    if now is None:
        return STATUS_RESOLUTION
    return min(max(written + STATUS_RESOLUTION - now, timedelta(0)), STATUS_RESOLUTION)


def observe(resource: Mapping[str, Any]) -> Outcome:
    """`classify`, but what a kept thing (a pipeline) said before its last change is not taken for an answer to it."""
    outcome = classify(resource)
    if kind_of(outcome.kind).is_job or outcome.state in (State.DELETING, State.UNSEEN) or answered(resource):
        return outcome
    return replace(
        outcome,
        state=State.UNSEEN,
        reason="the controller has not answered the last change yet; its status is from before",
        remedy=(
            f"The controller is busy, down, or no longer watches this namespace. Look at its log: {CONTROLLER_LOG}. "
            "It answers changes of the spec only, and an answer that meets another write is lost: where it is well, "
            "change a field of the spec, such as a description, or, of a Pipeline, let the task ask SageMaker "
            "(aws_conn_id with sagemaker:DescribePipeline)."
        ),
        warning=None,
    )


def prune(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a resource that outcomes are read from: a watch of thousands keeps this, not definitions."""
    metadata = fields.metadata(resource)
    kept = {
        key: metadata[key]
        for key in (
            "name",
            "namespace",
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
            "deletionTimestamp",
            "finalizers",
        )
        if key in metadata
    }
    kind, status = kind_of(fields.kind_name(resource)), fields.status(resource)
    if kind.is_job:
        said = fields.status_text(resource, kind.status_field) if kind.status_field else None
        if "deletionTimestamp" in kept or (said is not None and said not in kind.running):
            # `classify` asks since when a job has ended, or a status stands that is not known, and which status was
            # written after a deletion.
            kept["managedFields"] = [
                {"subresource": "status", "time": entry["time"]}
                for entry in fields.managed_fields(resource)
                if entry.get("subresource") == "status" and entry.get("time")
            ]
        spec = {key: value for key, value in fields.spec(resource).items() if key == "pipelineName"}
        return {"kind": resource["kind"], "metadata": kept, "spec": spec, "status": status}
    notes = {key: fields.annotation(resource, key) for key in (ANNOTATION_CHANGE, ANNOTATION_ANSWERED)}
    if any(notes.values()):
        kept["annotations"] = {key: note for key, note in notes.items() if note}
    kept["managedFields"] = [
        {
            **{key: entry[key] for key in ("manager", "subresource", "time") if key in entry},
            "fieldsV1": {"f:spec": {}} if _has_spec(entry) else {},
        }
        for entry in fields.managed_fields(resource)
    ]
    spec = {key: value for key, value in fields.spec(resource).items() if key == "endpointConfigName"}
    return {"kind": resource["kind"], "metadata": kept, "spec": spec, "status": status}


def _told_by_itself(resource: Mapping[str, Any]) -> bool:
    """Whether any status is an answer: to the creation, or since it is written down that one was seen."""
    if fields.metadata(resource).get("generation") == 1:
        return True
    return fields.annotation(resource, ANNOTATION_ANSWERED) == generation_of(resource)


@dataclass(frozen=True, slots=True)
class _Note:
    """What `change_note` wrote; ``status`` is the time of the status before, None where there was none."""

    status: str | None


def _noted(resource: Mapping[str, Any]) -> _Note | None:
    """What was noted of the last change of the spec; None: it is not ours."""
    try:
        note = json.loads(fields.annotation(resource, ANNOTATION_CHANGE) or "")
        generation, status, uid = note["generation"], note["status"], note.get("uid")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if type(generation) is not int or not (status is None or isinstance(status, str)):
        return None
    # A copy of another resource's annotations says nothing of this one. Notes without a uid are of an earlier version.
    of_this = uid is None or uid == fields.uid(resource)
    return _Note(status) if of_this and generation == fields.metadata(resource).get("generation") else None


def _has_spec(entry: Mapping[str, Any]) -> bool:
    """Whether this entry of the managed fields has members of the spec."""
    return _has(entry, "f:spec")


def _has(entry: Mapping[str, Any], part: str) -> bool:
    names = entry.get("fieldsV1")
    return isinstance(names, Mapping) and part in names


def _latest(entries: Iterable[Mapping[str, Any]]) -> datetime | None:
    return max(filter(None, (time_or_none(entry.get("time")) for entry in entries)), default=None)

"""Has the controller answered the last change of a resource? ACK has no ``observedGeneration``, so the times of writes
must tell.

`metadata.managedFields` holds, on the API server's one clock and to the second, when each manager last changed the
``spec`` and when the controller last wrote the ``status``. The controller renews the latter whenever it has reacted to
a change, and its writes carry the version that they read. So: a status written in or after the second of the last
change of the spec has seen that change, *if* no status was written earlier in that same second. `must_wait` says until
when an update has to wait to make that true; the apply carries the ``resourceVersion`` that was looked at, so that no
status slips in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from airflow_ack_sagemaker.core.resource.advice import CONTROLLER_LOG
from airflow_ack_sagemaker.core.resource.kinds import kind_of
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.resource.times import parse_time

STATUS_RESOLUTION = timedelta(seconds=2)
"""Between a status write and our next change.

Conditions have a resolution of one second, and an equal status is no write and no event: a whole second must have
passed on the controller's clock too, wherever in the second that clock ticks.
"""


def spec_changed(resource: Mapping[str, Any]) -> datetime | None:
    """When the ``spec`` was last changed, by anybody."""
    return _latest(
        entry
        for entry in _managed(resource)
        if not entry.get("subresource") and "f:spec" in (entry.get("fieldsV1") or {})
    )


def status_written(resource: Mapping[str, Any]) -> datetime | None:
    """When the ``status`` was last written."""
    return _latest(entry for entry in _managed(resource) if entry.get("subresource") == "status")


def answered(resource: Mapping[str, Any]) -> bool:
    """Whether the status was written after the last change of the spec; True where no managed fields are kept."""
    changed = spec_changed(resource)
    if changed is None:
        return True
    written = status_written(resource)
    return written is not None and written >= changed


def may_change_at(resource: Mapping[str, Any]) -> datetime | None:
    """When, on the API server's clock, a change of the spec can be told from what stands; None: at once."""
    written = status_written(resource)
    return written + STATUS_RESOLUTION if written else None


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
            f"The controller is busy, down, or no longer watches this namespace. Look at its log: {CONTROLLER_LOG}."
        ),
        warning=None,
    )


def prune(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a resource that outcomes are read from: a watch of thousands keeps this, not definitions."""
    metadata = resource.get("metadata") or {}
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
    kind, status = kind_of(resource.get("kind", "")), resource.get("status") or {}
    if kind.is_job:
        said = status.get(kind.status_field) if kind.status_field else None
        if said is not None and said not in kind.succeeded | kind.failed | kind.stopped | kind.running:
            # `classify` asks since when a status stands that is not known.
            kept["managedFields"] = [
                {"subresource": "status", "time": entry["time"]}
                for entry in _managed(resource)
                if entry.get("subresource") == "status" and entry.get("time")
            ]
        spec = {key: value for key, value in (resource.get("spec") or {}).items() if key == "pipelineName"}
        return {"kind": resource["kind"], "metadata": kept, "spec": spec, "status": status}
    kept["managedFields"] = [
        {
            **{key: entry[key] for key in ("subresource", "time") if key in entry},
            "fieldsV1": {"f:spec": {}} if "f:spec" in (entry.get("fieldsV1") or {}) else {},
        }
        for entry in _managed(resource)
    ]
    return {"kind": resource["kind"], "metadata": kept, "status": resource.get("status") or {}}


def _managed(resource: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return (resource.get("metadata") or {}).get("managedFields") or []


def _latest(entries: Any) -> datetime | None:
    times = [parse_time(entry["time"]) for entry in entries if entry.get("time")]
    return max(times, default=None)

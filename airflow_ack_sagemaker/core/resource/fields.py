"""The one reader of a raw object: its metadata, and the members that our kinds have in common.

A user who may write resources may write anything into them. So every reader here takes an object of any shape; a value
of another type than the expected one counts as missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow_ack_sagemaker.core.resource.times import time_or_none

Resource = Mapping[str, Any]
"""An object as the API server returns it."""

_MAPPINGS = (dict, Mapping)
"""JSON makes dicts, and to ask for those first takes a tenth of the time."""


def metadata(resource: Resource) -> Mapping[str, Any]:
    """``.metadata``."""
    return _mapping(resource.get("metadata"))


def spec(resource: Resource) -> Mapping[str, Any]:
    """``.spec``."""
    return _mapping(resource.get("spec"))


def status(resource: Resource) -> Mapping[str, Any]:
    """``.status``."""
    return _mapping(resource.get("status"))


def text(values: Mapping[str, Any], key: str) -> str | None:
    """A member that is a text; None where there is none, or an empty one."""
    return _text(values.get(key)) or None


def status_text(resource: Resource, key: str) -> str | None:
    """A member of ``.status`` that is a text."""
    return text(status(resource), key)


def kind_name(resource: Resource) -> str:
    """``.kind``; "" where it has none: the items of a list come without."""
    return _text(resource.get("kind"))


def name(resource: Resource) -> str:
    """Its name; "" where it has none."""
    return _text(metadata(resource).get("name"))


def namespace(resource: Resource) -> str:
    """Its namespace; "" where it has none."""
    return _text(metadata(resource).get("namespace"))


def uid(resource: Resource) -> str | None:
    """What tells it from an earlier or later one of its name."""
    return text(metadata(resource), "uid")


def version(resource: Resource) -> str | None:
    """Its ``resourceVersion``."""
    return text(metadata(resource), "resourceVersion")


def labels_of(resource: Resource) -> Mapping[str, str]:
    """Its labels."""
    return _mapping(metadata(resource).get("labels"))


def label(resource: Resource, key: str) -> str:
    """A label's value; "" where it has none."""
    return _text(labels_of(resource).get(key))


def annotations_of(resource: Resource) -> Mapping[str, str]:
    """Its annotations."""
    return _mapping(metadata(resource).get("annotations"))


def annotation(resource: Resource, key: str) -> str | None:
    """An annotation's value."""
    value = annotations_of(resource).get(key)
    return value if isinstance(value, str) else None


def finalizers(resource: Resource) -> tuple[str, ...]:
    """What must let it go before it is deleted."""
    value = metadata(resource).get("finalizers")
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def created(resource: Resource) -> datetime | None:
    """When the API server created it."""
    return time_or_none(metadata(resource).get("creationTimestamp"))


def deleted(resource: Resource) -> datetime | None:
    """When its deletion was asked for; None: it was not."""
    return time_or_none(metadata(resource).get("deletionTimestamp"))


def managed_fields(resource: Resource) -> list[Mapping[str, Any]]:
    """``.metadata.managedFields``: which manager wrote which fields when."""
    return _mappings(metadata(resource).get("managedFields"))


def status_written(resource: Resource) -> datetime | None:
    """When the status was last written. A controller writes it only when it changes."""
    times = [
        time_or_none(entry.get("time")) for entry in managed_fields(resource) if entry.get("subresource") == "status"
    ]
    return max((time for time in times if time is not None), default=None)


def conditions(resource: Resource) -> list[Mapping[str, Any]]:
    """``.status.conditions``, in their order. Each has ``type`` and ``status`` (the text True, False or Unknown)."""
    return _mappings(status(resource).get("conditions"))


def validation_failure(resource: Resource) -> str | None:
    """Why a model package has failed, which tells it in the details of its status and nowhere else."""
    details = _mapping(status(resource).get("modelPackageStatusDetails"))
    checks = [*_mappings(details.get("validationStatuses")), *_mappings(details.get("imageScanStatuses"))]
    reasons = (text(check, "failureReason") for check in checks)
    return "; ".join(reason for reason in reasons if reason) or None


def last_monitoring_execution(resource: Resource) -> Mapping[str, Any]:
    """What a monitoring schedule tells of its last execution."""
    return _mapping(status(resource).get("lastMonitoringExecutionSummary"))


def said_by(condition: Mapping[str, Any]) -> str | None:
    """Message and reason of a condition: ACK puts the interesting half into either."""
    parts = (text(condition, "message"), text(condition, "reason"))
    return ": ".join(dict.fromkeys(part for part in parts if part)) or None


def arn(resource: Resource) -> str | None:
    """The ARN of the thing in AWS, as the controller wrote it."""
    return text(_ack(resource), "arn")


def region(resource: Resource) -> str | None:
    """The AWS region that the controller used."""
    return text(_ack(resource), "region")


def pipeline_name(resource: Resource) -> str:
    """The name of the pipeline that ``spec.pipelineName`` gives by name or by ARN; "" where it gives none."""
    return _text(spec(resource).get("pipelineName")).rpartition("/")[2]


def parameters(resource: Resource) -> dict[str, str]:
    """The values of ``spec.pipelineParameters`` by name."""
    items = _mappings(spec(resource).get("pipelineParameters"))
    return {item["name"]: _text(item.get("value")) for item in items if isinstance(item.get("name"), str)}


def _ack(resource: Resource) -> Mapping[str, Any]:
    return _mapping(status(resource).get("ackResourceMetadata"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, _MAPPINGS) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, _MAPPINGS)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

"""What ``describe`` says of a resource: all of it that matters to a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.cli.app import complain
from airflow_ack_sagemaker.cli.connection import aws_client
from airflow_ack_sagemaker.cli.following import definition_text, selected_steps, step_states, step_views
from airflow_ack_sagemaker.cli.rows import public, row_of
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.identity import (
    ANNOTATION_DEFINITION_SHA256,
    ANNOTATION_DEFINITION_SOURCE,
    ANNOTATION_DEFINITION_VERSION,
)
from airflow_ack_sagemaker.core.resource.status import classify

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient


def description_of(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The resource's row, and beside it where its definition is from, its labels and its conditions."""
    return public(row_of(resource)) | {
        "definition_source": fields.annotation(resource, ANNOTATION_DEFINITION_SOURCE),
        "definition_version_id": fields.annotation(resource, ANNOTATION_DEFINITION_VERSION),
        "definition_sha256": fields.annotation(resource, ANNOTATION_DEFINITION_SHA256),
        "labels": dict(fields.labels_of(resource)),
        "conditions": [
            {key: one.get(key) for key in ("type", "status", "reason", "message", "lastTransitionTime")}
            for one in fields.conditions(resource)
        ],
    }


def steps_of(client: KubeClient, resource: Mapping[str, Any], aws_conn_id: str | None) -> list[dict[str, Any]] | None:
    """The steps with their states; None where SageMaker cannot be asked, which is said on stderr."""
    outcome = classify(resource)
    if outcome.arn is None:
        return []
    try:
        states = step_states(aws_client("sagemaker", aws_conn_id=aws_conn_id, region=outcome.region), outcome.arn)
    except Exception as error:  # whatever AWS or its credentials say: the rest is worth telling
        complain(f"Steps are not shown, since SageMaker cannot be asked: {error}")
        return None
    views = step_views(
        definition_text(client, resource), states, over=outcome.finished, selected=selected_steps(resource)
    )
    return [
        {key: getattr(view, key) for key in ("name", "type", "status", "started", "ended", "reason")} for view in views
    ]


def text_of(description: Mapping[str, Any]) -> str:
    """The description for people: what is there, the long parts last."""
    long = ("labels", "conditions", "steps", "parameters")
    short = {key.replace("_", " ").capitalize(): value for key, value in description.items() if key not in long}
    lines = [f"{key + ':':<24}{value}" for key, value in short.items() if value not in (None, "")]
    for key in ("parameters", "labels"):
        if description.get(key):
            lines.append(f"{key.capitalize()}:")
            lines += [f"  {name}: {value}" for name, value in description[key].items()]
    if description.get("conditions"):
        lines.append("Conditions:")
        for one in description["conditions"]:
            said = ": ".join(str(part) for part in (one["message"], one["reason"]) if part)
            lines.append(f"  {one['type']}={one['status']}{f'  {said}' if said else ''}")
    if description.get("steps"):
        lines.append("Steps:")
        width = max(len(step["name"]) for step in description["steps"])
        for step in description["steps"]:
            reason = f"  {step['reason']}" if step["reason"] else ""
            lines.append(f"  {step['name']:<{width}}  {step['type']:<14} {step['status'] or ''}{reason}")
    return "\n".join(lines) + "\n"

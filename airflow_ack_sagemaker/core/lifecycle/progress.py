"""The progress of a rollout in words, a line for each change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource

_MOST = 20
"""Variants that are named: a line that a person reads."""


def progress(resource: Resource) -> str:
    """Where the endpoint stands: its status, the variants that serve, and those that are being put in their place."""
    status = fields.status(resource)
    parts = [fields.text(status, "endpointStatus") or "not in SageMaker yet"]
    parts += _variants(status.get("productionVariants"))
    pending = status.get("pendingDeploymentSummary")
    if isinstance(pending, Mapping):
        name = fields.text(pending, "endpointConfigName")
        parts.append(f"pending: {name or 'a deployment'}")
        parts += _variants(pending.get("productionVariants"))
    return "; ".join(parts)


def _variants(variants: Any) -> Iterator[str]:
    for variant in (variants if isinstance(variants, list) else [])[:_MOST]:
        if not isinstance(variant, Mapping):
            continue
        said = [text for text in (_instances(variant), _weight(variant), *_statuses(variant)) if text]
        yield f"{fields.text(variant, 'variantName') or 'a variant'} {', '.join(said)}".rstrip()


def _instances(variant: Mapping[str, Any]) -> str | None:
    has, wants = variant.get("currentInstanceCount"), variant.get("desiredInstanceCount")
    if not isinstance(has, int):
        return None
    return f"{has} of {wants} instances" if isinstance(wants, int) and wants != has else f"{has} instances"


def _weight(variant: Mapping[str, Any]) -> str | None:
    has, wants = variant.get("currentWeight"), variant.get("desiredWeight")
    return f"weight {has:g} of {wants:g}" if isinstance(has, int | float) and isinstance(wants, int | float) else None


def _statuses(variant: Mapping[str, Any]) -> Iterator[str]:
    statuses = variant.get("variantStatus")
    for status in statuses if isinstance(statuses, list) else []:
        if isinstance(status, Mapping):
            said = fields.text(status, "statusMessage")
            yield f"{fields.text(status, 'status') or '?'}{f' ({said})' if said else ''}"

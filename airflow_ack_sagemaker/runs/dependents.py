"""What in the cluster refers to a resource, and would be left without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_ack_sagemaker.core.lifecycle.serving import ANNOTATION_SERVES
from airflow_ack_sagemaker.core.lifecycle.standing import serving_config
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, kind_of
from airflow_ack_sagemaker.core.resource.references import kinds_that_refer_to, named, refers
from airflow_ack_sagemaker.core.resource.status import classify
from airflow_ack_sagemaker.kube.errors import Forbidden, KindNotInstalled
from airflow_ack_sagemaker.kube.log import Log

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import KubeClient

_NAMED = 5
"""How many are named in a message."""


def dependents(client: KubeClient, resource: Mapping[str, Any], *, log: Log) -> str | None:
    """Those that refer to this resource, as a text; None: nobody does, or it may not be known.

    What is being deleted itself, and jobs that have ended, need nothing any more. Executions do not keep a pipeline.
    What an endpoint serves it needs, whatever it asks for by now.

    :raises KubeError: the cluster cannot be asked.
    """
    kind = kind_of(fields.kind_name(resource))
    names = named(resource)
    if kind is PIPELINE or not names:
        return None
    found: list[str] = []
    for other in kinds_that_refer_to(kind):
        try:
            items = client.list(other, fields.namespace(resource)).items
        except (Forbidden, KindNotInstalled) as error:
            log.info("Whether a %s refers to %s is not known: %s", other, fields.name(resource), error)
            continue
        for item in items:
            one = {"kind": other.kind, **item}
            if fields.deleted(one) is not None or not (refers(one, kind, names) or _serves(one, names)):
                continue
            if not (other.is_job and classify(one).finished):
                found.append(f"{other.singular}/{fields.name(one)}")
    if not found:
        return None
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return ", ".join(found[:_NAMED]) + more


def _serves(resource: Mapping[str, Any], names: frozenset[str]) -> bool:
    """Whether an endpoint still serves a configuration while it asks for another: it is being updated, or SageMaker
    has rolled that back.
    """
    if fields.kind_name(resource) != "Endpoint":
        return False
    return (serving_config(resource) or fields.annotation(resource, ANNOTATION_SERVES)) in names

"""Whose is the thing in AWS that a refused resource speaks of, and what an apply does about the refusal.

Where SageMaker has a thing of the resource's name already, the controller says ``ACK.Terminal`` "Resource already
exists" and fills the status from that thing all the same: ``Active`` and an ARN do not say that it is the resource's
own. The controller's finalizer does: it is set before the thing is made, and is missing where that was refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import GROUP

_FINALIZER = f"finalizers.{GROUP}/"
_EXISTS = "already exists"


class Remedy(StrEnum):
    """What an apply does about a refused resource."""

    UPDATE = "update"
    """Its spec is to be changed: the controller looks at it again for that, and at its annotations, too. With those for
    adoption it takes over what is there, and nothing need be deleted."""
    REPLACE = "replace"
    """Nothing of it changes, and the controller never looks again. It has nothing in AWS, so that a new one in its
    place loses nothing, and is looked at."""
    LEAVE = "leave"
    """It has something in AWS, which a deletion would delete: what the controller says is the answer."""


def is_managed(resource: Mapping[str, Any]) -> bool:
    """Whether the controller has taken the resource up, so that what it speaks of in AWS is its own."""
    return any(finalizer.startswith(_FINALIZER) for finalizer in fields.finalizers(resource))


def refused_as_existing(resource: Mapping[str, Any]) -> bool:
    """Whether the controller has said that AWS has a thing of this name already."""
    conditions = fields.status(resource).get("conditions")
    for condition in conditions if isinstance(conditions, list) else ():
        if isinstance(condition, Mapping) and condition.get("type") == "ACK.Terminal":
            said = f"{condition.get('message')} {condition.get('reason')}"
            return condition.get("status") == "True" and _EXISTS in said
    return False


def speaks_of_anothers(resource: Mapping[str, Any]) -> bool:
    """Whether the status tells of a thing in AWS that is not the resource's own: neither its state nor its ARN is."""
    return refused_as_existing(resource) and not is_managed(resource)


def mistakes_its_own(resource: Mapping[str, Any]) -> bool:
    """Whether the controller has refused what it has made itself: its cache was older than its own write. It looks
    again.
    """
    return refused_as_existing(resource) and is_managed(resource)


def remedy_of_refusal(resource: Mapping[str, Any], *, spec_differs: bool) -> Remedy:
    """What an apply does about a resource that was refused for good.

    :param spec_differs: whether the apply changes its spec.
    """
    if spec_differs:
        return Remedy.UPDATE
    own = is_managed(resource) and fields.arn(resource) is not None
    return Remedy.LEAVE if own else Remedy.REPLACE

"""What an apply would change, and whether the kind can do that: refused here, so that nothing is written.

The API server takes any edit. The controller calls what its kind cannot do ``ACK.Terminal`` and leaves SageMaker as it
is, or, of a model package, ignores it and says that all is well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import Kind
from airflow_ack_sagemaker.core.resource.status import Outcome, State

_TAGS = "tags"


def changed_fields(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The members of the spec in which two states of a resource differ.

    :param wanted: the resource as the API server would have it after the change, the controller's own fields included.
    """
    has, wants = fields.spec(live), fields.spec(wanted)
    return sorted(name for name in {*has, *wants} if has.get(name) != wants.get(name))


def only_tags(changed: list[str]) -> bool:
    """Whether nothing but tags differs: the controller sets them when it makes a thing, and never again."""
    return changed == [_TAGS]


def why_refused(kind: Kind, outcome: Outcome, changed: list[str]) -> str | None:
    """Why these members of a resource that is there cannot be changed, and what to do; None: they can be.

    What the controller has refused, or has not made yet, may be corrected in any way.
    """
    if outcome.state is State.REFUSED or outcome.arn is None:
        return None
    if kind.kind == "Endpoint" and outcome.state is State.FAILED:
        return "has failed, and SageMaker updates no endpoint that has: delete it (AckDeleteResourceOperator) first"
    fixed = [name for name in changed if name not in kind.updated | kind.only_at_creation and name != _TAGS]
    if not fixed:
        return None
    which = ", ".join(fixed)
    if not kind.updated:
        return f"differs in {which}, and a {kind} is never edited: give it a new name, also in its spec"
    can = ", ".join(sorted(kind.updated))
    return (
        f"differs in {which}, which the controller cannot change: of a {kind} it changes only {can}. Give it a new "
        "name, also in its spec"
    )


def after_creation(kind: Kind, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest without what belongs to the creation alone."""
    spec = {name: value for name, value in fields.spec(manifest).items() if name not in kind.only_at_creation}
    return {**manifest, "spec": spec}

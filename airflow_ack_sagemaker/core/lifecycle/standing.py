"""How a rollout stands: an endpoint on its way to a configuration, read so that a rollback is never called a success.

SageMaker goes back to the former fleet by itself, and says InService afterwards. What tells a success from that
(recordings of the running controller; `docs/lifecycle.md`):

- Rolled back with a FailureReason: InService, and ``ACK.Terminal`` "unable to update endpoint. ... latest
  EndpointConfigName is X": X serves. The status names the serving configuration nowhere else.
- Rolled back without one, or with "Request to service failed": the controller sends the update again at each look, for
  ever, and the endpoint only ever says Updating. Each time ``ACK.ResourceSynced`` gets a new transition time, which an
  update that runs on does not get, unless a look finds it busy, and says ``ACK.Recoverable`` besides. So a new
  transition time without a new configuration is the second sending. That time is compared only with an earlier one of
  the same controller.
- A first creation that fails is Failed for good: SageMaker takes no update of such an endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.fields import Resource
from airflow_ack_sagemaker.core.resource.freshness import observe
from airflow_ack_sagemaker.core.resource.status import Outcome, State, gone

ANNOTATION_LAST_CONFIG = "sagemaker.services.k8s.aws/last-endpoint-config-for-update"
"""The controller's note of the configuration that it has sent last."""

_LATEST = re.compile(r"latest EndpointConfigName is (?P<name>[A-Za-z0-9-]+)")
_NO_CAPACITY = ("InsufficientInstanceCapacity", "InsufficientCapacity", "ResourceLimitExceeded", "compute capacity")
"""Words of a failure reason that mean "no machines": SageMaker has no code of its own for it."""


class Standing(StrEnum):
    """Where a rollout stands. All but `UPDATING` are ends."""

    UPDATING = "Updating"
    UPDATED = "Updated"
    """The endpoint is in service, and with the configuration that was asked for."""
    ROLLED_BACK = "RolledBack"
    """SageMaker has gone back and says why."""
    ROLLED_BACK_SILENTLY = "RolledBackSilently"
    """SageMaker has gone back and says nothing: the update is sent again and again."""
    NO_CAPACITY = "NoCapacity"
    """SageMaker has not got the machines; what served before, if anything, serves on."""
    CREATION_FAILED = "CreationFailed"
    """The first creation failed: nothing serves, and SageMaker takes no update of it."""
    BROKEN = "Broken"
    """UpdateRollbackFailed (it serves a mix) or OutOfService: a person must look."""
    REPLACED = "Replaced"
    """Somebody else has asked the endpoint for another configuration meanwhile."""
    REFUSED = "Refused"
    """The controller says ``ACK.Terminal`` for another reason: the values are wrong."""
    GONE = "Gone"


@dataclass(frozen=True, slots=True)
class Rollout:
    """What an endpoint is asked for.

    ``config`` is the name of the configuration that is wanted, ``former`` of the one that served before (None: none,
    or it is not known). ``sent`` is the transition time of the first sending, as the controller wrote it; None: it was
    not seen yet.
    """

    config: str
    former: str | None = None
    sent: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """For a trigger's arguments."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Rollout:
        """What `to_dict` wrote."""
        return cls(**data)

    def seen(self, resource: Resource) -> Rollout:
        """The same, which remembers the first sending of its update once that was seen."""
        if self.sent is not None or not _is_ours(self, resource) or observe(resource).state is State.UNSEEN:
            return self
        return replace(self, sent=_sending(resource))


@dataclass(frozen=True, slots=True)
class Reading:
    """An endpoint as a rollout sees it. ``serves`` is the configuration that serves now; None: none, or not known."""

    standing: Standing
    outcome: Outcome
    serves: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether it serves what was asked for."""
        return self.standing is Standing.UPDATED


def read(resource: Resource | None, rollout: Rollout, last: Outcome) -> Reading:
    """How the rollout stands.

    The outcome is the endpoint's with the rollout's verdict in it: a rollback is `State.FAILED`, with why.

    :param resource: the endpoint; None: it is not there.
    :param last: the outcome that was read before.
    """
    if resource is None:
        return Reading(Standing.GONE, gone(last))
    outcome = observe(resource)
    if not _is_ours(rollout, resource):
        other = fields.text(fields.spec(resource), "endpointConfigName")
        why = f"somebody else has asked it for configuration {other} meanwhile; {rollout.config} was asked for here"
        return Reading(Standing.REPLACED, _failed(outcome, why), serving_config(resource))
    if outcome.state in (State.UNSEEN, State.DELETING):
        return Reading(Standing.UPDATING, outcome, rollout.former)
    status, failure = outcome.sagemaker_status, fields.status_text(resource, "failureReason")
    if status == "Failed":
        return Reading(_unless_no_capacity(Standing.CREATION_FAILED, failure), _failed(outcome, failure))
    if outcome.state is State.FAILED:
        mix = f"SageMaker could not roll back ({status}): it may serve a mix of both, or nothing"
        return Reading(Standing.BROKEN, _failed(outcome, f"{mix}: {failure}" if failure else mix))
    if outcome.state is State.REFUSED:
        serves = _latest(outcome.reason)
        if serves is None:
            return Reading(Standing.REFUSED, outcome, rollout.former)
        return Reading(_unless_no_capacity(Standing.ROLLED_BACK, failure), _failed(outcome, failure), serves)
    if outcome.state is State.SUCCEEDED:
        return Reading(Standing.UPDATED, outcome, rollout.config)
    if rollout.sent is not None and _sending(resource) not in (None, rollout.sent):
        why = (
            "SageMaker has rolled it back without a word: the controller has found the former configuration again and "
            "has sent the update a second time"
        )
        return Reading(Standing.ROLLED_BACK_SILENTLY, _failed(outcome, why), rollout.former)
    return Reading(Standing.UPDATING, outcome, rollout.former)


def serving_config(resource: Resource | None) -> str | None:
    """The name of the configuration that an endpoint serves now, as far as its resource tells; None: it does not."""
    if resource is None:
        return None
    outcome = observe(resource)
    if outcome.state is State.REFUSED and outcome.sagemaker_status == "InService":
        return _latest(outcome.reason)
    if outcome.state is State.SUCCEEDED:
        return fields.text(fields.spec(resource), "endpointConfigName")
    return None


def failure_reason(resource: Resource) -> str | None:
    """Why the last update failed, in SageMaker's words. It stays on the resource until an update succeeds, so it says
    nothing about the present one.
    """
    return fields.status_text(resource, "failureReason")


def _is_ours(rollout: Rollout, resource: Resource) -> bool:
    return fields.text(fields.spec(resource), "endpointConfigName") == rollout.config


def _sending(resource: Resource) -> str | None:
    """The transition time of the update that runs; None where none does, or where a look has only found it busy."""
    if fields.status_text(resource, "endpointStatus") != "Updating":
        return None
    conditions = {fields.text(condition, "type"): condition for condition in fields.conditions(resource)}
    if fields.text(conditions.get("ACK.Recoverable", {}), "status") == "True":
        return None
    return fields.text(conditions.get("ACK.ResourceSynced", {}), "lastTransitionTime")


def _latest(message: str | None) -> str | None:
    found = _LATEST.search(message or "")
    return found["name"] if found else None


def _unless_no_capacity(standing: Standing, reason: str | None) -> Standing:
    return Standing.NO_CAPACITY if any(word in (reason or "") for word in _NO_CAPACITY) else standing


def _failed(outcome: Outcome, reason: str | None) -> Outcome:
    """Its own words of the reason; the controller's ("check FailureReason") say less."""
    return replace(outcome, state=State.FAILED, reason=reason or outcome.reason, remedy=None, warning=None)

"""The conditions that the ACK runtime writes, and the errors that it makes them of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

SYNCED = "Resource synced successfully"
NOT_SYNCED = "Resource not synced"
UNKNOWN = "Unable to determine if desired resource state matches latest observed state"
TERMINAL_REASON = "resource is in terminal condition"
EXISTS = "Resource already exists"
EXISTS_REASON = (
    "This resource already exists but is not managed by ACK. To bring the resource under ACK management, "
    "you should explicitly adopt the resource by enabling the ResourceAdoption feature gate and populating "
    "the `services.k8s.aws/adoption-policy` and `services.k8s.aws/adoption-fields` annotations."
)

TERMINAL_CODES = frozenset(
    {"InvalidParameterCombination", "InvalidParameterValue", "MissingParameter", "ResourceNotFound"}
)
"""Errors after which the controller does not try again until the resource's spec changes."""

Condition = dict[str, Any]


class Terminal(Exception):
    """The resource cannot be brought about as it is. ``reason`` is set where the condition carries one."""

    def __init__(self, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason


class Recoverable(Exception):
    """Something failed that may work later. ``after`` is a fixed number of seconds until then; None is back-off."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.after = after


def synced(status: str, message: str, reason: str | None = None) -> Condition:
    """``ACK.ResourceSynced`` without its time."""
    return {
        "type": "ACK.ResourceSynced",
        "status": status,
        "message": message,
        **({"reason": reason} if reason else {}),
    }


def terminal(error: Terminal) -> Condition:
    """``ACK.Terminal``, which has no time."""
    return {
        "type": "ACK.Terminal",
        "status": "True",
        "message": error.message,
        **({"reason": error.reason} if error.reason else {}),
    }


def recoverable(message: str) -> Condition:
    """``ACK.Recoverable``, which has no time."""
    return {"type": "ACK.Recoverable", "status": "True", "message": message}


def complete(conditions: list[Condition], old: list[Condition], now: datetime, renew: bool) -> list[Condition]:
    """The conditions with ``Ready`` and with their times.

    ``ACK.ResourceSynced`` and ``Ready`` bear the time of their last transition, in whole seconds. It is renewed when
    they change, and by every reconcile that reacts on a change of the resource.
    """
    whole = next((c for c in conditions if c["type"] == "ACK.ResourceSynced"), None)
    if whole is not None:
        hindered = any(c["type"] in ("ACK.Recoverable", "ACK.Terminal") and c["status"] == "True" for c in conditions)
        status = "True" if whole["status"] == "True" and not hindered else "False"
        conditions = [*conditions, {**whole, "type": "Ready", "status": status}]
    before = {c["type"]: c for c in old}
    text = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        c if c["type"] in ("ACK.Recoverable", "ACK.Terminal") else _timed(c, before.get(c["type"]), text, renew)
        for c in conditions
    ]


def _timed(condition: Condition, before: Condition | None, now: str, renew: bool) -> Condition:
    if before is not None and not renew:
        known = before.get("lastTransitionTime")
        if known and {k: v for k, v in before.items() if k != "lastTransitionTime"} == condition:
            return {**condition, "lastTransitionTime": known}
    return {**condition, "lastTransitionTime": now}

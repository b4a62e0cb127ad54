"""The conditions that the ACK runtime writes, and the errors that it makes them of."""

from __future__ import annotations

from collections.abc import Sequence
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


class Refusal(Exception):
    """The resource cannot be brought about, now or ever.

    ``chain`` is the error with what led to it, as Go prints it.
    """

    def __init__(self, message: str, chain: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.chain = chain or message


class Terminal(Refusal):
    """The resource cannot be brought about as it is. ``reason`` is set where the runtime refuses, and not AWS;
    ``unsynced``: the kind's own code says the same of ``ACK.ResourceSynced``.
    """

    def __init__(self, message: str, chain: str = "", *, reason: str = "", unsynced: bool = False) -> None:
        super().__init__(message, chain)
        self.reason = reason
        self.unsynced = unsynced


class Recoverable(Refusal):
    """Something failed that may work later. ``after`` is a fixed number of seconds until then; None is back-off."""

    def __init__(self, message: str, chain: str = "", *, after: float | None = None) -> None:
        super().__init__(message, chain)
        self.after = after


def synced(status: str, message: str | None = None, reason: str | None = None) -> Condition:
    """``ACK.ResourceSynced`` without its time. The runtime writes an empty reason too, the kinds' own code none."""
    found = {"type": "ACK.ResourceSynced", "status": status, "message": message, "reason": reason}
    return {key: value for key, value in found.items() if value is not None}


def late(status: str, reason: str, message: str) -> Condition:
    """``ACK.LateInitialized`` without its time: whether SageMaker's defaults stand in the spec."""
    return {"type": "ACK.LateInitialized", "status": status, "reason": reason, "message": message}


class Conditions:
    """The conditions of a resource as one look at it leaves them, in the order in which they were set.

    ``ACK.ResourceSynced`` and ``Ready`` bear the time of their last transition, in whole seconds. All times are renewed
    when anything but times changes, by every look that reacts on a change of the resource, and where `renew` is called:
    an update was sent, or late initialization waits.

    :param old: those that the resource has.
    :param renew: whether the look reacts on a change.
    """

    def __init__(self, old: Sequence[Condition], now: datetime, *, renew: bool) -> None:
        self._old = list(old)
        self._now = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._renew = renew
        self._all: dict[str, Condition] = {}
        self._timed: set[str] = set()
        self._kept = False

    def renew(self) -> None:
        """Renew all times, whatever changes."""
        self._renew = True

    def keep(self) -> None:
        """Start from those that the resource has, as a deletion does; a sync starts from none."""
        self._all = {condition["type"]: condition for condition in self._old}
        self._kept = True

    def get(self, kind: str) -> Condition | None:
        """One of them."""
        return self._all.get(kind)

    def as_list(self) -> list[Condition]:
        """All, as they stand in the status."""
        renewed = self._renew or [_timeless(c) for c in self._old] != [_timeless(c) for c in self._all.values()]
        times = {} if renewed else {c["type"]: c.get("lastTransitionTime") for c in self._old}
        return [
            {**condition, "lastTransitionTime": times.get(kind) or self._now} if kind in self._timed else condition
            for kind, condition in self._all.items()
        ]

    def set(self, condition: Condition) -> None:
        """Set one that bears a time, in place of the one of its type."""
        self._all[condition["type"]] = condition
        self._timed.add(condition["type"])

    def refuse(self, refusal: Refusal) -> None:
        """Set ``ACK.Terminal`` or ``ACK.Recoverable``; only what the runtime itself refuses has a time and a reason."""
        kind, other = "ACK.Terminal", "ACK.Recoverable"
        if not isinstance(refusal, Terminal):
            kind, other = other, kind
        elif refusal.unsynced:
            self.set(synced("False", refusal.message))
        if self._kept and other in self._all:
            self.set({"type": other, "status": "False"})
        condition = {"type": kind, "status": "True", "message": refusal.message}
        if isinstance(refusal, Terminal) and refusal.reason:
            self.set({**condition, "reason": refusal.reason})
        else:
            self._all[kind] = condition

    def complete(self, refusal: Refusal | None) -> None:
        """Set ``ACK.ResourceSynced``, unless reading the resource has set it, and ``Ready``."""
        if "ACK.ResourceSynced" not in self._all:
            if refusal is None:
                self.set(synced("True", SYNCED, ""))
            elif isinstance(refusal, Terminal):
                self.set(synced("False", NOT_SYNCED, TERMINAL_REASON))
            else:
                self.set(synced("Unknown", UNKNOWN, refusal.chain))
        for kind in ("ACK.Terminal", "ACK.Recoverable"):
            if (hindrance := self._all.get(kind)) is not None:
                self.set({"type": "Ready", "status": "False", "message": hindrance["message"], "reason": kind})
                return
        self.set({**self._all["ACK.ResourceSynced"], "type": "Ready"})


def _timeless(condition: Condition) -> Condition:
    return {key: value for key, value in condition.items() if key != "lastTransitionTime"}

"""One thing of SageMaker, and the change that it is going through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_ack_sagemaker.sandbox.aws.things.types import ThingType

Members = dict[str, Any]
"""Members of a request or of an answer, by the API's names."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a thing is going through: at ``until`` it has ``status`` and, where it failed, a ``reason``.

    ``until`` is None while a script holds it. ``members`` are those that it has from then on. An empty status is its
    end: it is gone.
    """

    since: float
    until: float | None
    status: str
    reason: str = ""
    members: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Thing:
    """A thing as SageMaker knows it. ``members`` are what requests have said; times are epoch seconds."""

    type: ThingType
    name: str
    arn: str
    members: Members
    created: float
    modified: float
    tags: dict[str, str] = field(default_factory=dict)
    status: str = ""
    reason: str = ""
    change: Change | None = None
    ended: float | None = None
    """When the last change was done."""
    given: Members = field(default_factory=dict)
    """What a script says that describing it tells besides."""

    @property
    def gone(self) -> bool:
        """Whether its deletion is done."""
        return self.change is None and self.status == "" and self.type.status_member is not None

    @property
    def changing(self) -> bool:
        """Whether a change is not done yet."""
        return self.change is not None

    def settle(self, now: float) -> None:
        """Let the change be done whose time has come."""
        change = self.change
        if change is None or change.until is None or now < change.until:
            return
        self.change, self.ended = None, change.until
        self.status, self.reason = change.status, change.reason
        self.members.update(change.members)

    def go_on(self, now: float) -> bool:
        """Let a held change be done now; gives whether there was one."""
        change = self.change
        if change is None or change.until is not None:
            return False
        self.change = Change(change.since, now, change.status, change.reason, change.members)
        return True

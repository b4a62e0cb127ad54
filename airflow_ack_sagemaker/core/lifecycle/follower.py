"""Follows a rollout: reads the states of its endpoint one after the other, and tells each change of its progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_ack_sagemaker.core.lifecycle.progress import progress
from airflow_ack_sagemaker.core.lifecycle.standing import Reading, Rollout, read
from airflow_ack_sagemaker.core.resource.status import Outcome, State


class RolloutFollower:
    """Called with each state of the endpoint, it gives the outcome that a waiter judges by.

    ``rollout`` and ``reading`` are what is known by then. It serves whatever waits: in a task's process, or on the
    triggerer.
    """

    def __init__(self, rollout: Rollout, tell: Callable[[str], None]) -> None:
        """:param tell: takes a line whenever the endpoint's progress has changed."""
        self.rollout = rollout
        self.reading: Reading | None = None
        self._tell = tell
        self._line = ""

    def __call__(self, resource: Mapping[str, Any] | None, last: Outcome) -> Outcome:
        """The endpoint's outcome for this rollout; ``resource`` None: it is gone."""
        self.reading = read(resource, self.rollout, last)
        if resource is not None:
            self.rollout = self.rollout.seen(resource)
            line = progress(resource)
            # What it says before it has answered is not of this rollout.
            if line != self._line and self.reading.outcome.state is not State.UNSEEN:
                self._line = line
                self._tell(f"{self.reading.outcome.resource}, to {self.rollout.config}: {line}")
        return self.reading.outcome

"""When a batch that is being followed is worth looking at again: the same rule on the triggerer and on a worker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE_EXECUTION
from airflow_ack_sagemaker.core.resource.status import Outcome, State, classify
from airflow_ack_sagemaker.core.run.batch_progress import Progress, Waits
from airflow_ack_sagemaker.core.run.deadlines import Verdict, next_deadline, noted, verdict_of

GATHER = 2.0
"""Seconds between the first execution that ends and the launch of the next ones: others may end with it, and each look
is a process that starts."""


class BatchWait:
    """What is known of the executions that are waited for; a few numbers for each.

    :param attempts: the executions that are waited for, each with the number of its attempt.
    :param waits: how long each is waited for.
    :param progress: of the try, on the clock that tells ``now``.
    :param more: whether others wait for a place.
    :param spare_failures: failures after which the rest is to be stopped; None: none is.
    """

    def __init__(
        self,
        attempts: Mapping[int, int],
        *,
        waits: Waits,
        progress: Progress,
        more: bool,
        spare_failures: int | None,
    ) -> None:
        self.attempts = attempts
        self._pending: dict[int, float | None] = dict.fromkeys(attempts)
        self._doubtful: dict[int, Outcome] = {}
        self._waits = waits
        self.progress = progress
        self._more = more
        self._spare_failures = spare_failures
        self._failed = 0
        self._first: float | None = None
        self._urgent = not attempts

    @property
    def indexes(self) -> list[int]:
        """The executions that are waited for still."""
        return list(self._pending)

    def see(self, index: int, resource: Mapping[str, Any] | None, now: float) -> None:
        """Take note of an execution as it is now; None: its resource is not there.

        :param now: Unix time in seconds.
        """
        if index not in self._pending:
            return
        outcome = _gone() if resource is None else classify(resource)
        self.progress.saw(index, self.attempts[index], outcome)
        self._judge(index, noted(outcome, self._doubtful.get(index), now, self.progress.clock), now)

    def postpone(self, seconds: float) -> None:
        """Move all deadlines: the clock that told them was not that of ``now``."""
        self._pending = {index: None if end is None else end + seconds for index, end in self._pending.items()}

    def overdue(self, now: float) -> int | None:
        """An execution whose deadline has come; None: there is none."""
        return next((index for index, end in self._pending.items() if end is not None and end <= now), None)

    def due(self, now: float) -> bool:
        """Whether something is to be done now: all have ended, a place is free, or one is to be given up."""
        for index in [index for index, deadline in self._pending.items() if deadline is not None and deadline <= now]:
            self._judge(index, self._doubtful[index], now)
        if self._urgent or not self._pending:
            return True
        if self._spare_failures is not None and self._failed > self._spare_failures:
            return True
        return self._more and self._first is not None and now >= self._first + GATHER

    def next_time(self) -> float | None:
        """Unix time at which `due` is to be asked again though nothing has changed; None: never."""
        times = [deadline for deadline in self._pending.values() if deadline is not None]
        if self._more and self._first is not None:
            times.append(self._first + GATHER)
        return min(times, default=None)

    def _judge(self, index: int, outcome: Outcome, now: float) -> None:
        deadlines = self.progress.deadlines_of(index, outcome, self._waits)
        verdict = verdict_of(outcome, deadlines, now)
        if verdict is None and outcome.state is not State.DELETING:
            deadline = next_deadline(outcome, deadlines)
            self._pending[index] = deadline
            if deadline is None:
                self._doubtful.pop(index, None)
            else:
                self._doubtful[index] = outcome
            return
        del self._pending[index]
        self._doubtful.pop(index, None)
        self._first = now if self._first is None else self._first
        self._failed += outcome.state is not State.SUCCEEDED
        self._urgent = self._urgent or verdict not in (None, Verdict.REACHED)


def _gone() -> Outcome:
    return Outcome(kind=PIPELINE_EXECUTION.kind, name="", namespace="", state=State.GONE, gone=True)

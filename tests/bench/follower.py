"""A triggerer's process with many triggers: Airflow's own `TriggerRunner`, whose supervisor is replaced by a list.

    python -m tests.bench.follower PLAN.json

The plan is that of :class:`Plan`. What Airflow itself spends on a trigger (its task, its log context, the look at all
of them once a second) is spent here, too. A line "NUMBER TIME" is written when a trigger yields its event: Unix time in
seconds, before Airflow does anything with it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TextIO

from airflow.executors.workloads.trigger import RunTrigger
from airflow.jobs.triggerer_job_runner import TriggerRunner, messages
from airflow.models.trigger import Trigger
from airflow.sdk.log import configure_logging
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_ack_sagemaker.follow.policy import Settings
from airflow_ack_sagemaker.follow.watch import follow


@dataclass(frozen=True)
class Plan:
    """``classpath`` of the triggers, the ``arguments`` of each, how many are followed at ``once`` (the next begins when
    one has fired), and the files for the ``events`` and for Airflow's ``log``. ``watch_seconds`` shortens the watches,
    to see in minutes what an hour brings.
    """

    classpath: str
    arguments: list[dict[str, Any]]
    once: int
    events: str
    log: str
    watch_seconds: float | None = None


class EmptyTrigger(BaseTrigger):
    """Waits for what never comes: what is left is what any trigger costs in Airflow."""

    def __init__(self, number: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.number = number

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        return f"{__name__}.EmptyTrigger", {"number": self.number}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait."""
        await asyncio.get_running_loop().create_future()
        yield TriggerEvent(None)


class Runner(TriggerRunner):
    """Runs the plan's triggers, until it is ended."""

    def __init__(self, plan: Plan, events: TextIO) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._plan = plan
        self._file = events
        self._next = 0
        self._ended = 0

    async def init_comms(self) -> None:
        """There is no supervisor to reach."""
        self.comms_decoder: Any = SimpleNamespace(_reader_task=asyncio.get_running_loop().create_future())

    async def asend(self, msg: messages.TriggerStateChanges) -> messages.TriggerStateSync:
        """What a supervisor would answer: the triggers to begin."""
        self._ended += len(msg.finished or ())
        upto = min(self._ended + self._plan.once, len(self._plan.arguments))
        begin = [
            RunTrigger(
                id=number,
                classpath=self._plan.classpath,
                encrypted_kwargs=Trigger.encrypt_kwargs(self._plan.arguments[number]),
            )
            for number in range(self._next, upto)
        ]
        self._next = upto
        return messages.TriggerStateSync(to_create=begin, to_cancel=set())

    def get_trigger_by_classpath(self, classpath: str) -> type[BaseTrigger]:
        """The class, whose events leave their time in the file."""
        if classpath not in self.trigger_cache:
            self.trigger_cache[classpath] = _timed(super().get_trigger_by_classpath(classpath), self._file)
        return self.trigger_cache[classpath]


def _timed(trigger: type[BaseTrigger], file: TextIO) -> type[BaseTrigger]:
    async def run(self: BaseTrigger) -> AsyncIterator[TriggerEvent]:
        async with aclosing(trigger.run(self)) as events:  # type: ignore[type-var]
            async for event in events:
                file.write(f"{self.trigger_id} {time.time()}\n")
                file.flush()
                yield event

    return type(trigger.__name__, (trigger,), {"run": run, "__module__": trigger.__module__})


def main() -> None:
    """Run the plan."""
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    if plan.watch_seconds is not None:
        defaults: Any = follow.__kwdefaults__
        defaults["settings"] = Settings(watch_seconds=plan.watch_seconds)
    with open(plan.events, "w") as events, open(plan.log, "wb", buffering=0) as log:
        # As the triggerer sets it up, but for the reader at the other end.
        configure_logging(json_output=True, output=log)
        Runner(plan, events).run()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()

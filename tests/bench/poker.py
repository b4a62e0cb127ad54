"""What a SparkKubernetesSensor does, for many executions: a GET through the provider's hook, again after each pause.

    python -m tests.bench.poker PLAN.json

Each sensor is a task and so a process of its own; here all pokes share one, which spares the peer their memory. They
begin spread over the first pause. A line "NUMBER TIME" is written when an execution is seen to have succeeded.
"""

from __future__ import annotations

import heapq
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

from airflow_ack_sagemaker.core.resource.kinds import GROUP, PIPELINE_EXECUTION, VERSION

POKE_INTERVAL = 60.0
"""Seconds: BaseSensorOperator's default."""
_THREADS = 16


@dataclass(frozen=True)
class Plan:
    """The ``names`` in the ``namespace``, how many are followed at ``once``, and the file for the ``events``."""

    namespace: str
    names: list[str]
    once: int
    events: str


class Poker:
    """Pokes until each execution has succeeded."""

    def __init__(self, plan: Plan, events: TextIO) -> None:
        self._plan = plan
        self._file = events
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._hooks = threading.local()
        self._due = [(time.time() + POKE_INTERVAL * number / plan.once, number) for number in range(plan.once)]
        self._next = plan.once
        self._left = len(plan.names)

    def run(self) -> None:
        """Poke."""
        with ThreadPoolExecutor(_THREADS) as pool:
            while True:
                with self._lock:
                    if not self._left:
                        return
                    wait = self._due[0][0] - time.time() if self._due else None
                    if wait is None or wait > 0:
                        self._changed.wait(wait)
                        continue
                    _, number = heapq.heappop(self._due)
                pool.submit(self._poke, number)

    def _poke(self, number: int) -> None:
        if not hasattr(self._hooks, "hook"):
            self._hooks.hook = KubernetesHook(conn_id="kubernetes_default")
        found = self._hooks.hook.get_custom_object(
            group=GROUP,
            version=VERSION,
            plural=PIPELINE_EXECUTION.plural,
            name=self._plan.names[number],
            namespace=self._plan.namespace,
        )
        succeeded = found.get("status", {}).get("pipelineExecutionStatus") == "Succeeded"
        now = time.time()
        with self._lock:
            if not succeeded:
                heapq.heappush(self._due, (now + POKE_INTERVAL, number))
            else:
                self._file.write(f"{number} {now}\n")
                self._file.flush()
                self._left -= 1
                if self._next < len(self._plan.names):
                    heapq.heappush(self._due, (now, self._next))
                    self._next += 1
            self._changed.notify()


def main() -> None:
    """Run the plan."""
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    with open(plan.events, "w") as events:
        Poker(plan, events).run()


if __name__ == "__main__":
    main()

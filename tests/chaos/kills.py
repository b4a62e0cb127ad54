"""Who is killed when a request passes a proxy: the process that has sent it, the one above it, or its whole node."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import psutil

from tests.chaos.fleet import Fleet
from tests.chaos.proxy import Exchange


class Killer:
    """Kills by the connection that a request came on; ``killed`` counts by kind of victim.

    A task's requests to Kubernetes and AWS come from the task's own process, whose parent is its supervisor; those to
    Airflow come from the supervisor, which is a process of Celery's pool.
    """

    def __init__(self, fleet: Fleet) -> None:
        self.killed: Counter[str] = Counter()
        self._fleet = fleet

    def sender(self, exchange: Exchange) -> None:
        """The process that has sent the request."""
        _, process = self._fleet.owner(exchange.client_port)
        self._kill("process of a task", process)

    def parent(self, exchange: Exchange) -> None:
        """The supervisor of the task that has sent the request, which is left to itself."""
        node, process = self._fleet.owner(exchange.client_port)
        parent = process.parent()
        # A task whose supervisor is dead already has another parent, which belongs to nobody here.
        if parent in self._fleet.processes(node)[1:]:
            self._kill("supervisor", parent)

    def node(self, exchange: Exchange) -> None:
        """The whole worker; another one takes its place."""
        node, _ = self._fleet.owner(exchange.client_port)
        self.nodes(node)

    def nodes(self, *nodes: str) -> None:
        """Whole nodes of any kind; others take their places."""
        self._fleet.replace(*nodes)
        self.killed.update(node.partition("-")[0] for node in nodes)

    def _kill(self, kind: str, process: psutil.Process) -> None:
        with suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(60)
        self.killed[kind] += 1

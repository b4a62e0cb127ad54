"""Chance: faults at random times, drawn from a seed, for as long as runs go on."""

from __future__ import annotations

import os
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import psutil

from tests.chaos import faults
from tests.chaos.fleet import SCHEDULERS, TRIGGERERS, WORKERS
from tests.chaos.kills import Killer
from tests.chaos.pace import Pace
from tests.chaos.proxy import Action, Exchange, FaultProxy, Matcher, Rule
from tests.chaos.world import World

Step = Callable[[], None]


class Storm:
    """Does something bad each time `blow` is called and the time for it has come.

    ``happened`` counts by kind; faults of requests count when a request has met them.

    :param chance: what is drawn depends on its seed alone; what it meets depends on the machine.
    :param pace: when the next is due.
    :param most: how many there are, until it is calm; None: no end.
    :param proxy: before the server that launches executions: Kubernetes, or AWS for the peer.
    :param creates: what tells a launch on that proxy.
    """

    def __init__(
        self,
        world: World,
        killer: Killer,
        chance: random.Random,
        *,
        pace: Pace,
        most: int | None,
        proxy: FaultProxy,
        creates: Matcher,
    ) -> None:
        self.happened: Counter[str] = Counter()
        self._world = world
        self._killer = killer
        self._random = chance
        self._pace = pace
        self._left = most
        self._proxy = proxy
        self._creates = creates
        self._rules: list[Rule] = []
        self._thaw_at: float | None = None

    @property
    def frozen(self) -> bool:
        """Whether the API server answers nobody now."""
        return self._thaw_at is not None

    def blow(self) -> None:
        """Do what is due; returns at once when nothing is."""
        for last_words in self._world.fleet.revive():
            # None is expected to; the runs must come through all the same, and what it said tells why.
            self.happened["node ended by itself"] += 1
            print(last_words, flush=True)
        now = time.monotonic()
        if self._thaw_at is not None and now >= self._thaw_at:
            self._thaw_at = None
            self._world.thaw()
        if not self._pace.due or self._thaw_at is not None or self._left == 0:
            return
        if self._left is not None:
            self._left -= 1
        steps, weights = zip(*self._steps(), strict=True)
        self._random.choices(steps, weights)[0]()
        self._pace.next()

    def end(self) -> None:
        """Let what is still to come not come."""
        if self._thaw_at is not None:
            self._thaw_at = None
            self._world.thaw()
        for rule in self._rules:
            self._proxy.remove(rule)
            if rule.fired:
                self.happened[rule.name] += rule.fired
        self._rules = []

    def _steps(self) -> list[tuple[Step, float]]:
        steps: list[tuple[Step, float]] = [
            (self._kill_process, 3),
            (lambda: self._at_launch("process dies before a launch", faults.unsent(self._killer.sender)), 1),
            (lambda: self._at_launch("process dies after a launch", faults.unanswered(self._killer.sender)), 2),
            (lambda: self._at_launch("supervisor dies after a launch", faults.unanswered(self._killer.parent)), 1),
            (lambda: self._at_launch("launch broken off", faults.unanswered()), 1),
            (self._cut, 1),
            *((self._refusing(status), 1) for status in (429, 500, 503)),
        ]
        if self._world.fleet.ready():
            # A machine that is too busy to start nodes as fast as they die would never get anything done.
            steps += [
                (lambda: self._kill_node(WORKERS), 3),
                (lambda: self._kill_node(TRIGGERERS), 2),
                (lambda: self._kill_node(SCHEDULERS), 2),
                (lambda: self._at_launch("worker dies after a launch", faults.unanswered(self._killer.node)), 2),
            ]
        if self._proxy is self._world.kubernetes:
            steps += [
                (self._freeze, 1),
                (self._restart, 1),
                (self._expire, 1),
                (lambda: self._at_watch("half a line of a watch", faults.half_line()), 1),
                (lambda: self._at_watch("410 of a watch", faults.expired_event()), 1),
            ]
        return steps

    # The steps

    def _kill_node(self, nodes: tuple[str, ...]) -> None:
        node = self._random.choice(nodes)
        self.happened[f"{node.partition('-')[0]} killed"] += 1
        self._killer.nodes(node)

    def _kill_process(self) -> None:
        """One of a worker's processes that is busy with a task: the task's own, or its supervisor."""
        busy: list[psutil.Process] = []
        for node in WORKERS:
            # A worker's main process, below it Celery's pool, and below those the tasks that they supervise.
            for main in self._world.fleet.processes(node)[:1]:
                with suppress(psutil.Error):
                    for supervisor in main.children():
                        tasks = supervisor.children()
                        busy += [supervisor, *tasks] if tasks else []
        if busy:
            with suppress(psutil.Error):
                self._random.choice(busy).kill()
                self.happened["process of a worker killed"] += 1

    def _at_launch(self, name: str, action: Action) -> None:
        self._add(name, self._creates, action, 1)

    def _at_watch(self, name: str, action: Action) -> None:
        self._add(name, faults.watches, action, 2)
        self._proxy.cut()

    def _refusing(self, status: int) -> Step:
        count = self._random.randint(1, 6)
        return lambda: self._add(f"{status}", _anything, faults.refuse(status, retry_after="1"), count)

    def _add(self, name: str, matches: Matcher, action: Action, count: int) -> None:
        self._rules.append(self._proxy.add(name, matches, action, count))

    def _cut(self) -> None:
        self.happened["connections broken"] += self._proxy.cut()

    def _freeze(self) -> None:
        self.happened["API server frozen"] += 1
        self._world.freeze()
        self._thaw_at = time.monotonic() + self._random.uniform(2, 8)

    def _restart(self) -> None:
        self.happened["API server restarted"] += 1
        self._world.restart()

    def _expire(self) -> None:
        self.happened["token expired"] += 1
        self._world.expire_token()


def drawn_seed() -> int:
    """That of CHAOS_SEED, or a new one."""
    return int(os.environ.get("CHAOS_SEED") or secrets.randbelow(1_000_000))


def _anything(exchange: Exchange) -> bool:
    return True


def creates_execution(exchange: Exchange) -> bool:
    """The creation of a PipelineExecution, of whichever run."""
    return exchange.method == "POST" and exchange.path.split("?")[0].endswith("/pipelineexecutions")


def starts_execution(exchange: Exchange) -> bool:
    """SageMaker's own operation, which the peer calls."""
    return exchange.headers.get("x-amz-target", "") == "SageMaker.StartPipelineExecution"


def ours(world: World, killer: Killer, chance: random.Random, pace: Pace, most: int | None = None) -> Storm:
    """A storm between tasks and Kubernetes."""
    return Storm(world, killer, chance, pace=pace, most=most, proxy=world.kubernetes, creates=creates_execution)


def peers(world: World, killer: Killer, chance: random.Random, pace: Pace, most: int | None = None) -> Storm:
    """The same between tasks and AWS, where the peer launches."""
    return Storm(world, killer, chance, pace=pace, most=most, proxy=world.aws, creates=starts_execution)

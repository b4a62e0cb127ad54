"""Following executions: how soon the end of one is seen, and what it costs the servers and the triggerer.

    python -m tests.bench.bench_followers

All follow at the same time, each in a process of its own: ours, the amazon provider's trigger and polling as the
SparkKubernetesSensor does it, at their defaults, and triggers that do nothing. First a minute in which nothing changes;
then executions end. A detection is the time from the sending of the status write (for the amazon provider: of the
request by which SageMaker's stand-in ends the execution) to the trigger's event.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx

from airflow_ack_sagemaker.triggers.base import EARLIEST
from harness.sandbox_process import SandboxProcess, aws_connection
from tests.bench.followers import CHECK_INTERVAL, Follower, amazon, cncf, empty, ours
from tests.bench.followers_report import (
    AMAZON,
    CNCF,
    EMPTY,
    HURRIED,
    HURRY,
    MANY,
    MOST,
    OURS,
    report_cost,
    report_detection,
    report_requests,
)
from tests.bench.poker import POKE_INTERVAL
from tests.bench.stage import PIPELINE_NAME, Stage, create_running, each, write_status

TURNS = 40
"""Executions that end one after the other where one is followed; as many as there is time for."""
OURS_TURNS = 10
QUIET = 60.0
"""Seconds in which nothing changes: two polls of the amazon provider's trigger, one of the sensor."""
SPREAD = 30.0
"""Seconds over which the executions of the polling peers end."""
OURS_PER_SECOND = {MANY: 50, MOST: 100}
"""Executions that end in a second, where ours follows so many."""

End = Callable[[int], Awaitable[None]]


@dataclass
class Contestant:
    """One process and what is measured of it. ``end`` ends an execution by its number."""

    who: str
    count: int
    follower: Follower
    requests: Callable[[], int] = lambda: 0
    end: End | None = None
    written: dict[int, float] = field(default_factory=dict)
    memory: int = 0
    """Bytes, while all are followed."""
    idle: float = 0.0
    """CPU seconds in a second in which nothing changes."""
    event: float = 0.0
    """CPU seconds for an end."""
    began: tuple[float, int] = (0.0, 0)
    asked: int = 0
    """Requests in the ``window`` of seconds."""
    window: float = 0.0

    def begin_window(self) -> None:
        """Count requests from now on."""
        self.began = (time.time(), self.requests())

    def end_window(self) -> None:
        """Count requests until now."""
        self.asked, self.window = self.requests() - self.began[1], time.time() - self.began[0]

    async def ends(self, number: int) -> None:
        """End an execution, and note when."""
        assert self.end is not None
        self.written[number] = time.time()
        await self.end(number)

    def detections(self) -> list[float]:
        """Seconds from each end to its event."""
        events = self.follower.events()
        return [events[number] - when for number, when in self.written.items() if number in events]


class Field:
    """All contestants, and the servers."""

    def __init__(self, stage: Stage, client: httpx.AsyncClient) -> None:
        self._stage = stage
        self._client = client
        self.all: list[Contestant] = []

    async def add_ours(self, count: int, turns: int = 1, hurry: bool = False) -> Contestant:
        """Our trigger."""
        namespace = f"ours-{count}{'-hurry' if hurry else ''}"
        connection = self._stage.add_namespace(namespace)
        uids = await create_running(self._client, namespace, count * turns)
        names = list(uids)
        watch_seconds = 300.0 / HURRY if hurry else None
        follower = ours(self._stage.directory / f"p-{namespace}", connection, namespace, uids, count, watch_seconds)
        return self._add(
            HURRIED if hurry else OURS, count, follower, self._recorded(namespace), self._writes(namespace, names)
        )

    async def add_cncf(self, count: int, turns: int = 1) -> Contestant:
        """Polling through the cncf provider's hook."""
        namespace = f"cncf-{count}"
        connection = self._stage.add_namespace(namespace)
        names = list(await create_running(self._client, namespace, count * turns))
        follower = cncf(self._stage.directory / f"p-{namespace}", connection, namespace, names, count)
        return self._add(CNCF, count, follower, self._recorded(namespace), self._writes(namespace, names))

    async def add_amazon(self, count: int, turns: int = 1) -> Contestant:
        """The amazon provider's trigger, at an AWS endpoint of its own."""
        aws = await asyncio.to_thread(self._stage.add_aws, f"aws-{count}")
        arns = await asyncio.to_thread(_start, aws, count * turns)
        http = httpx.AsyncClient(base_url=aws.aws_endpoint_url, trust_env=False, timeout=60.0)
        follower = amazon(
            self._stage.directory / f"p-amazon-{count}", aws_connection(aws.aws_endpoint_url), arns, count
        )

        async def end(number: int) -> None:
            answer = await http.post("/_sandbox/release", json={"PipelineExecutionArn": arns[number]})
            assert answer.json() == {"released": 1}, answer.text

        def requests() -> int:
            told = httpx.get(f"{aws.aws_endpoint_url}/_sandbox/requests", trust_env=False).json()
            return sum(told.get(name, 0) for name in ("DescribePipelineExecution", "ListPipelineExecutionSteps"))

        return self._add(AMAZON, count, follower, requests, end)

    def add_empty(self, count: int) -> Contestant:
        """Triggers that do nothing."""
        return self._add(EMPTY, count, empty(self._stage.directory / f"p-empty-{count}", count))

    def of(self, *who: str) -> list[Contestant]:
        """The contestants of these names: in their order, the fewest followed first."""
        found = [contestant for contestant in self.all if contestant.who in who]
        return sorted(found, key=lambda one: (one.count, who.index(one.who)))

    def _add(
        self,
        who: str,
        count: int,
        follower: Follower,
        requests: Callable[[], int] = lambda: 0,
        end: End | None = None,
    ) -> Contestant:
        contestant = Contestant(who, count, follower, requests, end)
        self.all.append(contestant)
        return contestant

    def _recorded(self, namespace: str) -> Callable[[], int]:
        return lambda: len(self._stage.requests(namespace))

    def _writes(self, namespace: str, names: Sequence[str]) -> End:
        async def end(number: int) -> None:
            await write_status(self._client, namespace, names[number], "Succeeded")

        return end


def _start(aws: SandboxProcess, count: int) -> list[str]:
    sagemaker = aws.aws_client("sagemaker")
    return [
        sagemaker.start_pipeline_execution(PipelineName=PIPELINE_NAME, ClientRequestToken=f"{number:032}")[
            "PipelineExecutionArn"
        ]
        for number in range(count)
    ]


async def until(condition: Callable[[], bool], timeout: float, what: str, every: float = 0.25) -> bool:
    """Wait for a condition; says so and returns False when it does not come about."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            print(f"gave up after {timeout:.0f} s: {what}", flush=True)
            return False
        await asyncio.sleep(every)
    return True


async def all_follow(contestants: Sequence[Contestant]) -> None:
    """Wait until each has asked for its executions, and until the processes have come to rest."""
    for contestant in contestants:
        what = f"{contestant.who} follows {contestant.count}"
        follower, least = contestant.follower, contestant.count
        if contestant.who in (AMAZON, CNCF):
            await until(lambda: contestant.requests() >= least, 300, what)  # noqa: B023 (awaited here)
        else:
            # A list and a watch.
            await until(lambda: follower.started >= least, 120, what)  # noqa: B023
            await until(lambda: contestant.who == EMPTY or contestant.requests() >= 2, 60, what)  # noqa: B023
    for contestant in contestants:
        if contestant.who not in (AMAZON, CNCF):
            last = [-1.0]

            def calm() -> bool:
                last.append(contestant.follower.cpu())  # noqa: B023
                return last[-1] - last[-2] < 0.1  # noqa: B023

            await until(calm, 30, f"{contestant.who} with {contestant.count} rests", every=1.0)


async def quiet(contestants: Sequence[Contestant]) -> None:
    """What each costs while nothing changes."""
    for one in contestants:
        one.begin_window()
    begun = [(time.monotonic(), one.follower.cpu()) for one in contestants]
    await asyncio.sleep(QUIET)
    for one, (when, cpu) in zip(contestants, begun, strict=True):
        one.end_window()
        one.idle = (one.follower.cpu() - cpu) / (time.monotonic() - when)
        one.memory = one.follower.memory()


async def many_end(one: Contestant, duration: float, wait: float) -> None:
    """All executions end, one after the other, evenly; until each is seen."""
    cpu, begin = one.follower.cpu(), time.monotonic()
    # Not in the order in which polling began: each would be found at the same moment of its pause.
    order = random.sample(range(one.count), one.count)

    async def end(place: int) -> None:
        await asyncio.sleep(max(begin + place * duration / one.count - time.monotonic(), 0))
        await one.ends(order[place])

    await each(range(one.count), end)
    await until(lambda: len(one.follower.events()) >= one.count, wait, f"{one.who} sees {one.count} ends", every=0.5)
    one.event = (one.follower.cpu() - cpu) / one.count


async def end_in_turn(one: Contestant, turns: int, pause: Callable[[], float], stop: asyncio.Event) -> None:
    """One execution after the other ends, a random time after the one before was seen."""
    for number in range(turns):
        try:
            await asyncio.wait_for(stop.wait(), pause())
        except TimeoutError:
            await one.ends(number)
            await until(lambda: number in one.follower.events() or stop.is_set(), 120, "an end", every=0.05)  # noqa: B023
        else:
            return


async def run(stage: Stage) -> Field:
    """The whole."""
    async with stage.client() as client:
        ground = Field(stage, client)
        await asyncio.gather(
            ground.add_amazon(1, TURNS),
            ground.add_amazon(MANY),  # first, for it takes longest
        )
        for count, turns in ((1, OURS_TURNS), (MANY, 1), (MOST, 1)):
            await ground.add_ours(count, turns)
            ground.add_empty(count)
        await ground.add_ours(1, hurry=True)
        await ground.add_ours(MOST, hurry=True)
        for count, turns in ((1, TURNS), (MANY, 1), (MOST, 1)):
            await ground.add_cncf(count, turns)
        await all_follow(ground.all)
        stop = asyncio.Event()
        singles = [
            asyncio.create_task(
                end_in_turn(one, TURNS, lambda longest=longest: random.uniform(0, longest), stop)  # type: ignore[misc]
            )
            for one in ground.of(AMAZON, CNCF)
            if one.count == 1
            for longest in [CHECK_INTERVAL if one.who == AMAZON else POKE_INTERVAL]
        ]
        await quiet([one for one in ground.all if one.count > 1 or one.who not in (AMAZON, CNCF)])
        polling = [one for one in ground.of(AMAZON, CNCF) if one.count > 1]
        await asyncio.gather(*(many_end(one, SPREAD * (2 if one.count == MOST else 1), 150) for one in polling))
        for one in ground.of(OURS, HURRIED):
            one.end_window()
        for one in [*polling, *ground.of(EMPTY, HURRIED)]:
            one.follower.stop()
        for one in ground.of(OURS):
            if one.count == 1:
                await end_in_turn(one, OURS_TURNS, lambda: EARLIEST + random.uniform(1, 2), asyncio.Event())
            else:
                await many_end(one, one.count / OURS_PER_SECOND[one.count], 60)
        stop.set()
        await asyncio.gather(*singles)
    return ground


def main() -> None:
    """Measure, print and draw."""
    with Stage(recorded=True) as stage:
        ground = asyncio.run(run(stage))
        report_detection(ground)
        report_requests(ground)
        report_cost(ground)
        for one in ground.all:
            one.follower.stop()


if __name__ == "__main__":
    main()

"""A hundred requests at one moment hold up nobody else's."""

from __future__ import annotations

import asyncio
from itertools import groupby
from typing import Any

from airflow_ack_sagemaker.plugin.one_by_one import OneByOne

REQUESTS = 100


async def test_between_two_turns_of_others_one_request_enters() -> None:
    happened: list[str] = []

    async def app(*_: Any) -> None:
        happened.append("ours")

    async def other() -> None:
        while happened.count("ours") < REQUESTS:
            happened.append("other's")
            await asyncio.sleep(0)

    one_by_one = OneByOne(app)
    await asyncio.gather(*(one_by_one({}, None, None) for _ in range(REQUESTS)), other())  # type: ignore[arg-type]
    assert happened.count("ours") == REQUESTS
    assert max(len(list(group)) for who, group in groupby(happened) if who == "ours") == 1


async def test_who_waits_in_the_application_holds_up_no_other_one() -> None:
    answered = asyncio.Event()

    async def app(scope: Any, *_: Any) -> None:
        if scope["path"] == "/slow":
            await answered.wait()
        else:
            answered.set()

    one_by_one = OneByOne(app)
    requests = (one_by_one({"path": path}, None, None) for path in ("/slow", "/quick"))  # type: ignore[arg-type]
    await asyncio.gather(*requests)


async def test_who_goes_away_before_it_enters_holds_up_no_other_one() -> None:
    entered: list[str] = []

    async def app(scope: Any, *_: Any) -> None:
        entered.append(scope["path"])

    one_by_one = OneByOne(app)
    first, second, third = (
        asyncio.create_task(one_by_one({"path": path}, None, None))  # type: ignore[arg-type]
        for path in ("/1", "/2", "/3")
    )
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    await third
    assert entered == ["/3"]

"""What is followed is what the connection leads to now."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airflow_ack_sagemaker.plugin import followed
from airflow_ack_sagemaker.plugin.followed import Following
from airflow_ack_sagemaker.plugin.settings import ClusterSetting
from harness.waiting import HUNG


class Client:
    namespace = "ml"


class Hook:
    def __init__(self, *_: object) -> None:
        pass

    async def get_async_conn(self) -> Client:
        return Client()


class Kind:
    """Followed: connects, and stays until it is cancelled."""

    def __init__(self, board: Board) -> None:
        self._board = board

    async def follow(self) -> None:
        await self._board.connect()
        self._board.began += 1
        self._board.news.set()
        await asyncio.Event().wait()


class Board(Following):
    def __init__(self) -> None:
        super().__init__(ClusterSetting("prod"))
        self.began = self.ended_times = 0
        self.news = asyncio.Event()
        self.followed: Any = (Kind(self), Kind(self))
        self.begin()

    async def let_go(self) -> None:
        self.ended_times += 1

    async def until(self, began: int) -> None:
        async with asyncio.timeout(HUNG):
            while self.began < began:
                self.news.clear()
                await self.news.wait()


class Airflow:
    """Its database: what it says of the connection, how often it was asked, and whether it answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.says: str | None = "one"
        self.asked = 0
        self.error: Exception | None = None
        monkeypatch.setattr(followed, "connection_digest", self.digest)
        monkeypatch.setattr(followed, "ServerAckHook", Hook)
        monkeypatch.setattr(followed, "EDITED_SECONDS", 0.0)
        monkeypatch.setattr(followed, "_LOOK", 0.001)

    def digest(self, conn_id: str) -> str | None:
        assert conn_id == "prod"
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.says

    async def looks(self, number: int) -> None:
        before = self.asked
        async with asyncio.timeout(HUNG):
            while self.asked < before + number:
                await asyncio.sleep(0.001)


async def test_an_edited_connection_is_followed_where_it_leads_to_now(monkeypatch: pytest.MonkeyPatch) -> None:
    airflow = Airflow(monkeypatch)
    board = Board()
    try:
        await board.until(2)
        await airflow.looks(3)
        assert (board.began, board.ended_times) == (2, 0)
        for number, said in enumerate(("two", None, "one"), start=2):
            airflow.says = said
            await board.until(2 * number)
            # The client of single requests goes, too.
            assert board.ended_times == number - 1
        await airflow.looks(3)
        assert board.began == 8
    finally:
        await board.close()
    assert board.ended_times == 4


async def test_what_is_followed_goes_on_while_airflows_database_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    airflow = Airflow(monkeypatch)
    board = Board()
    try:
        await board.until(2)
        airflow.error = OSError("no database")
        await airflow.looks(3)
        airflow.error = None
        await airflow.looks(3)
        assert (board.began, board.ended_times) == (2, 0)
    finally:
        await board.close()


async def test_it_ends_when_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    airflow = Airflow(monkeypatch)
    board = Board()
    await board.until(2)
    assert not board.ended
    monkeypatch.setattr(followed, "IDLE_SECONDS", 0.0)
    async with asyncio.timeout(HUNG):
        while not board.ended:
            await asyncio.sleep(0.001)
    assert board.ended_times
    assert board.began == 2
    assert airflow.says == "one"

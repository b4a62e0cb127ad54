"""The looks of a watcher as Airflow 3.3's shared stream: it says when their events are in its database."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

try:
    from airflow.triggers.shared_stream import SharedStreamProducer
except ImportError:  # before 3.3, where nobody asks for it
    SharedStreamProducer = object  # type: ignore[assignment,misc]

if TYPE_CHECKING:
    from airflow.triggers.shared_stream import AdvanceItem


class Watcher(Protocol):
    """What looks, and remembers what was told of it (`triggers.news.NewsTrigger`)."""

    def looks(self) -> AsyncGenerator[Any, None]: ...

    def told(self, look: Any) -> None: ...

    async def keep(self) -> None: ...


@dataclass(slots=True)
class RawLook:
    """A look, and the watchers that were shown it."""

    look: Any
    watchers: list[Watcher] = field(default_factory=list)


class NewsProducer(SharedStreamProducer):
    """Looks on behalf of all watchers with the same arguments.

    :param watcher: one like them, which only looks.
    """

    def __init__(self, watcher: Watcher) -> None:
        self._looks = watcher.looks()

    async def open_stream(self) -> AsyncIterator[tuple[Any, Any]]:
        """Each look."""
        async for look in self._looks:
            raw = RawLook(look)
            yield raw, raw

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """The events of these looks are in the database, so the watchers may remember them. What could not be put there
        has failed its watcher, which begins again with what it remembers.
        """
        changed: dict[int, Watcher] = {}
        for item in batch:
            if item.outcome.failed == 0:
                for watcher in item.broker_payload.watchers:
                    watcher.told(item.broker_payload.look)
                    changed[id(watcher)] = watcher
        for watcher in changed.values():
            await watcher.keep()

    async def aclose(self) -> None:
        """End looking."""
        await self._looks.aclose()

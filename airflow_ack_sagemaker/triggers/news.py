"""The base of the triggers for an ``AssetWatcher``: what is seen, what of it is news, and how none of it is lost.

Airflow 3.3 confirms that an event is in its database, and only then the watcher's memory (the asset state store) has
it: whatever kills the triggerer, an event may come twice but is never lost. What comes twice has the same payload, by
which `SkipRepeatedEventsOperator` leaves it out. Airflow 3.1 and 3.2 have neither store nor confirmation: there a
watcher forgets at a restart, and takes what is there then as known.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Hashable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_ack_sagemaker.compat import recalled, remember

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.run.news import Memory


class NewsTrigger(BaseEventTrigger):
    """Looks for ever, and fires an event for each piece of news.

    ``arguments`` are the names of the parameters, ``store_key`` where its memory is in the asset state store.
    """

    arguments: ClassVar[tuple[str, ...]]
    store_key: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._memory: Memory[Any] | None = None
        self._stored: Any = None

    @abstractmethod
    def looks(self) -> AsyncGenerator[Any, None]:
        """What is seen, for ever; each look is given to the memory. Passing trouble is waited out."""

    @abstractmethod
    def memory(self) -> Memory[Any]:
        """An empty memory."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        arguments = {name: getattr(self, name) for name in self.arguments}
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    # -- Airflow 3.3 and later

    def shared_stream_key(self) -> Hashable | None:
        """Watchers of the same look once for all."""
        path, arguments = self.serialize()
        return path, json.dumps(arguments, sort_keys=True)

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> Any:
        """Who looks, and learns what Airflow's database has."""
        from airflow_ack_sagemaker.triggers.producer import NewsProducer

        return NewsProducer(cls(**kwargs))

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """The news of each look."""
        memory = await self._recall()
        async for raw in shared_stream:
            raw.watchers.append(self)
            for payload in memory.news(raw.look):
                yield TriggerEvent(payload)

    def told(self, look: Any) -> None:
        """What was to be told of a look is in Airflow's database."""
        if self._memory is not None:
            self._memory.told(look)

    async def keep(self) -> None:
        """Put into the asset state store what was told, where it has changed."""
        kept = None if self._memory is None else self._memory.kept()
        if kept != self._stored:
            self._stored = kept
            await remember(self, self.store_key, kept)

    # -- before

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """The news of each look."""
        memory = await self._recall()
        async with aclosing(self.looks()) as looks:
            async for look in looks:
                for payload in memory.news(look):
                    yield TriggerEvent(payload)
                memory.told(look)
                await self.keep()

    async def _recall(self) -> Memory[Any]:
        self._stored = await recalled(self, self.store_key)
        memory = self._memory = self.memory()
        memory.recall(self._stored)
        return memory

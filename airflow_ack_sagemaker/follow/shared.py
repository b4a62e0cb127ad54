"""One stream of a collection, the objects that it has shown, and their readers.

Kept is one pruned object per name, as JSON, which takes a fifth of the memory that it takes as Python objects. A reader
is a few words and one future: thousands of them wait in one event loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from typing import Any, Self

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.follow.loop import LONG_PAUSE, Change, Pulse, Scope
from airflow_ack_sagemaker.follow.policy import ErrorPolicy, Settings
from airflow_ack_sagemaker.follow.stream import changes
from airflow_ack_sagemaker.kube.answers import WatchEvent
from airflow_ack_sagemaker.kube.client import AsyncKubeClient
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import KubeError, Moved, NotFound, Unreachable

log = logging.getLogger(__name__)

Connect = Callable[[], Awaitable[AsyncKubeClient]]
Prune = Callable[[dict[str, Any]], Mapping[str, Any]]

_BATCH = 50
"""Readers that are woken, or objects that are read, before others of the event loop get their turn: some ms."""
_LOOK_UPS = 8
"""Requests for single objects at once."""
_SPARE = 1_000
"""Changes that a slow reader of a whole collection may owe, beyond one for each object that is there."""


class NotSelected(Exception):
    """The object is there, but without the labels that the stream selects by: this stream will never show it."""


class Reader:
    """Waits until there is something new."""

    __slots__ = ("_changed", "_waiter")

    def __init__(self, changed: bool) -> None:
        self._changed = changed
        self._waiter: asyncio.Future[None] | None = None

    def notify(self) -> None:
        """There is something new."""
        self._changed = True
        if self._waiter is not None:
            _wake(self._waiter)

    async def _wait(self, timeout: float | None = None) -> None:
        if not self._changed:
            loop = asyncio.get_running_loop()
            # Bare, where asyncio.timeout would take three more objects: there are thousands of these.
            waiter = self._waiter = loop.create_future()
            timer = None if timeout is None else loop.call_later(timeout, _wake, waiter)
            try:
                await waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
            if not self._changed:
                raise TimeoutError
        self._changed = False


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class ObjectReader(Reader):
    """The states of one object, see :func:`.watch.follow`."""

    __slots__ = ("_begun", "_watch", "deleted", "name")

    def __init__(self, watch: SharedWatch, name: str) -> None:
        super().__init__(watch.synced)
        self.name = name
        self.deleted: bytes | None = None
        """The object as it was last when it was deleted."""
        self._watch = watch
        self._begun = False
        watch.readers.setdefault(name, []).append(self)

    async def next(self, timeout: float | None = None) -> dict[str, Any] | None:
        """The next state.

        :raises TimeoutError: there was none within so many seconds.
        :raises NotSelected: the stream does not show this object.
        """
        await self._wait(timeout)
        watch = self._watch
        # At first the stream may lag behind; and of an object that lost its label it says that it was deleted.
        if watch.error is None and self.name not in watch.objects and not (self._begun and watch.unselected):
            self._changed = True  # should this be cut off, it is to be done again
            async with asyncio.timeout(timeout):
                await watch.look_up(self.name)
            self._changed = False
        self._begun = True
        if watch.error is not None:
            self._changed = True
            raise copy.copy(watch.error) from watch.error.__cause__
        known = watch.objects.get(self.name)
        return None if known is None else json.loads(known)

    def moved_from(self, server: str | None) -> Moved | None:
        """That the stream reads at another server than this one; None: it does not, or none is given."""
        config = self._watch.config
        if server is None or config is None or config.server == server:
            return None
        return Moved(f"The {config.source} leads to {config.server} now, no longer to {server}.")

    def close(self) -> None:
        """Stop reading; again does nothing."""
        others = self._watch.readers.get(self.name, [])
        if self in others:
            others.remove(self)
            if not others:
                del self._watch.readers[self.name]
            self._watch.end_if_unread()


class CollectionReader(Reader):
    """The objects of a collection, see :func:`.watch.follow_all`. ``pulse`` says how the stream fares."""

    __slots__ = ("_lost", "_pending", "_present", "_read", "_shown", "_watch")

    def __init__(self, watch: SharedWatch) -> None:
        super().__init__(watch.synced)
        self._watch = watch
        self._present: Iterator[bytes] | None = None
        self._shown = False
        self._lost = False
        self._pending: OrderedDict[str, bytes] = OrderedDict()
        self._read = 0
        watch.collections.append(self)

    @property
    def pulse(self) -> Pulse:
        """How the stream fares."""
        return self._watch.pulse

    def now(self, name: str) -> dict[str, Any] | None:
        """An object as the stream has shown it last; None where it is not there (any more)."""
        known = self._watch.objects.get(name)
        return None if known is None else json.loads(known)

    def add(self, name: str, value: bytes) -> None:
        """A change; it replaces an unread one of the same name."""
        if self._present is None:
            return  # it will be read as what is there
        self._pending[name] = value
        if len(self._pending) > len(self._watch.objects) + _SPARE:
            self._pending.popitem(last=False)
            if not self._lost:
                log.warning("A reader of %s is too slow and misses changes.", self._watch.scope.kind.plural)
            self._lost = True
        self.notify()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Any] | None:
        self._read += 1
        if self._read % _BATCH == 0:
            await asyncio.sleep(0)
        while True:
            if self._present is None:
                await self._wait()
                if self._watch.error is None:
                    self._present = iter(list(self._watch.objects.values()))
            if self._present is not None and (value := next(self._present, None)) is not None:
                return dict(json.loads(value))
            if self._present is not None and not self._shown:
                self._shown = True
                return None
            if self._pending:
                return dict(json.loads(self._pending.popitem(last=False)[1]))
            if self._watch.error is not None:
                raise copy.copy(self._watch.error) from self._watch.error.__cause__
            await self._wait()

    async def aclose(self) -> None:
        """Stop reading; again does nothing."""
        if self in self._watch.collections:
            self._watch.collections.remove(self)
            self._watch.end_if_unread()


class SharedWatch:
    """The stream. ``objects`` are the pruned objects by name, as JSON; ``error`` is why it has ended.

    :param cluster: digest of the cluster that the connection is thought to lead to; None: wherever it does.
    """

    def __init__(
        self,
        connect: Connect,
        scope: Scope,
        prune: Prune,
        settings: Settings,
        *,
        cluster: str | None,
        on_end: Callable[[], None],
    ) -> None:
        self.scope = scope
        self.unselected = not scope.label_selector
        self.objects: dict[str, bytes] = {}
        self.readers: dict[str, list[ObjectReader]] = {}
        self.collections: list[CollectionReader] = []
        self.synced = False
        self.error: Exception | None = None
        self.pulse = Pulse()
        self._connect = connect
        self._cluster = cluster
        self._prune = prune
        self._settings = settings
        self._on_end = on_end
        self._listed: set[str] = set()
        self._deletions = 0
        self._client: AsyncKubeClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._look_ups = asyncio.Semaphore(_LOOK_UPS)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin the stream, in a context of its own: the first follower's must not outlive it (its log goes
        elsewhere).
        """
        self._task = loop.create_task(
            self._run(), name=f"watch of {self.scope.kind.plural}", context=contextvars.Context()
        )

    def end_if_unread(self) -> None:
        """End the stream when its last reader has left."""
        if self.readers or self.collections:
            return
        self._on_end()
        if self._task is not None and self.error is None:  # with an error it is ending already
            self._task.cancel()

    async def look_up(self, name: str) -> None:
        """Ask for an object that the stream has not shown: it may be younger than what the stream has delivered.

        :raises NotSelected: it is there, and not one of those that the stream shows.
        """
        deletions, policy = -1, ErrorPolicy(self._settings)
        while deletions != self._deletions:  # else the answer may be from before one that the stream has shown
            client, deletions = self._client, self._deletions
            if client is None:
                return
            try:
                async with self._look_ups:
                    resource = await client.get(self.scope.kind, name, self.scope.namespace)
            except NotFound:
                return
            except KubeError as error:
                # Not known is not gone, and a follower takes the absence of an object for its deletion.
                turn = policy.failed(error, self._settings.clock())
                say = log.info if turn.pause >= LONG_PAUSE else log.debug
                say("%s Asking again in %.1f s.", error, turn.pause)
                await self._settings.sleep(turn.pause)
                if self.error is not None or name in self.objects:
                    return
                deletions = -1
        if not self.scope.selects(resource):
            raise NotSelected
        if name not in self.objects:
            self._put(self.scope.typed(resource))

    @property
    def config(self) -> ClusterConfig | None:
        """Where it reads; None before it has begun."""
        return None if self._client is None else self._client.config

    async def client(self) -> AsyncKubeClient:
        """The present client."""
        assert self._client is not None
        return self._client

    async def reconnect(self) -> None:
        """Read the connection again, since it may have been changed.

        :raises Moved: it leads to another cluster now, which says nothing about the objects of this one.
        """
        before = await self.client()
        try:
            client = await self._connect()
        except Exception as error:  # whatever a secrets backend raises: what was known before may still do
            log.warning("The %s cannot be read again: %s", before.config.source, error)
            return
        if client.config.place != before.config.place:
            await client.close()
            raise Moved(
                f"The {before.config.source} was changed and leads to {client.config.server} (namespace "
                f"{client.config.namespace}) now, no longer to {before.config.server} (namespace "
                f"{before.config.namespace})."
            )
        self._client = client
        await before.close()

    async def _run(self) -> None:
        try:
            client = self._client = await self._connect()
            if self._cluster not in (None, client.config.digest):
                raise Moved(f"The {client.config.source} was changed while it was read: reading it again.")
            async with aclosing(changes(self, self.scope, self._settings, self.pulse)) as source:
                async for change in source:
                    await self._take(change)
                    if not self.synced and not isinstance(change, WatchEvent) and change.last:
                        self.synced = True
                        await self._wake()
        except Exception as error:
            if not isinstance(error, KubeError):
                log.debug("The watch of %s ended.", self.scope.kind.plural, exc_info=True)
            self._fail(error)
            await self._wake()
        finally:
            self._fail(Unreachable(f"The watch of {self.scope.kind.plural} was cancelled."))
            for reader in self._all():
                reader.notify()
            if self._client is not None:
                await self._client.close()

    def _fail(self, error: Exception) -> None:
        self.error = self.error or error
        self._on_end()
        self.synced = True

    async def _wake(self) -> None:
        """Wake all readers, some at a time: what each does next would together hold up the event loop."""
        for count, reader in enumerate(list(self._all()), start=1):
            reader.notify()
            if count % _BATCH == 0:
                await asyncio.sleep(0)

    def _all(self) -> Iterable[Reader]:
        for readers in list(self.readers.values()):
            yield from readers
        yield from self.collections

    async def _take(self, change: Change) -> None:
        """Keep what has come; of a page some objects at a time, since others wait for the event loop."""
        if isinstance(change, WatchEvent):
            if change.type == "DELETED":
                self._remove(fields.name(change.object), self._value(change.object))
            else:
                self._put(change.object)
            return
        if change.first:
            self._listed = set()
        for count, item in enumerate(change.items, start=1):
            self._listed.add(fields.name(item))
            self._put(item)
            if count % _BATCH == 0:
                await asyncio.sleep(0)
        if change.last:
            for name in self.objects.keys() - self._listed:
                self._remove(name, self.objects[name])
            self._listed = set()

    def _value(self, resource: dict[str, Any]) -> bytes:
        return json.dumps(self._prune(resource), separators=(",", ":")).encode()

    def _put(self, resource: dict[str, Any]) -> None:
        name = fields.name(resource)
        value = self._value(resource)
        if self.objects.get(name) != value:
            self.objects[name] = value
            self._notify(name, value)

    def _remove(self, name: str, last: bytes) -> None:
        self._deletions += 1
        if self.objects.pop(name, None) is not None:
            for reader in self.readers.get(name, ()):
                reader.deleted = last
            self._notify(name, last)

    def _notify(self, name: str, value: bytes) -> None:
        for collection in self.collections:
            collection.add(name, value)
        if self.synced:
            for reader in self.readers.get(name, ()):
                reader.notify()

"""Objects in memory, with one version counter, a bounded history, and subscribers that see every change in order.

Objects are never changed in place: a caller that holds one keeps that version of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one object. A creation has no ``old``; a deletion has no ``new``, but the ``last`` state."""

    revision: int
    resource: str
    key: Key
    old: Object | None
    new: Object | None
    last: Object | None = None


class Subscription:
    """The changes of one resource from now on, in order.

    Who does not take them is cut off: with more than ``limit`` that wait, it is closed and they are forgotten. A
    watcher then watches again from the version that it has seen.
    """

    def __init__(self, limit: int) -> None:
        self._changes: deque[Change] = deque()
        self._arrived = asyncio.Event()
        self._limit = limit
        self.closed = False

    def __len__(self) -> int:
        return len(self._changes)

    def push(self, change: Change) -> None:
        """Hand over a change."""
        if self.closed:
            return
        self._changes.append(change)
        if len(self._changes) > self._limit:
            self._changes.clear()
            self.closed = True
        self._arrived.set()

    def close(self) -> None:
        """Say that nothing more will come."""
        self.closed = True
        self._arrived.set()

    async def take(self, timeout: float) -> list[Change]:
        """The changes since the last call; waits for the first at most ``timeout`` seconds."""
        if not self._changes and not self.closed:
            try:
                await asyncio.wait_for(self._arrived.wait(), timeout)
            except TimeoutError:
                return []
        self._arrived.clear()
        taken = list(self._changes)
        self._changes.clear()
        return taken


def with_version(obj: Object, revision: int) -> Object:
    """The object with this resourceVersion."""
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(revision)}}


def key_of(obj: Object) -> Key:
    """Namespace ("" for cluster-scoped objects) and name."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


class Compacted(Exception):
    """The history does not reach back to the wanted revision."""


class Store:
    """All objects, by resource (``plural.group``) and then by namespace and name.

    ``history`` is the number of changes that are kept for watchers that resume and for lists that continue.
    """

    def __init__(self, history: int = 4096) -> None:
        self.revision = 1
        self.oldest = 1
        self._limit = history
        self._history: deque[Change] = deque()
        self._objects: dict[str, dict[Key, Object]] = {}
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._closed = False

    def get(self, resource: str, key: Key) -> Object | None:
        """The object, or None."""
        return self._objects.get(resource, {}).get(key)

    def items(self, resource: str, at: int | None = None) -> dict[Key, Object]:
        """The objects of a resource, as they are or as they were at a revision.

        :raises Compacted: the history does not reach back so far.
        """
        current = self._objects.get(resource, {})
        if at is None or at >= self.revision:
            return current
        if at < self.oldest:
            raise Compacted
        past = dict(current)
        for change in reversed(self._history):
            if change.revision <= at:
                break
            if change.resource != resource:
                continue
            if change.old is None:
                past.pop(change.key, None)
            else:
                past[change.key] = change.old
        return past

    def since(self, resource: str, revision: int) -> list[Change]:
        """The changes of a resource after a revision.

        :raises Compacted: the history does not reach back so far.
        """
        if revision < self.oldest:
            raise Compacted
        found = []
        for change in reversed(self._history):
            if change.revision <= revision:
                break
            if change.resource == resource:
                found.append(change)
        found.reverse()
        return found

    def _record(self, change: Change) -> None:
        self._history.append(change)
        while len(self._history) > self._limit:
            self.oldest = self._history.popleft().revision
        for subscription in self._subscriptions.get(change.resource, ()):
            subscription.push(change)

    def put(self, resource: str, obj: Object) -> Object:
        """Store the object as a new version, which is returned."""
        self.revision += 1
        obj = with_version(obj, self.revision)
        key = key_of(obj)
        objects = self._objects.setdefault(resource, {})
        old = objects.get(key)
        objects[key] = obj
        self._record(Change(self.revision, resource, key, old, obj))
        return obj

    def delete(self, resource: str, key: Key, last: Object | None = None) -> None:
        """Remove the object; ``last`` is its state at the end, when that was never stored."""
        old = self._objects[resource].pop(key)
        self.revision += 1
        self._record(Change(self.revision, resource, key, old, None, with_version(last or old, self.revision)))

    def compact(self) -> None:
        """Forget the history: an older resourceVersion cannot be resumed at any more."""
        self._history.clear()
        self.oldest = self.revision

    @contextmanager
    def subscribe(self, resource: str) -> Iterator[Subscription]:
        """A subscription to the changes of a resource, ended with the context."""
        # Not more than the history: what is forgotten here must still be there to be watched again.
        subscription = Subscription(self._limit)
        if self._closed:  # a client that watches again on a connection that is still open must not hold up the end
            subscription.close()
        subscribers = self._subscriptions.setdefault(resource, set())
        subscribers.add(subscription)
        try:
            yield subscription
        finally:
            subscribers.discard(subscription)

    @property
    def subscribers(self) -> int:
        """How many watches are open."""
        return sum(len(subscribers) for subscribers in self._subscriptions.values())

    @property
    def waiting(self) -> int:
        """How many changes wait for their watchers."""
        return sum(len(one) for subscribers in self._subscriptions.values() for one in subscribers)

    def close(self, resource: str | None = None) -> None:
        """End the subscriptions of a resource; without one all of them, and those that are still to come."""
        self._closed = self._closed or resource is None
        for name, subscribers in self._subscriptions.items():
            if resource in (None, name):
                for subscription in subscribers:
                    subscription.close()

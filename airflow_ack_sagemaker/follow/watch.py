"""Many followers, one stream: all that follow objects of one kind in one namespace share one list and watch.

The triggers of a triggerer are such followers. Each gets the latest state of its object, never a queue of old ones.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any, Self
from weakref import WeakKeyDictionary

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import Kind
from airflow_ack_sagemaker.follow.loop import Pulse, Scope
from airflow_ack_sagemaker.follow.policy import Settings
from airflow_ack_sagemaker.follow.shared import CollectionReader, Connect, NotSelected, ObjectReader, Prune, SharedWatch
from airflow_ack_sagemaker.kube.errors import Moved

WhichCluster = Callable[[], Awaitable[str]]
_DEFAULTS = Settings()
_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, SharedWatch]] = WeakKeyDictionary()


def without_bulk(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource without what is large and never looked at: the definition's text and the field lists of its
    managers. Of any shape: one object must not end what all follow.
    """
    metadata = dict(fields.metadata(resource))
    if isinstance(managers := metadata.get("managedFields"), list):
        metadata["managedFields"] = [
            {key: value for key, value in entry.items() if key != "fieldsV1"}
            for entry in managers
            if isinstance(entry, dict)
        ]
    spec = {key: value for key, value in fields.spec(resource).items() if key != "pipelineDefinition"}
    return {**resource, "metadata": metadata, "spec": spec}


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a follower reads: finds the shared stream, or begins it."""

    connect: Connect
    cluster: WhichCluster | None
    key: Hashable
    scope: Scope
    prune: Prune
    settings: Settings

    async def find(self) -> SharedWatch:
        """The stream for the cluster that the connection leads to now."""
        return self.watch(None if self.cluster is None else await self.cluster())

    def watch(self, digest: str | None = None) -> SharedWatch:
        """The stream of the running event loop. It ends with its last reader, so one must be made at once."""
        loop = asyncio.get_running_loop()
        watches = _shared.setdefault(loop, {})
        identity = (self.key, digest, self.scope, self.prune)
        if (found := watches.get(identity)) is not None:
            return found

        def drop() -> None:
            if watches.get(identity) is begun:
                del watches[identity]

        begun = watches[identity] = SharedWatch(
            self.connect, self.scope, self.prune, self.settings, cluster=digest, on_end=drop
        )
        begun.start(loop)
        return begun


class Follower:
    """The states of one object, see :func:`follow`: an asynchronous iterator that can also wait for a time only."""

    __slots__ = ("_moved", "_name", "_reader", "_server", "_source", "_uid")

    def __init__(self, source: _Source, name: str, uid: str | None = None, server: str | None = None) -> None:
        self._source = source
        self._name = name
        self._server = server
        self._reader = ObjectReader(source.watch(), name) if source.cluster is None else None
        self._uid = uid
        self._moved: Moved | None = None

    async def next(self, timeout: float | None = None) -> dict[str, Any] | None:
        """The next state: at first the present one.

        :raises TimeoutError: there was none within so many seconds.
        :raises KubeError: an error that waiting does not mend.
        """
        while True:
            if self._reader is None:
                async with asyncio.timeout(timeout):
                    watch = await self._source.find()
                self._reader = ObjectReader(watch, self._name)
            try:
                state = await self._reader.next(timeout)
                self._moved = self._moved or self._reader.moved_from(self._server)
            except NotSelected:
                # Somebody has taken the label away, or an admission webhook never let it through.
                await self.aclose()
                self._source = replace(self._source, scope=replace(self._source.scope, label_selector=""))
            except Moved as moved:
                await self.aclose()
                self._moved = moved
            else:
                return self._same(state)

    @property
    def deleted(self) -> dict[str, Any] | None:
        """The object as it was last when it was deleted, which a slow reader has not seen; None: it was not."""
        last = None if self._reader is None else self._reader.deleted
        return None if last is None else json.loads(last)

    def _same(self, state: dict[str, Any] | None) -> dict[str, Any] | None:
        """The state, unless it is that of something else: what another cluster does not have was not deleted."""
        uid = None if state is None else fields.uid(state)
        expected = self._uid is not None or self._server is not None
        lost = state is None or self._uid not in (None, uid)
        if self._moved is not None and expected and lost:
            raise Moved(
                f"{self._moved} There is no {self._source.scope.kind.singular}/{self._name} like the one that was "
                "followed; that one may still be where it was. Let the connection lead there until the task has ended."
            )
        self._uid = uid or self._uid
        return state

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Any] | None:
        return await self.next()

    async def aclose(self) -> None:
        """Stop following; again does nothing."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class CollectionFollower:
    """The objects of a collection, see :func:`follow_all`: an asynchronous iterator."""

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._reader = CollectionReader(source.watch()) if source.cluster is None else None
        self._before = Pulse()

    @property
    def pulse(self) -> Pulse:
        """How the stream fares."""
        return self._before if self._reader is None else self._reader.pulse

    def now(self, name: str) -> dict[str, Any] | None:
        """An object as the stream has shown it last; None where it is not there (any more)."""
        return None if self._reader is None else self._reader.now(name)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> dict[str, Any] | None:
        if self._reader is None:
            self._reader = CollectionReader(await self._source.find())
        return await anext(self._reader)

    async def aclose(self) -> None:
        """Stop reading; again does nothing."""
        if self._reader is not None:
            await self._reader.aclose()


def follow(
    connect: Connect,
    *,
    key: Hashable,
    kind: Kind,
    namespace: str | None,
    name: str,
    label_selector: str = "",
    cluster: WhichCluster | None = None,
    poll_interval: float | None = None,
    prune: Prune = without_bulk,
    settings: Settings = _DEFAULTS,
    uid: str | None = None,
    server: str | None = None,
) -> Follower:
    """The states of one object: as it is now, then at each change; None while it is not there. Never ends by itself.

    A slow reader misses intermediate states, never the latest. What passes by waiting is waited out; what does not is
    raised as `KubeError`. Close it (``contextlib.aclosing``) when you stop reading.

    :param connect: makes the client, off the event loop where it blocks. Called once for all followers that share, and
        again while the server refuses it; the client is closed when the last of them has left.
    :param key: what makes connections the same, for example the connection's id.
    :param cluster: digest of the cluster that the connection leads to now (``ClusterConfig.digest``): with another one
        a follower begins a stream of its own, so that one whose connection was pointed elsewhere meanwhile is not shown
        another cluster. None: the first follower decides for all.
    :param namespace: None is the connection's default.
    :param label_selector: ``key=value``: narrows the shared stream to the objects that the follower's is one of. One
        that turns out to lack the label is followed on the stream of all.
    :param poll_interval: seconds between lists where ``watch`` is forbidden; the first follower's counts.
    :param prune: the part of an object that followers see; it must keep ``metadata``'s name, uid and resourceVersion.
    :param server: where the object was seen before (``ClusterConfig.server``), and ``uid`` which one it was, if that
        is known: if the connection leads elsewhere by now, its absence there does not mean that it was deleted, and is
        `Moved`. None: it may never have been there.
    """
    if poll_interval is not None:
        settings = replace(settings, poll_interval=poll_interval)
    source = _Source(connect, cluster, key, Scope(kind, namespace, label_selector), prune, settings)
    return Follower(source, name, uid, server)


def follow_all(
    connect: Connect,
    *,
    key: Hashable,
    kind: Kind,
    namespace: str | None,
    label_selector: str = "",
    cluster: WhichCluster | None = None,
    poll_interval: float | None = None,
    prune: Prune = without_bulk,
    settings: Settings = _DEFAULTS,
) -> CollectionFollower:
    """The objects of a collection: each that is there now, then None once, then each that changes or is deleted.

    A deleted object is shown as it was last. A slow reader misses intermediate states; what it owes is bounded by the
    size of the collection. Parameters and errors are those of :func:`follow`, and so is the stream.
    """
    if poll_interval is not None:
        settings = replace(settings, poll_interval=poll_interval)
    return CollectionFollower(_Source(connect, cluster, key, Scope(kind, namespace, label_selector), prune, settings))

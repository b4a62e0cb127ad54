"""Many followers, one stream: all that follow objects of one kind in one namespace share one list and watch.

The triggers of a triggerer are such followers. Each gets the latest state of its object, never a queue of old ones.
Kept is one pruned object per name, as JSON, which takes a fifth of the memory that it takes as Python objects.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from airflow_ack_sagemaker.kube.client import AsyncKubeClient
from airflow_ack_sagemaker.kube.errors import KubeError, NotFound, Unreachable
from airflow_ack_sagemaker.kube.requests import WatchEvent
from airflow_ack_sagemaker.kube.stream import Change, Scope, Settings, changes
from airflow_ack_sagemaker.model.kinds import API_VERSION, Kind

log = logging.getLogger(__name__)

Connect = Callable[[], Awaitable[AsyncKubeClient]]
Prune = Callable[[dict[str, Any]], Mapping[str, Any]]
_DEFAULTS = Settings()
_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, _SharedWatch]] = WeakKeyDictionary()


def without_bulk(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource without what is large and never looked at: the definition's text and the field lists of its
    managers.
    """
    metadata = dict(resource.get("metadata") or {})
    if "managedFields" in metadata:
        metadata["managedFields"] = [
            {key: value for key, value in entry.items() if key != "fieldsV1"} for entry in metadata["managedFields"]
        ]
    spec = {key: value for key, value in (resource.get("spec") or {}).items() if key != "pipelineDefinition"}
    return {**resource, "metadata": metadata, "spec": spec}


async def follow(
    connect: Connect,
    *,
    key: Hashable,
    kind: Kind,
    namespace: str | None,
    name: str,
    label_selector: str = "",
    poll_interval: float | None = None,
    prune: Prune = without_bulk,
    settings: Settings = _DEFAULTS,
) -> AsyncGenerator[dict[str, Any] | None, None]:
    """The states of one object: as it is now, then at each change; None while it is not there. Never ends by itself.

    A slow reader misses intermediate states, never the latest. What passes by waiting is waited out; what does not is
    raised. Close the iterator (``contextlib.aclosing``) when you stop reading.

    :param connect: makes the client, off the event loop where it blocks. Called once for all followers that share; the
        client is closed when the last of them has left.
    :param key: what makes connections the same, for example the connection's id.
    :param namespace: None is the connection's default.
    :param label_selector: narrows the shared stream; the object must match it.
    :param poll_interval: seconds between lists where ``watch`` is forbidden; the first follower's counts.
    :param prune: the part of an object that followers see; it must keep ``metadata``'s name, uid and resourceVersion.
    :raises KubeError: an error that waiting does not mend.
    """
    if poll_interval is not None:
        settings = replace(settings, poll_interval=poll_interval)
    loop = asyncio.get_running_loop()
    watches = _shared.setdefault(loop, {})
    scope = Scope(kind, namespace, label_selector)
    identity = (key, scope, prune)
    watch = watches.get(identity)
    if watch is None:
        watch = watches[identity] = _SharedWatch(
            connect, scope, prune, settings, on_end=lambda: _drop(watches, identity, watch)
        )
        watch.start(loop)
    async with aclosing(watch.states(name)) as states:
        async for state in states:
            yield state


def _drop(watches: dict[Hashable, _SharedWatch], identity: Hashable, watch: _SharedWatch | None) -> None:
    if watches.get(identity) is watch:
        del watches[identity]


class _Follower:
    """One reader: whether there is something new for it, and how to wake it."""

    __slots__ = ("changed", "waiter")

    def __init__(self) -> None:
        self.changed = True
        self.waiter: asyncio.Future[None] | None = None

    def notify(self) -> None:
        self.changed = True
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def wait(self) -> None:
        if not self.changed:
            self.waiter = asyncio.get_running_loop().create_future()
            try:
                await self.waiter
            finally:
                self.waiter = None
        self.changed = False


class _SharedWatch:
    """One stream, the objects it has shown, and their readers."""

    def __init__(
        self, connect: Connect, scope: Scope, prune: Prune, settings: Settings, *, on_end: Callable[[], None]
    ) -> None:
        self._connect = connect
        self._scope = scope
        self._prune = prune
        self._settings = settings
        self._on_end = on_end
        self._objects: dict[str, bytes] = {}
        self._listed: set[str] = set()
        self._followers: dict[str, list[_Follower]] = {}
        self._synced: asyncio.Event = asyncio.Event()
        self._error: Exception | None = None
        self._client: AsyncKubeClient | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin the stream, in a context of its own: the first follower's must not outlive it (its log goes
        elsewhere).
        """
        self._task = loop.create_task(
            self._run(), name=f"watch of {self._scope.kind.plural}", context=contextvars.Context()
        )

    async def states(self, name: str) -> AsyncGenerator[dict[str, Any] | None, None]:
        """See :func:`follow`."""
        follower = _Follower()
        self._followers.setdefault(name, []).append(follower)
        try:
            await self._synced.wait()
            if self._error is None and name not in self._objects:
                await self._look_up(name)
            while True:
                await follower.wait()
                if self._error is not None:
                    raise copy.copy(self._error) from self._error.__cause__
                known = self._objects.get(name)
                yield None if known is None else json.loads(known)
        finally:
            others = self._followers[name]
            others.remove(follower)
            if not others:
                del self._followers[name]
            if not self._followers:
                self._end()

    def _end(self) -> None:
        self._on_end()
        if self._task is not None and self._error is None:  # with an error it is ending already
            self._task.cancel()

    async def _run(self) -> None:
        try:
            self._client = await self._connect()
            stream = changes(self._client, self._scope, self._settings)
            async with aclosing(stream) as source:
                async for change in source:
                    self._take(change)
        except Exception as error:
            if not isinstance(error, KubeError):
                log.debug("The watch of %s ended.", self._scope.kind.plural, exc_info=True)
            self._error = error
        finally:
            self._error = self._error or Unreachable(f"The watch of {self._scope.kind.plural} was cancelled.")
            self._on_end()
            self._synced.set()
            for followers in self._followers.values():
                for follower in followers:
                    follower.notify()
            if self._client is not None:
                await self._client.close()

    def _take(self, change: Change) -> None:
        if isinstance(change, WatchEvent):
            if change.type == "DELETED":
                self._remove(change.object["metadata"]["name"])
            else:
                self._put(change.object)
            return
        if change.first:
            self._listed = set()
        for item in change.items:
            self._listed.add(item["metadata"]["name"])
            self._put(item)
        if change.last:
            for name in self._objects.keys() - self._listed:
                self._remove(name)
            self._listed = set()
            self._synced.set()

    def _put(self, resource: dict[str, Any]) -> None:
        # The items of a list do not say what they are.
        resource.setdefault("apiVersion", API_VERSION)
        resource.setdefault("kind", self._scope.kind.kind)
        name = resource["metadata"]["name"]
        value = json.dumps(self._prune(resource), separators=(",", ":")).encode()
        if self._objects.get(name) != value:
            self._objects[name] = value
            self._notify(name)

    def _remove(self, name: str) -> None:
        if self._objects.pop(name, None) is not None:
            self._notify(name)

    def _notify(self, name: str) -> None:
        for follower in self._followers.get(name, ()):
            follower.notify()

    async def _look_up(self, name: str) -> None:
        """Ask for an object that the stream has not shown: it may be younger than what the stream has delivered."""
        client = self._client
        if client is None:
            return
        try:
            resource = await client.get(self._scope.kind, name, self._scope.namespace)
        except NotFound:
            return
        except KubeError as error:
            log.debug("%s Leaving it to the watch.", error)
            return
        if name not in self._objects:
            self._put(resource)

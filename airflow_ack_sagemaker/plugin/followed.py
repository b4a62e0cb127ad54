"""Kinds of a cluster that are followed for all viewers: a list and a watch per kind, in the API server's event loop.

They begin with the first request, end a minute after the last, and begin again after a failure, and when the connection
was edited.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import Kind
from airflow_ack_sagemaker.follow.shared import Prune
from airflow_ack_sagemaker.follow.watch import CollectionFollower, follow_all
from airflow_ack_sagemaker.kube.client import AsyncKubeClient
from airflow_ack_sagemaker.plugin.connections import EDITED_SECONDS, ServerAckHook, connection_digest
from airflow_ack_sagemaker.plugin.settings import ClusterSetting
from airflow_ack_sagemaker.plugin.trouble import Trouble, logged, trouble_of

log = logging.getLogger(__name__)

IDLE_SECONDS = 60.0
"""How long a cluster is still followed after its last viewer has gone."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
FRESH = 0.5
"""Seconds between two versions of what there is: in a busy cluster each change would make all answers anew."""
_LOOK = 5.0

T = TypeVar("T")


class Followed(Generic[T]):
    """The objects of one kind, each as what ``make`` makes of it. ``version`` changes when something has changed;
    ``error`` is why they are not followed now, None where they are.
    """

    def __init__(self, board: Following, kind: Kind, prune: Prune, make: Callable[[Mapping[str, Any], str], T]) -> None:
        self.items: dict[str, T] = {}
        self.version = 0
        self.loaded = False
        self.error: Trouble | None = None
        self._board = board
        self._kind = kind
        self._prune = prune
        self._make = make
        self._reader: CollectionFollower | None = None
        self._source: CollectionFollower | None = None
        self._logged: Trouble | None = None

    @property
    def trouble(self) -> Trouble | None:
        """Why the cluster cannot be read now."""
        if self.error is not None:
            return self.error
        pulse = self._reader.pulse if self._reader is not None else None
        return None if pulse is None or pulse.trouble is None else trouble_of(pulse.trouble)

    @property
    def age(self) -> float | None:
        """Seconds since the cluster was last heard."""
        heard = self._reader.pulse.heard if self._reader is not None else None
        return None if heard is None else max(time.monotonic() - heard, 0.0)

    def resource(self, name: str) -> dict[str, Any] | None:
        """The whole pruned object; None where there is none."""
        return None if self._source is None else self._source.now(name)

    async def follow(self) -> None:
        """Follow them until cancelled."""
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            reader = self._reader = follow_all(
                self._board.connect,
                key=("plugin", self._board.cluster.kubernetes_conn_id),
                kind=self._kind,
                namespace=self._board.cluster.namespace,
                prune=self._prune,
            )
            reader.pulse.listeners.append(self._turned)
            try:
                await self._read(reader)
            except Exception as error:
                # Whatever a connection or a cluster may raise: it is told to the viewers, and tried again.
                self.error = logged(trouble_of(error), before=self.error)
                self._board.changed()
            finally:
                reader.pulse.listeners.remove(self._turned)
                await reader.aclose()
            if time.monotonic() - began > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _turned(self) -> None:
        """There is trouble that is waited out, or none any more: the log has the words that viewers do not get."""
        trouble = self.trouble
        self._logged = trouble and logged(trouble, before=self._logged)
        self._board.changed()

    async def _read(self, reader: CollectionFollower) -> None:
        seen: set[str] | None = set()
        async for resource in reader:
            if resource is None:
                # All that is there now has been shown: what was there before and was not, is gone.
                for name in self.items.keys() - (seen or set()):
                    self._forget(name)
                seen, self._source, self.error = None, reader, None
                if not self.loaded:
                    self.loaded = True
                    self.version += 1
                self._board.changed()
                continue
            name = fields.name(resource)
            if seen is not None:
                seen.add(name)
            now = reader.now(name)
            if now is None:
                self._forget(name)
            else:
                self._keep(name, now)

    def _keep(self, name: str, resource: Mapping[str, Any]) -> None:
        try:
            item = self._make(resource, self._board.cluster.kubernetes_conn_id)
        except Exception:
            # One that nobody has foreseen must not hide all others.
            log.warning("%s %s cannot be shown.", self._kind.kind, name, exc_info=True)
            return
        if self.items.get(name) != item:
            self.items[name] = item
            self.version += 1

    def _forget(self, name: str) -> None:
        if self.items.pop(name, None) is not None:
            self.version += 1


class Following:
    """Some kinds of one configured cluster and namespace, followed as long as somebody looks: the base of what shows
    them. A subclass makes its ``followed`` before it calls `begin`.
    """

    followed: tuple[Followed[Any], ...] = ()

    def __init__(self, cluster: ClusterSetting) -> None:
        self.cluster = cluster
        self.namespace = cluster.namespace or ""
        self.token = secrets.token_hex(8)
        self._used = time.monotonic()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._said: set[str | None] = set()
        """What the connection has said whenever a client was made of it."""

    def begin(self) -> None:
        """Follow them from now on."""
        name = f"{type(self).__name__} of {self.cluster.kubernetes_conn_id}"
        self._task = asyncio.get_running_loop().create_task(self._live(), name=name)

    @property
    def ended(self) -> bool:
        """Whether nobody has looked for so long that they are not followed any more."""
        return self._task is not None and self._task.done()

    @property
    def loading(self) -> bool:
        """Whether the first list of some has not arrived yet."""
        return not all(one.loaded for one in self.followed)

    @property
    def trouble(self) -> Trouble | None:
        """Why the cluster cannot be read now, with its name."""
        return self.trouble_of(*self.followed)

    @property
    def versions(self) -> tuple[int, ...]:
        """They change with everything that is there."""
        return (*(one.version for one in self.followed), self.loading)

    def trouble_of(self, *followed: Followed[Any]) -> Trouble | None:
        """Why some of them cannot be read now, with the cluster's name."""
        trouble = next((one.trouble for one in followed if one.trouble is not None), None)
        return trouble and trouble.of(self.cluster.kubernetes_conn_id)

    def touch(self) -> None:
        """Somebody looks."""
        self._used = time.monotonic()

    async def wait(self, seconds: float) -> None:
        """Wait until all is there, or cannot be read, for so long at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.loading and self.trouble is None:
                    event = self._changed
                    await event.wait()

    def changed(self) -> None:
        """What has been waited for may be there: the first list, or why there is none."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def connect(self) -> AsyncKubeClient:
        """A new client."""
        said = set()
        with contextlib.suppress(Exception):  # the client, which reads it, too, has better words for it
            # Before that: an edit between the two is seen later, and not never.
            said.add(await self._connection())
        client = await ServerAckHook(self.cluster.kubernetes_conn_id, self.cluster.aws_conn_id).get_async_conn()
        self.namespace = self.cluster.namespace or client.namespace
        # Only now there is something that a later edit is to let go.
        self._said |= said
        return client

    async def close(self) -> None:
        """End following."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def let_go(self) -> None:
        """Nothing is followed any more."""

    async def _live(self) -> None:
        try:
            while time.monotonic() - self._used < IDLE_SECONDS:
                followers = [asyncio.get_running_loop().create_task(one.follow()) for one in self.followed]
                try:
                    await self._stays()
                finally:
                    for follower in followers:
                        follower.cancel()
                    await asyncio.gather(*followers, return_exceptions=True)
                self._said.clear()
                await self.let_go()
        finally:
            await self.let_go()

    async def _stays(self) -> None:
        """Return once nobody looks any more, or the connection was edited."""
        read = time.monotonic()
        while time.monotonic() - self._used < IDLE_SECONDS:
            await asyncio.sleep(_LOOK)
            if time.monotonic() - read >= EDITED_SECONDS:
                if await self._edited():
                    log.info("Connection %s was edited: it is read again.", self.cluster.kubernetes_conn_id)
                    return
                read = time.monotonic()

    async def _edited(self) -> bool:
        try:
            return not self._said <= {await self._connection()}
        except Exception:  # of Airflow's database, for instance: what was read before still holds
            return False

    async def _connection(self) -> str | None:
        # Not one of the pages' threads: it waits for Airflow's database.
        return await asyncio.to_thread(connection_digest, self.cluster.kubernetes_conn_id)

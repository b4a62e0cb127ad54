"""What the clusters have, read once for all viewers: a list and a watch per kind, in the API server's event loop.

They begin with the first request, end a minute after the last, and begin again after a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Generic, TypeVar

from airflow_ack_sagemaker.core.definition.digest import digest_of
from airflow_ack_sagemaker.core.pages.executions import Place, Row, row_of, usual_durations
from airflow_ack_sagemaker.core.pages.health import Health, health_of
from airflow_ack_sagemaker.core.pages.pipelines import PipelineRow, pipeline_row
from airflow_ack_sagemaker.core.pages.pipelines import prune as pruned_pipeline
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION, Kind
from airflow_ack_sagemaker.follow.shared import Prune
from airflow_ack_sagemaker.follow.watch import CollectionFollower, follow_all, without_bulk
from airflow_ack_sagemaker.kube.client import AsyncKubeClient
from airflow_ack_sagemaker.plugin.connections import ServerAckHook
from airflow_ack_sagemaker.plugin.masker import MASKER
from airflow_ack_sagemaker.plugin.settings import Cluster
from airflow_ack_sagemaker.plugin.single_flight import Pace, SingleFlight

log = logging.getLogger(__name__)

IDLE_SECONDS = 60.0
"""How long a cluster is still followed after its last viewer has gone."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
PACE = 0.7
"""Seconds between single requests to a cluster, for all viewers together. With the watches: less than two a second."""
FRESH = 0.5
"""Seconds between two versions of what there is: in a busy cluster each change would make all answers anew."""
_LOOK = 5.0
_DEFINITIONS = 64

T = TypeVar("T")


def prune_pipeline(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A Pipeline with the digest of its definition in place of the text."""
    return pruned_pipeline(resource, digest_of)


class Followed(Generic[T]):
    """The objects of one kind, each as what ``make`` makes of it. ``version`` changes when something has changed;
    ``error`` is why they are not followed now, None where they are.
    """

    def __init__(self, board: Board, kind: Kind, prune: Prune, make: Callable[[Mapping[str, Any], str], T]) -> None:
        self.items: dict[str, T] = {}
        self.version = 0
        self.loaded = False
        self.error: str | None = None
        self._board = board
        self._kind = kind
        self._prune = prune
        self._make = make
        self._reader: CollectionFollower | None = None
        self._source: CollectionFollower | None = None

    @property
    def trouble(self) -> str | None:
        """Why the cluster cannot be read now."""
        if self.error is not None:
            return self.error
        pulse = self._reader.pulse if self._reader is not None else None
        return None if pulse is None or pulse.trouble is None else MASKER.text(str(pulse.trouble))

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
            try:
                await self._read(reader)
            except Exception as error:
                # Whatever a connection or a cluster may raise: it is told to the viewers, and tried again.
                said = MASKER.text(str(error) or type(error).__name__)
                if said != self.error:
                    log.warning("The pages cannot follow %s: %s", self._kind.plural, said)
                self.error = said
            finally:
                await reader.aclose()
            if time.monotonic() - began > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

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


@dataclass(frozen=True, slots=True)
class Look:
    """What a board has at one moment. ``usual``: the usual durations by pipeline, in seconds."""

    versions: tuple[int, int, bool]
    taken: float
    loaded: bool
    executions: tuple[Row, ...]
    pipelines: tuple[PipelineRow, ...]
    usual: Mapping[Place, float]


class Board:
    """One configured cluster and namespace. ``state`` changes with everything that a viewer can see."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.executions: Followed[Row] = Followed(self, PIPELINE_EXECUTION, without_bulk, row_of)
        self.pipelines: Followed[PipelineRow] = Followed(self, PIPELINE, prune_pipeline, pipeline_row)
        self.namespace = cluster.namespace or ""
        self.definitions: SingleFlight[str | None] = SingleFlight(_DEFINITIONS)
        self._token = secrets.token_hex(8)
        self._pace = Pace(PACE)
        self._used = time.monotonic()
        self._client: AsyncKubeClient | None = None
        self._connecting = asyncio.Lock()
        self._look: Look | None = None
        self._health: tuple[object, Health] | None = None
        self._task = asyncio.get_running_loop().create_task(self._live(), name=f"board of {cluster.kubernetes_conn_id}")

    @property
    def ended(self) -> bool:
        """Whether nobody has looked for so long that it is not followed any more."""
        return self._task.done()

    @property
    def loading(self) -> bool:
        """Whether the first list has not arrived yet."""
        return not (self.executions.loaded and self.pipelines.loaded)

    @property
    def trouble(self) -> str | None:
        """Why the cluster cannot be read now, with its name."""
        trouble = self.executions.trouble or self.pipelines.trouble
        return trouble and f"{self.cluster.kubernetes_conn_id}: {trouble}"

    @property
    def now(self) -> Look:
        """What there is, not older than half a second."""
        look, versions = self._look, (self.executions.version, self.pipelines.version, self.loading)
        if look is None or (look.versions != versions and (time.monotonic() - look.taken > FRESH or not look.loaded)):
            rows = tuple(self.executions.items.values())
            pipelines = tuple(self.pipelines.items.values())
            look = self._look = Look(
                versions, time.monotonic(), not self.loading, rows, pipelines, usual_durations(rows)
            )
        return look

    @property
    def state(self) -> tuple[object, ...]:
        """What the answers to viewers depend on."""
        return (self._token, self.now.versions, self.trouble)

    @property
    def health(self) -> Health:
        """How the controller fares, not older than a second."""
        now, look = datetime.now(timezone.utc).replace(microsecond=0), self.now
        known = look.loaded and self.trouble is None
        if self._health is None or self._health[0] != (look.versions, now, known):
            found = health_of(look.executions, look.pipelines, now=now, known=known)
            self._health = ((look.versions, now, known), found)
        return self._health[1]

    def touch(self) -> None:
        """Somebody looks."""
        self._used = time.monotonic()

    async def wait(self, seconds: float) -> None:
        """Wait until all is there, or cannot be read, for so long at most."""
        end = time.monotonic() + seconds
        while self.loading and self.trouble is None and time.monotonic() < end:
            await asyncio.sleep(0.02)

    async def connect(self) -> AsyncKubeClient:
        """A new client."""
        client = await ServerAckHook(self.cluster.kubernetes_conn_id).get_async_conn()
        self.namespace = self.cluster.namespace or client.namespace
        return client

    async def client(self) -> AsyncKubeClient:
        """The client for single requests."""
        async with self._connecting:
            if self._client is None:
                self._client = await self.connect()
        return self._client

    async def definition(self, pipeline: PipelineRow) -> str | None:
        """The text of a pipeline's definition, None where it has none: one request, however many ask.

        :raises NotYet: ask again later.
        :raises KubeError: the cluster refuses it or cannot be asked.
        """

        async def fetch() -> str | None:
            client = await self.client()
            await self._pace.turn()
            resource = await client.get(PIPELINE, pipeline.name, pipeline.namespace)
            return fields.text(fields.spec(resource), "pipelineDefinition")

        # By digest rather than by version: each status that is written makes another version.
        return await self.definitions.get((pipeline.uid, pipeline.text_sha256), fetch, seconds=3600, wait_seconds=0.5)

    async def close(self) -> None:
        """End following."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _live(self) -> None:
        followers = [
            asyncio.get_running_loop().create_task(followed.follow()) for followed in (self.executions, self.pipelines)
        ]
        try:
            while time.monotonic() - self._used < IDLE_SECONDS:
                await asyncio.sleep(_LOOK)
        finally:
            for follower in followers:
                follower.cancel()
            await asyncio.gather(*followers, return_exceptions=True)
            if self._client is not None:
                await self._client.close()


class Boards:
    """The boards of the configured clusters, in one event loop."""

    def __init__(self) -> None:
        self._boards: dict[Cluster, Board] = {}

    def of(self, cluster: Cluster) -> Board:
        """The board of a cluster, which is followed from now on."""
        board = self._boards.get(cluster)
        if board is None or board.ended:
            board = self._boards[cluster] = Board(cluster)
        board.touch()
        return board

"""What the clusters have, read once for all viewers."""

from __future__ import annotations

import time
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, TypeVar

from airflow_ack_sagemaker.core.pages.executions import Row, row_of
from airflow_ack_sagemaker.core.pages.health import Health, health_of
from airflow_ack_sagemaker.core.pages.index import Index
from airflow_ack_sagemaker.core.pages.pipelines import PipelineRow, pipeline_row
from airflow_ack_sagemaker.core.pages.pipelines import prune as prune_pipeline
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, PIPELINE_EXECUTION
from airflow_ack_sagemaker.follow.watch import without_bulk
from airflow_ack_sagemaker.kube.client import AsyncKubeClient
from airflow_ack_sagemaker.plugin.connected import Connected
from airflow_ack_sagemaker.plugin.followed import FRESH, Followed, Following
from airflow_ack_sagemaker.plugin.masker import MASKER
from airflow_ack_sagemaker.plugin.settings import ClusterSetting
from airflow_ack_sagemaker.plugin.shelf import Shelf
from airflow_ack_sagemaker.plugin.single_flight import Pace, SingleFlight
from airflow_ack_sagemaker.plugin.threads import in_thread

PACE = 0.7
"""Seconds between single requests to a cluster, for all viewers together. With the watches: less than two a second."""
_DEFINITIONS = 64

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Look:
    """What a board has at one moment."""

    versions: tuple[int, ...]
    taken: float
    loaded: bool
    executions: tuple[Row, ...]
    pipelines: tuple[PipelineRow, ...]
    _indexed: list[Index] = field(default_factory=list, compare=False, repr=False)

    def index(self) -> Index:
        """The executions, to be looked up. For a thread: the first call goes through all of them."""
        if not self._indexed:
            self._indexed.append(Index(self.executions))
        return self._indexed[0]


class Board(Following):
    """The pipelines of one cluster and namespace. ``state`` changes with everything that a viewer can see."""

    def __init__(self, cluster: ClusterSetting) -> None:
        super().__init__(cluster)
        self.executions: Followed[Row] = Followed(self, PIPELINE_EXECUTION, without_bulk, _masked_row)
        self.pipelines: Followed[PipelineRow] = Followed(self, PIPELINE, prune_pipeline, pipeline_row)
        self.followed = (self.executions, self.pipelines)
        self.definitions: SingleFlight[bytes | None] = SingleFlight(_DEFINITIONS)
        self._pace = Pace(PACE)
        self._connected = Connected(self.connect)
        self._look: Look | None = None
        self._health: tuple[object, Health] | None = None
        self.begin()

    @property
    def now(self) -> Look:
        """What there is, not older than half a second."""
        look, versions = self._look, self.versions
        if look is None or (look.versions != versions and (time.monotonic() - look.taken > FRESH or not look.loaded)):
            rows = tuple(self.executions.items.values())
            pipelines = tuple(self.pipelines.items.values())
            look = self._look = Look(versions, time.monotonic(), not self.loading, rows, pipelines)
        return look

    @property
    def state(self) -> tuple[object, ...]:
        """What the answers to viewers depend on."""
        return (self.token, self.now.versions, self.trouble, MASKER.version)

    @property
    def health(self) -> Health:
        """How the controller fares, not older than a second. For a thread: it goes through all that there is."""
        now, look = datetime.now(timezone.utc).replace(microsecond=0), self.now
        known = look.loaded and self.trouble is None
        if self._health is None or self._health[0] != (look.versions, now, known):
            found = health_of(look.executions, look.pipelines, now=now, known=known)
            self._health = ((look.versions, now, known), found)
        return self._health[1]

    async def call(self, request: Callable[[AsyncKubeClient], Awaitable[T]]) -> T:
        """What a single request gives, with a credential that holds."""
        return await self._connected.call(request)

    async def definition(self, pipeline: PipelineRow) -> str | None:
        """The text of a pipeline's definition, None where it has none: one request, however many ask.

        :raises NotYet: ask again later.
        :raises KubeError: the cluster refuses it or cannot be asked.
        """

        async def fetch() -> bytes | None:
            await self._pace.turn()
            resource = await self.call(lambda client: client.get(PIPELINE, pipeline.name, pipeline.namespace))
            text = fields.text(fields.spec(resource), "pipelineDefinition")
            return None if text is None else await in_thread(_packed, text)

        # By digest rather than by version: each status that is written makes another version.
        packed = await self.definitions.get((pipeline.uid, pipeline.text_sha256), fetch, seconds=3600, wait_seconds=0.5)
        return None if packed is None else await in_thread(_unpacked, packed)

    async def let_go(self) -> None:
        """Nobody looks any more."""
        await self._connected.close()


def _masked_row(resource: Mapping[str, Any], cluster: str) -> Row:
    """The row, whose reason has no secret: it is searched, and a search that finds is an answer, too."""
    row = row_of(resource, cluster)
    return replace(row, reason=MASKER.cut(row.reason))


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 1)


def _unpacked(packed: bytes) -> str:
    return zlib.decompress(packed).decode("utf-8", "surrogatepass")


class Boards:
    """The boards of the configured clusters, in one event loop."""

    def __init__(self) -> None:
        self._boards: dict[ClusterSetting, Board] = {}
        self._shelves: dict[ClusterSetting, Shelf] = {}

    def of(self, cluster: ClusterSetting) -> Board:
        """The board of a cluster, which is followed from now on."""
        board = self._boards.get(cluster)
        if board is None or board.ended:
            board = self._boards[cluster] = Board(cluster)
        board.touch()
        return board

    def shelf_of(self, cluster: ClusterSetting) -> Shelf:
        """The models and endpoints of a cluster, which are followed from now on."""
        shelf = self._shelves.get(cluster)
        if shelf is None or shelf.ended:
            shelf = self._shelves[cluster] = Shelf(cluster)
        shelf.touch()
        return shelf

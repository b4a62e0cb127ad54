"""Following without end, as a generator of effects: list, watch from there, list again where the policy says so.

The loop decides and two drivers perform: `.stream` awaits, `.blocking` blocks. What an error means stands in
`.policy` alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from airflow_ack_sagemaker import metrics
from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, PIPELINE, Kind
from airflow_ack_sagemaker.follow.policy import ErrorPolicy, Phase, Settings, Turn
from airflow_ack_sagemaker.kube.answers import ResourceList, WatchEvent
from airflow_ack_sagemaker.kube.errors import KubeError, NotFound, TooLarge
from airflow_ack_sagemaker.kube.requests import OBJECT_BYTES, PAGE_SIZE

log = logging.getLogger(__name__)

PAGE_BYTES = 8 << 20
"""What of a list is read and decoded at once: four Pipelines of the largest size, or some thousand executions."""
_SMALLER = 8
_WORTH_A_LINE = 5
"""Failures in a row: a watch that says nothing for long breaks once and is begun again."""

LONG_PAUSE = 10.0
"""Seconds of a pause that is told, as where a server asks for it: nothing waits for long without a word."""


class Selectors(TypedDict):
    """What a list and a watch are limited to; "" does not limit."""

    label_selector: str
    field_selector: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What is followed. ``namespace`` None is the connection's default, "" all namespaces; ``label_selector`` is
    ``key=value``, or several with commas; ``name``: only the object of this name.
    """

    kind: Kind
    namespace: str | None
    label_selector: str = ""
    name: str = ""

    @property
    def selectors(self) -> Selectors:
        """The part of the collection that the server is asked for."""
        return {
            "label_selector": self.label_selector,
            "field_selector": f"metadata.name={self.name}" if self.name else "",
        }

    @property
    def page_size(self) -> int:
        """Objects in one page: few of a Pipeline, whose definition can have a megabyte."""
        return 4 if self.kind is PIPELINE else PAGE_SIZE

    def selects(self, resource: Mapping[str, Any]) -> bool:
        """Whether the resource has the labels of the selector, of which only ``key=value`` is understood."""
        wanted = (requirement.partition("=") for requirement in self.label_selector.split(",") if requirement)
        return all(fields.label(resource, key) == value for key, _, value in wanted)

    def typed(self, item: dict[str, Any]) -> dict[str, Any]:
        """The object with its kind: the items of a list do not say what they are."""
        item.setdefault("apiVersion", API_VERSION)
        item.setdefault("kind", self.kind.kind)
        return item


@dataclass(frozen=True, slots=True)
class Page:
    """Objects of a list in progress; ``first`` begins it, ``last`` completes it: what was in no page is not there."""

    items: list[dict[str, Any]]
    first: bool
    last: bool


Change = Page | WatchEvent


class Pulse:
    """How following fares: ``heard`` is when the server was last heard (``time.monotonic``; None: never), ``trouble``
    the error that is being waited out (None: there is none).
    """

    __slots__ = ("_trouble", "heard", "listeners")

    def __init__(self) -> None:
        self.heard: float | None = None
        self.listeners: list[Callable[[], None]] = []
        """What is called when there is trouble, or none any more."""
        self._trouble: KubeError | None = None

    @property
    def trouble(self) -> KubeError | None:
        """The error that is being waited out."""
        return self._trouble

    @trouble.setter
    def trouble(self, error: KubeError | None) -> None:
        changed, self._trouble = error is not self._trouble, error
        if changed:
            for listener in self.listeners:
                listener()

    def beat(self) -> None:
        """The server was heard: an object, a bookmark, or that it accepted a watch."""
        self.heard, self.trouble = time.monotonic(), None


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Read the connection again and go on with what it says now."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """Ask for one page of ``limit`` objects and ``most`` bytes; the answer is a `ResourceList`."""

    page: str
    limit: int
    most: int


@dataclass(frozen=True, slots=True)
class Look:
    """Ask for the one object; the answer is the object."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Open a watch. `NextEvent` follows."""

    version: str
    seconds: float


@dataclass(frozen=True, slots=True)
class NextEvent:
    """Read the open watch; the answer is a `WatchEvent`, or None when the server has ended it."""


@dataclass(frozen=True, slots=True)
class Show:
    """Show the follower a change."""

    change: Change


Effect = Pause | Reconnect | ListPage | Look | Watch | NextEvent | Show
Steps = Generator[Effect, Any, None]


class Loop:
    """Following one scope. Errors of an effect are thrown into `steps`, which raises those that waiting does not mend.

    :param pulse: is told how it fares.
    """

    def __init__(self, scope: Scope, settings: Settings, pulse: Pulse | None = None) -> None:
        self.pulse = pulse or Pulse()
        self._scope = scope
        self._settings = settings
        self._page_size = scope.page_size
        self._policy = ErrorPolicy(settings, by_name=bool(scope.name))
        self._version = ""
        self._troubled = self._polled = False

    def opened(self) -> None:
        """The server has accepted the watch."""
        self._policy.opened(self._settings.clock())
        self._beat()

    def steps(self) -> Steps:
        """For ever.

        :raises KubeError: an error that does not pass by waiting.
        """
        turn = self._policy.begin()
        while True:
            if turn.pause:
                yield Pause(turn.pause)
            if turn.reconnect:
                yield Reconnect()
            try:
                turn = yield from self._take(turn.phase)
            except KubeError as error:
                turn = self._failed(error, turn)

    def _take(self, phase: Phase) -> Generator[Effect, Any, Turn]:
        if phase is Phase.WATCH:
            return (yield from self._watch())
        yield from self._look() if phase is Phase.POLL and self._scope.name else self._list()
        return self._policy.listed(self._settings.clock())

    def _list(self) -> Steps:
        page, first = "", True
        while first or page:
            listed = yield from self._listed(page)
            page = listed.next_page
            if first and _older(listed.resource_version, self._version):
                log.warning(
                    "The versions of %s went back from %s to %s: the cluster was restored from a backup.",
                    self._scope.kind.plural,
                    self._version,
                    listed.resource_version,
                )
            self._version = listed.resource_version
            self._beat()
            if first:
                metrics.listed(self._scope.kind.kind)
            yield Show(Page([self._scope.typed(item) for item in listed.items if fields.name(item)], first, not page))
            first = False

    def _listed(self, page: str) -> Generator[Effect, Any, ResourceList]:
        """One page, of fewer objects where they are larger than usual: it is decoded in one go on the event loop."""
        while True:
            limit = self._page_size
            try:
                listed: ResourceList = yield ListPage(page, limit, PAGE_BYTES if limit > 1 else OBJECT_BYTES)
            except TooLarge:
                if limit == 1:
                    raise
                self._page_size = max(limit // _SMALLER, 1)
            else:
                return listed

    def _look(self) -> Steps:
        try:
            items = [self._scope.typed((yield Look()))]
        except NotFound:
            items = []
        self._beat()
        yield Show(Page(items, first=True, last=True))

    def _watch(self) -> Generator[Effect, Any, Turn]:
        clock = self._settings.clock
        yield Watch(self._version, self._policy.watch_seconds(clock()))
        while (event := (yield NextEvent())) is not None:
            version = fields.version(event.object) or self._version
            if _older(version, self._version):
                log.warning("The versions of %s went back: listing all again.", self._scope.kind.plural)
                self._version = version
                return self._policy.went_back(clock())
            self._version = version
            self._policy.heard()
            self._beat()
            if event.type != "BOOKMARK" and fields.name(event.object):
                yield Show(WatchEvent(event.type, self._scope.typed(event.object)))
        return self._policy.ended(clock())

    def _failed(self, error: KubeError, before: Turn) -> Turn:
        turn = self._policy.failed(error, self._settings.clock())
        self.pulse.trouble = error
        if turn.phase is Phase.POLL and before.phase is not Phase.POLL:
            if not self._polled:
                log.warning("%s Looking every %.0f s instead.", error, self._settings.poll_interval)
            self._polled = True
        elif not self._troubled and (turn.reconnect or self._policy.failures >= _WORTH_A_LINE):
            self._troubled = True
            log.warning("%s Trying again.", error)
        elif turn.pause >= LONG_PAUSE:
            log.info("%s Trying again in %.0f s.", error, turn.pause)
        else:
            log.debug("%s Next: %s in %.1f s.", error, turn.phase, turn.pause)
        return turn

    def _beat(self) -> None:
        self.pulse.beat()
        if self._troubled:
            self._troubled = False
            log.info("%s are followed again.", self._scope.kind.plural)


def _older(version: str, than: str) -> bool:
    """Whether a version is from before another one.

    Versions of one kind are numbers that grow (Kubernetes 1.35, KEP 5504); what is none cannot be compared.
    """
    return version.isdecimal() and than.isdecimal() and int(version) < int(than)

"""Following without end, as a generator of effects: list, watch from there, list again where the policy says so.

The loop decides and two drivers perform: `.stream` awaits, `.blocking` blocks. What an error means stands in
`.policy` alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, PIPELINE, Kind
from airflow_ack_sagemaker.follow.policy import Policy, Settings, Step, Turn
from airflow_ack_sagemaker.kube.answers import ResourceList, WatchEvent
from airflow_ack_sagemaker.kube.errors import KubeError, NotFound
from airflow_ack_sagemaker.kube.requests import PAGE_SIZE

log = logging.getLogger(__name__)

_WORTH_A_LINE = 5
"""Failures in a row: a watch that says nothing for long breaks once and is begun again."""


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
    def field_selector(self) -> str:
        """Selects by name."""
        return f"metadata.name={self.name}" if self.name else ""

    @property
    def page_size(self) -> int:
        """Objects in one page: few of a Pipeline, whose definition can have a megabyte."""
        return 20 if self.kind is PIPELINE else PAGE_SIZE

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

    __slots__ = ("heard", "trouble")

    def __init__(self) -> None:
        self.heard: float | None = None
        self.trouble: KubeError | None = None

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
    """Ask for one page; the answer is a `ResourceList`."""

    page: str


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
        self._policy = Policy(settings, by_name=bool(scope.name))
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
                turn = yield from self._take(turn.step)
            except KubeError as error:
                turn = self._failed(error, turn)

    def _take(self, step: Step) -> Generator[Effect, Any, Turn]:
        if step is Step.WATCH:
            return (yield from self._watch())
        yield from self._look() if step is Step.POLL and self._scope.name else self._list()
        return self._policy.listed(self._settings.clock())

    def _list(self) -> Steps:
        page, first = "", True
        while first or page:
            listed: ResourceList = yield ListPage(page)
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
            yield Show(Page([self._scope.typed(item) for item in listed.items if fields.name(item)], first, not page))
            first = False

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
        if turn.step is Step.POLL and before.step is not Step.POLL:
            if not self._polled:
                log.warning("%s Looking every %.0f s instead.", error, self._settings.poll_interval)
            self._polled = True
        elif not self._troubled and (turn.reconnect or self._policy.failures >= _WORTH_A_LINE):
            self._troubled = True
            log.warning("%s Trying again.", error)
        else:
            log.debug("%s Next: %s in %.1f s.", error, turn.step, turn.pause)
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

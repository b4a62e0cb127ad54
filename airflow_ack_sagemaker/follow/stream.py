"""Following a whole collection without end: three generators, one on top of the other.

:func:`watch_once` is one watch; :func:`list_and_watch` is one list and the watches after it, until the version is too
old (410);
:func:`changes` lists again then, waits out what passes, and ends only with an error that will not pass. Where
``watch`` is forbidden, lists replace it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import PIPELINE, Kind
from airflow_ack_sagemaker.kube.base_client import INACTIVITY
from airflow_ack_sagemaker.kube.client import AsyncKubeClient
from airflow_ack_sagemaker.kube.errors import (
    ApiError,
    ConfigError,
    CredentialsError,
    Forbidden,
    Gone,
    KubeError,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from airflow_ack_sagemaker.kube.requests import PAGE_SIZE, WatchEvent

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is followed. ``namespace`` None is the connection's default, "" all namespaces; ``label_selector`` is
    ``key=value``, or several with commas.
    """

    kind: Kind
    namespace: str | None
    label_selector: str = ""

    @property
    def page_size(self) -> int:
        """Objects in one page: few of a Pipeline, whose definition can have a megabyte."""
        return 4 if self.kind is PIPELINE else PAGE_SIZE

    def selects(self, resource: Mapping[str, Any]) -> bool:
        """Whether the resource has the labels of the selector, of which only ``key=value`` is understood."""
        labels = (resource.get("metadata") or {}).get("labels") or {}
        wanted = (requirement.partition("=") for requirement in self.label_selector.split(",") if requirement)
        return all(labels.get(key) == value for key, _, value in wanted)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the stream is held: times in seconds.

    A watch lasts ``watch_seconds`` to twice that (the server ends it; a random share keeps many clients apart, as in
    client-go). Errors that may pass are met with pauses of ``first_pause`` doubling to ``longest_pause``;
    ``max_refusals`` is how many in a row a refused credential, or a permission that was there before, may last.
    """

    watch_seconds: float = 300.0
    inactivity: float = INACTIVITY
    poll_interval: float = 30.0
    first_pause: float = 0.25
    longest_pause: float = 30.0
    max_refusals: int = 6
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Page:
    """Objects of a list in progress; ``first`` begins it, ``last`` completes it: what was in no page is not there."""

    items: list[dict[str, Any]]
    first: bool
    last: bool


Change = Page | WatchEvent


class Pulse:
    """How a stream fares: ``heard`` is when the server was last heard (``time.monotonic``; None: never), ``trouble``
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


class Backoff:
    """Growing pauses; :meth:`reset` after a success."""

    def __init__(self, settings: Settings, pulse: Pulse | None = None) -> None:
        self._settings = settings
        self.pulse = pulse or Pulse()
        self.failures = 0

    def reset(self) -> None:
        """Start from the shortest pause again."""
        self.failures = 0

    async def wait(self, error: KubeError | None = None) -> None:
        """Sleep for the next pause, or as long as the server asked for if that is more."""
        self.pulse.trouble = error or self.pulse.trouble
        settings = self._settings
        pause = min(settings.longest_pause, settings.first_pause * 2 ** min(self.failures, 20))
        self.failures += 1
        asked = error.retry_after if isinstance(error, ApiError) else None
        await settings.sleep(max(pause * (0.5 + 0.5 * settings.jitter()), asked or 0.0))


async def watch_once(
    client: AsyncKubeClient, scope: Scope, version: str, settings: Settings, opened: Callable[[], None] | None = None
) -> AsyncGenerator[WatchEvent, None]:
    """One watch, until the server ends it. ``opened`` is called when the server has accepted it.

    :raises Unreachable: it broke, or was silent for too long.
    :raises Gone: ``version`` is too old.
    """
    events = client.watch(
        scope.kind,
        scope.namespace,
        resource_version=version,
        label_selector=scope.label_selector,
        timeout_seconds=int(settings.watch_seconds * (1 + settings.jitter())),
        inactivity=settings.inactivity,
        opened=opened,
    )
    async with aclosing(events) as stream:
        async for event in stream:
            yield event


async def list_and_watch(
    client: AsyncKubeClient, scope: Scope, settings: Settings, backoff: Backoff
) -> AsyncGenerator[Change, None]:
    """A list, then watches from where it or the last event was; a lost connection costs a watch, not a list.

    :raises Gone: list again.
    """
    version = page = ""
    first = True
    while first or page:
        listed = await client.list_page(
            scope.kind, scope.namespace, label_selector=scope.label_selector, page=page, limit=scope.page_size
        )
        page, version = listed.next_page, listed.resource_version
        backoff.pulse.beat()
        yield Page(listed.items, first, not page)
        first = False
    while True:
        started, seen = time.monotonic(), False
        try:
            async with aclosing(watch_once(client, scope, version, settings, backoff.pulse.beat)) as events:
                async for event in events:
                    seen = True
                    backoff.reset()
                    backoff.pulse.beat()
                    version = str((event.object.get("metadata") or {}).get("resourceVersion") or version)
                    if event.type != "BOOKMARK":
                        yield event
        except (Unreachable, ServerError, TooManyRequests) as error:
            log.debug("%s Watching again from version %s.", error, version)
            await backoff.wait(error)
        else:
            if seen or time.monotonic() - started > 1.0:
                backoff.reset()
            else:
                await backoff.wait()  # something closes every watch at once: do not spin


async def changes(
    client: AsyncKubeClient, scope: Scope, settings: Settings, pulse: Pulse | None = None
) -> AsyncGenerator[Change, None]:
    """The collection for ever.

    :param pulse: is told how the stream fares.
    :raises KubeError: an error that does not pass by waiting: not allowed, kind not installed, credential refused for
    good.
    """
    backoff = Backoff(settings, pulse)
    refusals, listed_before, polling = 0, False, False
    while True:
        source = poll(client, scope, settings, backoff) if polling else list_and_watch(client, scope, settings, backoff)
        polling, listing = False, True
        try:
            async with aclosing(source) as stream:
                async for change in stream:
                    if isinstance(change, Page) and change.last:
                        listing, listed_before = False, True
                        refusals = 0
                    yield change
        except Gone:
            await backoff.wait()
        except (Unreachable, ServerError, TooManyRequests) as error:
            log.debug("%s Listing again.", error)
            await backoff.wait(error)
        except Forbidden as error:
            if not listing:
                log.warning("%s Looking every %.0f s instead.", error, settings.poll_interval)
                polling = True
                continue
            refusals += 1
            if not listed_before or refusals >= settings.max_refusals:
                raise
            await backoff.wait(error)
        except (Unauthorized, CredentialsError) as error:
            # A credential can be refused for a moment: a plugin without network, a token that is just being rotated.
            refusals += 1
            if refusals >= settings.max_refusals:
                raise
            log.warning("%s Trying again.", error)
            await backoff.wait(error)
        except (ApiError, ConfigError) as error:
            refusals += 1
            if not listed_before or refusals >= settings.max_refusals:
                raise
            await backoff.wait(error)


async def poll(
    client: AsyncKubeClient, scope: Scope, settings: Settings, backoff: Backoff
) -> AsyncGenerator[Change, None]:
    """Lists instead of a watch."""
    while True:
        await settings.sleep(settings.poll_interval)
        page, first = "", True
        while first or page:
            listed = await client.list_page(
                scope.kind, scope.namespace, label_selector=scope.label_selector, page=page, limit=scope.page_size
            )
            page = listed.next_page
            backoff.pulse.beat()
            yield Page(listed.items, first, not page)
            first = False

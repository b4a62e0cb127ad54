"""The one error policy of following: which errors waiting mends, how long each pause is, and for how long a refusal is
borne. Pure: it is told what happened and when, and says what to do next.

Every loop here, on the triggerer and in a task's process, asks it after each turn, so that no turn is without a pause:

- What passes (a lost connection, 429, 5xx, silence, 410) is waited out for ever, with pauses that grow. They start
  small again once a watch has lasted; a list that succeeds is no proof that the watch after it will.
- A refusal (401, 403, a credential that cannot be had) is borne for minutes: credentials are rotated, roles replaced,
  and an API server that has just started refuses everybody. The connection is read again meanwhile.
- Anything else (a kind that is not installed) is an error at once, and borne like a refusal where it was there before.
- A watch that says nothing, or whose versions go backwards, may be one of a server that was restored from a backup: it
  is given up, and everything is listed anew. That happens from time to time in any case.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from airflow_ack_sagemaker.kube.errors import (
    ApiError,
    ConfigError,
    CredentialsError,
    Forbidden,
    Gone,
    KubeError,
    Moved,
    ServerError,
    Silent,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from airflow_ack_sagemaker.kube.reading import INACTIVITY

_LASTING = 1.0
"""Seconds after which a watch that ended was one: what ends sooner may end at once each time."""
_DOUBLINGS = 20
_FAILURES_WITH_NEWS = 3
"""Failures that are counted of watches that bring something before they end: news must not come half a minute late."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How something is followed: times in seconds.

    A watch lasts ``watch_seconds`` to twice that (the server ends it; a random share keeps many clients apart, as in
    client-go). Everything is listed anew after ``list_seconds`` to three times that. Pauses double from ``first_pause``
    to ``longest_pause``. A refusal is borne for ``refusal_seconds``, and by one that was never let in for
    ``stranger_seconds``. After ``reconnect_seconds`` of trouble of any kind the connection is read again.
    """

    watch_seconds: float = 300.0
    inactivity: float = INACTIVITY
    list_seconds: float = 600.0
    poll_interval: float = 30.0
    first_pause: float = 0.25
    longest_pause: float = 30.0
    refusal_seconds: float = 300.0
    stranger_seconds: float = 20.0
    reconnect_seconds: float = 60.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random


class Phase(StrEnum):
    """What a turn does."""

    LIST = "list"
    WATCH = "watch"
    POLL = "poll"
    """A list, or a look at the one object, in place of a watch that is not allowed."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What to do next: pause for so many seconds, read the connection again if ``reconnect``, then take the phase."""

    phase: Phase
    pause: float = 0.0
    reconnect: bool = False


class ErrorPolicy:
    """What is to be remembered between two turns. ``now`` is always the same clock's time in seconds.

    :param settings: the times.
    :param by_name: one object is followed, which can be looked at where it may not be listed.
    """

    def __init__(self, settings: Settings, *, by_name: bool = False) -> None:
        self._settings = settings
        self._by_name = by_name
        self._phase = Phase.LIST
        self._failures = 0
        self._let_in = False
        self._watched = False
        self._opened: float | None = None
        self._heard = False
        self._list_at = 0.0
        self._refused_since: float | None = None
        self._trouble_since: float | None = None

    @property
    def failures(self) -> int:
        """Failed turns in a row."""
        return self._failures

    def begin(self) -> Turn:
        """The first turn."""
        return Turn(Phase.LIST)

    def listed(self, now: float) -> Turn:
        """All that is there was read."""
        self._let_in, self._refused_since, self._trouble_since = True, None, None
        settings = self._settings
        if self._phase is Phase.POLL and now < self._list_at:
            self._failures = 0
            return Turn(Phase.POLL, settings.poll_interval)
        # Here ends polling, too: the permission may have been granted since.
        self._list_at = now + settings.list_seconds * (1 + 2 * settings.jitter())
        return self._go(Phase.WATCH)

    def opened(self, now: float) -> None:
        """The server has accepted the watch."""
        self._opened, self._watched, self._refused_since, self._trouble_since = now, True, None, None

    def heard(self) -> None:
        """The watch has brought an event or a bookmark."""
        self._heard = True

    def watch_seconds(self, now: float) -> float:
        """How long the next watch is to last."""
        settings = self._settings
        return max(min(settings.watch_seconds * (1 + settings.jitter()), self._list_at - now), 1.0)

    def ended(self, now: float) -> Turn:
        """The server has ended the watch."""
        return self._go(Phase.LIST if now >= self._list_at else Phase.WATCH, self._pause(None, now))

    def went_back(self, now: float) -> Turn:
        """The watch has brought a smaller version than before: list anew."""
        return self._go(Phase.LIST, self._pause(None, now))

    def failed(self, error: KubeError, now: float) -> Turn:
        """The turn has failed.

        :raises KubeError: the error, which waiting does not mend, or has not mended for too long.
        """
        if isinstance(error, Moved):
            raise error
        watching, phase = self._phase is Phase.WATCH, self._phase
        if isinstance(error, Forbidden) and self._falls_back():
            self._list_at = now + self._settings.list_seconds * (1 + 2 * self._settings.jitter())
            # One that may not be listed has not been seen yet: the first look is at once.
            return self._go(Phase.POLL, self._settings.poll_interval if watching else self._pause(None, now))
        if self._trouble_since is None:
            self._trouble_since = now
        reconnect = False
        if isinstance(error, Gone):
            phase = Phase.LIST
        elif isinstance(error, Unreachable | ServerError | TooManyRequests):
            if watching and (isinstance(error, Silent) or now >= self._list_at):
                phase = Phase.LIST
        elif self._bears(error, now):
            reconnect = True
            phase = Phase.POLL if phase is Phase.POLL else Phase.LIST
        else:
            raise error
        if now - self._trouble_since >= self._settings.reconnect_seconds:
            reconnect, self._trouble_since = True, now
        return self._go(phase, self._pause(error, now), reconnect)

    def _falls_back(self) -> bool:
        if self._phase is Phase.WATCH:
            # One that was allowed before may be allowed again in a moment, which the list that follows shows.
            fall_back = not self._watched
            self._watched = False
            return fall_back
        return self._phase is Phase.LIST and self._by_name and not self._let_in

    def _bears(self, error: KubeError, now: float) -> bool:
        if not isinstance(error, ApiError | ConfigError):
            return False
        refused = isinstance(error, Forbidden | Unauthorized | CredentialsError)
        if not refused and not self._let_in:
            return False
        if self._refused_since is None:
            self._refused_since = now
        known = self._let_in or not isinstance(error, Forbidden)
        limit = self._settings.refusal_seconds if known else self._settings.stranger_seconds
        return now - self._refused_since < limit

    def _pause(self, error: KubeError | None, now: float) -> float:
        """The pause after a turn, which is also counted: the next one is longer, unless this turn was a long one."""
        settings = self._settings
        if self._opened is not None and now - self._opened >= _LASTING:
            self._failures = 0
        doubled = settings.first_pause * 2 ** min(self._failures, _DOUBLINGS)
        pause: float = min(settings.longest_pause, doubled) * (0.5 + 0.5 * settings.jitter())
        self._failures += 1
        if self._heard:
            self._failures = min(self._failures, _FAILURES_WITH_NEWS)
        self._opened, self._heard = None, False
        return max(pause, (error.retry_after if isinstance(error, ApiError) else None) or 0.0)

    def _go(self, phase: Phase, pause: float = 0.0, reconnect: bool = False) -> Turn:
        self._phase = phase
        return Turn(phase, pause, reconnect)

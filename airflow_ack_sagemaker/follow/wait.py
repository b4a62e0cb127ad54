"""Following one object in a process of one's own, with the blocking client."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, Kind
from airflow_ack_sagemaker.kube.base_client import INACTIVITY
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.errors import (
    ApiError,
    Forbidden,
    Gone,
    KubeError,
    NotFound,
    ServerError,
    TooManyRequests,
    Unreachable,
)
from airflow_ack_sagemaker.kube.retry import Retry

log = logging.getLogger(__name__)
_WATCH_SECONDS = 300
_PAUSES = Retry(first=0.25, longest=30.0)


def follow_sync(
    client: KubeClient,
    kind: Kind,
    name: str,
    namespace: str | None = None,
    *,
    timeout: float | None = None,
    poll_interval: float = 30.0,
    inactivity: float = INACTIVITY,
    clock: Callable[[], float] = time.monotonic,
) -> Generator[dict[str, Any] | None, None, None]:
    """The states of one object: as it is now, then at each change; None while it is not there. Returns after
    ``timeout`` seconds.

    The first state always comes, also with a timeout of 0. Lost connections, 410, 429 and 5xx are waited out until
    then; where ``watch`` or ``list`` is forbidden it asks for the object every ``poll_interval`` seconds.

    :param timeout: seconds, None for no end.
    :raises KubeError: an error that waiting does not mend, or any until the end when no state could be read at all.
    """
    end = math.inf if timeout is None else clock() + timeout
    follower = _Follower(client, kind, name, namespace, end=end, inactivity=inactivity, clock=clock)
    failures = 0
    while True:
        try:
            states = follower.polled(poll_interval) if follower.forbidden else follower.watched()
            with closing(states) as source:
                for state in source:
                    failures = 0
                    yield state
            return
        except Gone:
            failures += 1
            error: KubeError | None = None
        except (Unreachable, ServerError, TooManyRequests) as passing:
            failures += 1
            error = passing
            log.debug("%s Trying again.", passing)
        except Forbidden as refused:
            if follower.forbidden:
                raise
            log.warning("%s Looking every %.0f s instead.", refused, poll_interval)
            follower.forbidden = True
            continue
        pause = _PAUSES.pause(min(failures - 1, 20), error.retry_after if isinstance(error, ApiError) else None)
        if clock() + pause >= end:
            if not follower.seen and error is not None:
                raise error
            follower.sleep_until_end()
            return
        client.sleep(pause)


class _Follower:
    """What is known of the object between two connections."""

    def __init__(
        self,
        client: KubeClient,
        kind: Kind,
        name: str,
        namespace: str | None,
        *,
        end: float,
        inactivity: float,
        clock: Callable[[], float],
    ) -> None:
        self._client, self._kind, self._name, self._namespace = client, kind, name, namespace
        self._end, self._inactivity, self._clock = end, inactivity, clock
        self._selector = f"metadata.name={name}"
        self._last: dict[str, Any] | None = None
        self._version = ""
        self.seen = False
        self.forbidden = False

    def watched(self) -> Generator[dict[str, Any] | None, None, None]:
        """Until the end, by list and watch."""
        if not self._version:
            listed = self._client.list(self._kind, self._namespace, field_selector=self._selector)
            yield from self._changed(listed.items[0] if listed.items else None)
            self._version = listed.resource_version
        while (left := self._end - self._clock()) > 0:
            try:
                events = self._client.watch(
                    self._kind,
                    self._namespace,
                    resource_version=self._version,
                    field_selector=self._selector,
                    timeout_seconds=math.ceil(min(left, _WATCH_SECONDS)),
                    inactivity=max(0.01, min(left, self._inactivity)),
                )
                began, count = self._clock(), 0
                with closing(events) as source:
                    for event in source:
                        count += 1
                        self._version = str(
                            (event.object.get("metadata") or {}).get("resourceVersion") or self._version
                        )
                        if event.type != "BOOKMARK":
                            yield from self._changed(None if event.type == "DELETED" else event.object)
                        if self._clock() >= self._end:
                            return
                if not count and self._clock() - began < 1.0 < left:
                    self._client.sleep(1.0)  # something closes every watch at once: do not spin
            except Gone:
                self._version = ""
                raise
            except Unreachable:
                if self._clock() >= self._end:
                    return  # that was our own time-out
                raise

    def polled(self, interval: float) -> Generator[dict[str, Any] | None, None, None]:
        """Until the end, by asking for the object."""
        while True:
            try:
                found: dict[str, Any] | None = self._client.get(self._kind, self._name, self._namespace)
            except NotFound:
                found = None
            yield from self._changed(found)
            left = self._end - self._clock()
            if left <= 0:
                return
            self._client.sleep(min(interval, left))

    def sleep_until_end(self) -> None:
        """Wait for the end, when another try would come after it."""
        self._client.sleep(max(0.0, self._end - self._clock()))

    def _changed(self, state: dict[str, Any] | None) -> Generator[dict[str, Any] | None, None, None]:
        if state is not None:
            state.setdefault("apiVersion", API_VERSION)
            state.setdefault("kind", self._kind.kind)
        if not self.seen or state != self._last:
            self.seen, self._last = True, state
            yield state

"""The driver of the following loop for a process that waits."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import Any

from airflow_ack_sagemaker.follow.loop import (
    Change,
    ListPage,
    Look,
    Loop,
    NextEvent,
    Pause,
    Pulse,
    Reconnect,
    Scope,
    Show,
    Watch,
)
from airflow_ack_sagemaker.follow.policy import Settings
from airflow_ack_sagemaker.kube.answers import WatchEvent
from airflow_ack_sagemaker.kube.client import KubeClient
from airflow_ack_sagemaker.kube.errors import KubeError, Unreachable

_SHORTEST = 0.01
"""Seconds that a watch may be silent at least: zero would be no time-out at all."""


def changes(
    client: KubeClient, scope: Scope, settings: Settings, *, left: Callable[[], float], pulse: Pulse | None = None
) -> Generator[Change | None, None, None]:
    """What there is, then what changes, for ever; and None each time when ``left`` has come down to nothing: the reader
    ends it then, or goes on until another time.

    :param left: seconds until the reader wants to be asked, ``math.inf`` for never.
    :param pulse: is told how it fares.
    :raises KubeError: an error that does not pass by waiting.
    """
    loop = Loop(scope, settings, pulse)
    steps = loop.steps()
    events: Generator[WatchEvent, None, None] | None = None
    answer: Any = None
    error: KubeError | None = None
    try:
        while True:
            effect = steps.send(answer) if error is None else steps.throw(error)
            answer = error = None
            if events is not None and not isinstance(effect, NextEvent | Show):
                events.close()
                events = None
            try:
                match effect:
                    case Show(change):
                        yield change
                    case NextEvent() if events is not None:
                        if left() <= 0:  # also where there is always something that is not for this reader
                            yield None
                        answer = next(events, None)
                    case Watch(version, seconds):
                        events = client.watch(
                            scope.kind,
                            scope.namespace,
                            resource_version=version,
                            **scope.selectors,
                            timeout_seconds=math.ceil(min(seconds, max(left(), 1.0))),
                            inactivity=max(min(settings.inactivity, left()), _SHORTEST),
                            opened=loop.opened,
                        )
                    case ListPage(page, limit, most):
                        answer = client.list_page(
                            scope.kind, scope.namespace, **scope.selectors, page=page, limit=limit, most=most
                        )
                    case Look():
                        answer = client.get(scope.kind, scope.name, scope.namespace)
                    case Pause(seconds):
                        while seconds > (rest := max(left(), 0.0)):
                            client.sleep(rest)
                            seconds -= rest
                            yield None
                        client.sleep(seconds)
                    case Reconnect():
                        client.reload()
            except KubeError as failure:
                error = failure
                if isinstance(failure, Unreachable) and isinstance(effect, NextEvent) and left() <= 0:
                    yield None  # that was our own time-out
    finally:
        if events is not None:
            events.close()

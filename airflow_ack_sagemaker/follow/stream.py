"""The driver of the following loop for the event loop."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Protocol

from airflow_ack_sagemaker.follow.loop import (
    Change,
    ListPage,
    Look,
    Loop,
    NextEvent,
    Page,
    Pause,
    Pulse,
    Reconnect,
    Scope,
    Show,
    Watch,
)
from airflow_ack_sagemaker.follow.policy import Settings
from airflow_ack_sagemaker.kube.answers import WatchEvent
from airflow_ack_sagemaker.kube.client import AsyncKubeClient
from airflow_ack_sagemaker.kube.errors import KubeError

__all__ = ["Change", "Page", "Pulse", "Scope", "Settings", "changes"]


class Source(Protocol):
    """Where the client comes from."""

    async def client(self) -> AsyncKubeClient:
        """The present client."""

    async def reconnect(self) -> None:
        """Read the connection again. :raises Moved: it leads to another cluster now."""


async def changes(
    source: Source, scope: Scope, settings: Settings, pulse: Pulse | None = None
) -> AsyncGenerator[Change, None]:
    """The collection for ever.

    :param pulse: is told how the stream fares.
    :raises KubeError: an error that does not pass by waiting: not allowed, kind not installed, credential refused for
        good.
    """
    loop = Loop(scope, settings, pulse)
    steps = loop.steps()
    events: AsyncGenerator[WatchEvent, None] | None = None
    answer: Any = None
    error: KubeError | None = None
    try:
        while True:
            effect = steps.send(answer) if error is None else steps.throw(error)
            answer = error = None
            if events is not None and not isinstance(effect, NextEvent | Show):
                await events.aclose()
                events = None
            try:
                match effect:
                    case Show(change):
                        yield change
                    case NextEvent() if events is not None:
                        answer = await anext(events, None)
                    case Watch(version, seconds):
                        events = (await source.client()).watch(
                            scope.kind,
                            scope.namespace,
                            resource_version=version,
                            **scope.selectors,
                            timeout_seconds=int(seconds),
                            inactivity=settings.inactivity,
                            opened=loop.opened,
                        )
                    case ListPage(page, limit, most):
                        answer = await (await source.client()).list_page(
                            scope.kind, scope.namespace, **scope.selectors, page=page, limit=limit, most=most
                        )
                    case Look():
                        answer = await (await source.client()).get(scope.kind, scope.name, scope.namespace)
                    case Pause(seconds):
                        await settings.sleep(seconds)
                    case Reconnect():
                        await source.reconnect()
            except KubeError as failure:
                error = failure
    finally:
        if events is not None:
            await events.aclose()

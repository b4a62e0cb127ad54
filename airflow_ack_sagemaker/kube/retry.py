"""What one call to the API server is made of, as a generator of effects: send, sleep, renew the credential.

The generators decide and the clients perform, one of them blocking and one asynchronously, so that retries, paging and
re-authentication exist once and are tested without a clock.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from airflow_ack_sagemaker.core.resource.kinds import Kind
from airflow_ack_sagemaker.kube import answers, requests
from airflow_ack_sagemaker.kube.answers import ResourceList
from airflow_ack_sagemaker.kube.errors import (
    ApiError,
    Gone,
    KubeError,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from airflow_ack_sagemaker.kube.requests import Request

T = TypeVar("T")

_LISTINGS = 3
"""How often a list is begun again when its pages expire in the middle."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request; the answer is the object, or a :class:`KubeError` (not raised)."""

    request: Request


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Load:
    """Read token files again and run plugins again; the answer is whether that gave another credential."""


@dataclass(frozen=True, slots=True)
class Resolve:
    """Read the connection again; the answer is whether a repetition may help: it gave another credential for the same
    cluster, or its credential is one that is issued anew.
    """


Effect = Send | Sleep | Load | Resolve
Steps = Generator[Effect, Any, T]


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a call is tried, and how long it waits in between: ``tries`` in all, pauses from ``first`` doubling up
    to ``longest`` seconds (with jitter), together at most ``total`` seconds.
    """

    tries: int = 4
    first: float = 0.4
    longest: float = 4.0
    total: float = 10.0
    jitter: Callable[[], float] = random.random

    def pause(self, attempt: int, asked: float | None) -> float:
        """Seconds to wait after the given failed attempt (0 is the first), at least what the server asked for."""
        pause: float = min(self.longest, self.first * 2 ** min(attempt, 20)) * (0.5 + 0.5 * self.jitter())
        return max(pause, asked) if asked is not None else pause


NO_RETRY = Retry(tries=1)


def call(request: Request, retry: Retry) -> Steps[dict[str, Any]]:
    """One request with its repetitions; returns the object.

    An error that may pass is retried when the request can be repeated safely or was certainly not carried out. After a
    401 the credential is renewed, once.
    """
    attempt, waited, renewed = 0, 0.0, False
    while True:
        answer = yield Send(request)
        if not isinstance(answer, KubeError):
            return dict(answer)
        if isinstance(answer, Unauthorized) and not renewed:
            renewed = True
            if (yield from renew()):
                continue
        attempt += 1
        if attempt >= retry.tries or not _passing(request, answer):
            raise _final(request, answer)
        pause = retry.pause(attempt - 1, answer.retry_after if isinstance(answer, ApiError) else None)
        if waited + pause > retry.total:
            raise _final(request, answer)
        waited += pause
        yield Sleep(pause)


def renew() -> Steps[bool]:
    """Look for another credential than the one that was just refused: whether there is one."""
    return bool((yield Load()) or (yield Resolve()))


def list_all(
    kind: Kind, namespace: str, retry: Retry, *, label_selector: str = "", field_selector: str = "", limit: int | None
) -> Steps[ResourceList]:
    """The pages of a list as one :class:`ResourceList`; when a page's token has expired it begins again."""
    for last in (*[False] * (_LISTINGS - 1), True):
        items: list[dict[str, Any]] = []
        page = ResourceList([], "")
        try:
            while True:
                value = yield from call(
                    requests.list_page(
                        kind,
                        namespace,
                        label_selector=label_selector,
                        field_selector=field_selector,
                        page=page.next_page,
                        limit=min(limit or requests.PAGE_SIZE, requests.PAGE_SIZE),
                    ),
                    retry,
                )
                page = answers.parse_list(value)
                items += page.items
                if not page.next_page or (limit is not None and len(items) >= limit):
                    return replace(page, items=items[:limit])
        except Gone:
            if last:
                raise
    raise AssertionError("unreachable")


def _passing(request: Request, error: KubeError) -> bool:
    if isinstance(error, TooManyRequests):
        return True  # refused before it was looked at
    if isinstance(error, Unreachable):
        return request.repeatable or not error.sent
    return isinstance(error, ServerError) and request.repeatable and error.status in (500, 502, 503, 504)


def _final(request: Request, error: KubeError) -> KubeError:
    if (
        request.repeatable
        or not isinstance(error, Unreachable | ServerError)
        or (isinstance(error, Unreachable) and not error.sent)
    ):
        return error
    unsure = Unreachable(f"{error} Whether it was carried out is unknown, so it was not repeated.", sent=True)
    unsure.__cause__ = error
    return unsure

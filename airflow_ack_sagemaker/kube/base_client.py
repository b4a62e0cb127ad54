"""What the blocking and the asynchronous client share: everything but waiting."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

import httpx

from airflow_ack_sagemaker.core.resource.server_clock import ServerClock
from airflow_ack_sagemaker.kube import answers, requests, transport
from airflow_ack_sagemaker.kube.connection.authenticator import Authenticator
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.reading import INACTIVITY, Reading, WatchReading
from airflow_ack_sagemaker.kube.requests import Request
from airflow_ack_sagemaker.kube.retry import Retry

__all__ = ["INACTIVITY", "Client", "Http", "Pool"]

log = logging.getLogger(__name__)

Http = TypeVar("Http", httpx.Client, httpx.AsyncClient)


class Pool(Generic[Http]):
    """The HTTP client of one client certificate, closed when it is retired and nobody uses it any more."""

    def __init__(self, http: Http, generation: int) -> None:
        self.http: Http = http
        self.generation = generation
        self.users = 0


class Client(Generic[Http]):
    """What both clients share: everything but waiting."""

    def __init__(self, config: ClusterConfig, retry: Retry) -> None:
        self.config = config
        self.retry = retry
        self._auth = Authenticator(config)
        self._pool: Pool[Http] | None = None
        self._date: str | None = None
        self.clock: ServerClock | None = None
        """The API server's clock, as a creation or `read_clock` has last told it; None before the first."""

    @property
    def namespace(self) -> str:
        """The connection's default namespace."""
        return self.config.namespace

    @property
    def server_time(self) -> datetime | None:
        """The API server's clock, in UTC and whole seconds, as its last answer said; None before the first."""
        return answers.http_date(self._date)

    def in_namespace(self, namespace: str | None) -> str:
        """The namespace that is meant."""
        return self.config.namespace if namespace is None else namespace

    def namespace_of(self, manifest: Mapping[str, Any]) -> str:
        """The namespace that a manifest names, or the connection's."""
        return str((manifest.get("metadata") or {}).get("namespace") or self.config.namespace)

    def adopt(self, config: ClusterConfig) -> bool:
        """Go on with what the connection says now: whether that is another credential for the same cluster.

        A client never goes to another cluster: what it was made to do was decided by what is in this one.
        """
        if config.place != self.config.place:
            log.warning(
                "The %s was changed and leads to %s now: this client stays with %s.",
                self.config.source,
                config.server,
                self.config.server,
            )
            return False
        if config == self.config:
            return False
        self.config, self._auth = config, Authenticator(config, generation=self._auth.generation + 1)
        return True

    def unresolved(self, error: Exception) -> bool:
        """The connection cannot be read again now: go on with what it said before."""
        log.warning("The %s cannot be read again: %s", self.config.source, error)
        return False

    def _arguments(self, request: Request) -> dict[str, Any]:
        return {
            "method": request.method,
            "url": self.config.server + request.path,
            "headers": transport.headers(request, self._auth.headers),
            "content": request.content,
        }

    def _heard(self, response: httpx.Response) -> None:
        self._date = response.headers.get("date") or self._date

    def _parsed(self, request: Request, response: httpx.Response, content: bytes) -> dict[str, Any]:
        return answers.parse(request, self.config.server, response.status_code, response.headers, content)

    def _reading(self, request: Request) -> Reading:
        return Reading(request, self.config, self.retry.answer_seconds)

    def _watch(self, kind: Any, namespace: str | None, inactivity: float, options: Mapping[str, Any]) -> WatchReading:
        return WatchReading(requests.watch(kind, self.in_namespace(namespace), **options), self.config, inactivity)

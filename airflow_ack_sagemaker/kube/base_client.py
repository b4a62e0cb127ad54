"""What the blocking and the asynchronous client share: everything but waiting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

import httpx

from airflow_ack_sagemaker.kube import requests, transport
from airflow_ack_sagemaker.kube.connection.authenticator import Authenticator
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.requests import Request
from airflow_ack_sagemaker.kube.retry import Retry

Http = TypeVar("Http", httpx.Client, httpx.AsyncClient)
INACTIVITY = 90.0
"""Seconds without an event or bookmark after which a watch is given up; kube-apiserver sends a bookmark every
minute.
"""


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
        self._retry = retry
        self._auth = Authenticator(config)
        self._pool: Pool[Http] | None = None
        self._date: str | None = None

    @property
    def namespace(self) -> str:
        """The connection's default namespace."""
        return self.config.namespace

    @property
    def server_time(self) -> datetime | None:
        """The API server's clock, in UTC and whole seconds, as its last answer said; None before the first."""
        return requests.http_date(self._date)

    def _arguments(self, request: Request) -> dict[str, Any]:
        return {
            "method": request.method,
            "url": self.config.server + request.path,
            "headers": transport.headers(request, self._auth.headers),
            "content": request.content,
        }

    def _parsed(self, request: Request, response: httpx.Response, content: bytes) -> dict[str, Any]:
        self._date = response.headers.get("date") or self._date
        return requests.parse(request, self.config.server, response.status_code, response.headers, content)

    def _in(self, namespace: str | None) -> str:
        return self.config.namespace if namespace is None else namespace

    def _of(self, manifest: Mapping[str, Any]) -> str:
        return str((manifest.get("metadata") or {}).get("namespace") or self.config.namespace)

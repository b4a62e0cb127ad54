"""The clients: :class:`KubeClient` blocks, :class:`AsyncKubeClient` awaits. Both send the requests of :mod:`.requests`.

``namespace=None`` means the connection's default namespace; "" means all namespaces, for list and watch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self, cast

import httpx

from airflow_ack_sagemaker.core.resource.kinds import Kind
from airflow_ack_sagemaker.kube import access, requests, retry, transport
from airflow_ack_sagemaker.kube.async_client import AsyncKubeClient
from airflow_ack_sagemaker.kube.base_client import INACTIVITY, Client, Pool
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import KubeError
from airflow_ack_sagemaker.kube.requests import Request, ResourceList, WatchEvent
from airflow_ack_sagemaker.kube.retry import Effect, Renew, Retry, Send, Sleep, Steps

__all__ = ["AsyncKubeClient", "KubeClient"]


class KubeClient(Client[httpx.Client]):
    """A blocking client of one cluster, for one thread. It connects at its first request. Use it as a context manager.

    Every method raises :class:`~.errors.KubeError`. ``sleep`` waits between tries.
    """

    def __init__(
        self, config: ClusterConfig, *, retry: Retry | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        super().__init__(config, retry or Retry())
        self.sleep = sleep

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> dict[str, Any]:
        """One object."""
        return self._call(requests.get(kind, name, self._in(namespace)))

    def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int | None = None,
    ) -> ResourceList:
        """The objects of a namespace, all pages, or the first ``limit`` objects."""
        steps = retry.list_all(
            kind,
            self._in(namespace),
            self._retry,
            label_selector=label_selector,
            field_selector=field_selector,
            limit=limit,
        )
        return cast(ResourceList, self._perform_all(steps))

    def create(self, kind: Kind, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create the object. When the outcome is unknown (:class:`~.errors.Unreachable` with ``sent``), look by its
        name.
        """
        return self._call(requests.create(kind, manifest, self._of(manifest)))

    def apply(
        self, kind: Kind, manifest: Mapping[str, Any], *, force: bool = True, dry_run: bool = False
    ) -> dict[str, Any]:
        """Server-side apply as field manager ``airflow-ack-sagemaker``."""
        return self._call(requests.apply(kind, manifest, self._of(manifest), force=force, dry_run=dry_run))

    def patch(
        self,
        kind: Kind,
        name: str,
        body: Mapping[str, Any],
        namespace: str | None = None,
        *,
        resource_version: str | None = None,
    ) -> dict[str, Any]:
        """JSON merge patch; :class:`~.errors.Conflict` when ``resource_version`` is given and outdated."""
        return self._call(requests.patch(kind, name, body, self._in(namespace), resource_version=resource_version))

    def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> dict[str, Any]:
        """Delete one object: with ``uid`` only that one, with ``resource_version`` only as it was then (else
        :class:`~.errors.Conflict`). Returns the object, when finalizers keep it for a while, or the server's Status.
        """
        request = requests.delete(kind, name, self._in(namespace), uid=uid, resource_version=resource_version)
        return self._call(request)

    def may(self, verb: str, kind: Kind, namespace: str | None = None) -> bool:
        """Whether this user may do that with the objects of a namespace, for example ``watch``."""
        answer = self._call(access.review(kind, verb, self._in(namespace)))
        return bool((answer.get("status") or {}).get("allowed"))

    def document(self, path: str) -> dict[str, Any]:
        """What the server says about itself under a path, for example ``/version``."""
        return self._call(access.document(path))

    def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        timeout_seconds: int = 300,
        inactivity: float = INACTIVITY,
    ) -> Generator[WatchEvent, None, None]:
        """What changes after ``resource_version``, until the server ends it after ``timeout_seconds``.

        A break, or ``inactivity`` seconds of silence, is :class:`~.errors.Unreachable`: watch again from the last
        version.
        """
        request = requests.watch(
            kind,
            self._in(namespace),
            resource_version=resource_version,
            label_selector=label_selector,
            field_selector=field_selector,
            timeout_seconds=timeout_seconds,
        )
        renewed = False
        while True:
            with self._used() as http:
                try:
                    with http.stream(**self._arguments(request), timeout=transport.timeout(inactivity)) as response:
                        if response.status_code == 401 and not renewed and self._auth.renewable:
                            renewed = True
                            self._auth.load(renew=True)
                            continue
                        if response.status_code != 200:
                            self._parsed(request, response, response.read())
                        self._date = response.headers.get("date") or self._date
                        lines = transport.Lines()
                        for data in response.iter_bytes():
                            for line in lines.feed(data):
                                yield requests.parse_event(request, self.config.server, line)
                        if lines.rest:
                            yield requests.parse_event(request, self.config.server, lines.rest)
                        return
                except httpx.HTTPError as error:
                    raise transport.unreachable(request, self.config, error, inactivity) from error

    def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.http.close()
            self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, request: Request) -> dict[str, Any]:
        return cast(dict[str, Any], self._perform_all(retry.call(request, self._retry)))

    def _perform_all(self, steps: Steps) -> Any:
        answer: Any = None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration as end:
                return end.value
            answer = self._perform(effect)

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send(request):
                with self._used() as http:
                    try:
                        response = http.request(**self._arguments(request))
                    except httpx.HTTPError as error:
                        return transport.unreachable(request, self.config, error)
                try:
                    return self._parsed(request, response, response.content)
                except KubeError as error:
                    return error
            case Sleep(seconds):
                self.sleep(seconds)
            case Renew():
                if self._auth.renewable:
                    self._auth.load(renew=True)
                return self._auth.renewable
        return None

    @contextmanager
    def _used(self) -> Iterator[httpx.Client]:
        self._auth.load()
        if self._pool is not None and self._pool.generation != self._auth.generation and not self._pool.users:
            self.close()
        if self._pool is None:
            settings = transport.options(self.config, self._auth.tls())
            http = httpx.Client(transport=httpx.HTTPTransport(**settings), timeout=transport.timeout(), trust_env=False)
            self._pool = Pool(http, self._auth.generation)
        pool = self._pool
        pool.users += 1
        try:
            yield pool.http
        finally:
            pool.users -= 1

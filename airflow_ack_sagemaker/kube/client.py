"""The clients: :class:`KubeClient` blocks, :class:`AsyncKubeClient` awaits. Both perform the steps of :mod:`.calls`.

``namespace=None`` means the connection's default namespace; "" means all namespaces, for list and watch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from airflow_ack_sagemaker.core.resource.kinds import Kind
from airflow_ack_sagemaker.kube import calls, transport
from airflow_ack_sagemaker.kube.answers import WatchEvent
from airflow_ack_sagemaker.kube.async_client import AsyncKubeClient
from airflow_ack_sagemaker.kube.base_client import Client, Pool
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import KubeError
from airflow_ack_sagemaker.kube.reading import INACTIVITY, Reading
from airflow_ack_sagemaker.kube.retry import Effect, Load, Resolve, Retry, Send, Sleep, Steps

__all__ = ["AsyncKubeClient", "KubeClient"]

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(
    call: Callable[Concatenate[Client[Any], P], Steps[T]],
) -> Callable[Concatenate[KubeClient, P], T]:
    """A call of :mod:`.calls` as a method that blocks."""

    @wraps(call)
    def method(self: KubeClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(call(self, *args, **kwargs))

    return method


class KubeClient(Client[httpx.Client]):
    """A blocking client of one cluster, for one thread. It connects at its first request. Use it as a context manager.

    Every method raises :class:`~.errors.KubeError`.

    :param sleep: waits between tries.
    :param resolve: reads the connection again, for a credential that was replaced meanwhile.
    """

    def __init__(
        self,
        config: ClusterConfig,
        *,
        retry: Retry | None = None,
        sleep: Callable[[float], None] = time.sleep,
        resolve: Callable[[], ClusterConfig] | None = None,
    ) -> None:
        super().__init__(config, retry or Retry())
        self.sleep = sleep
        self._resolve = resolve
        self._bounds = transport.Bounds()

    get = _blocking(calls.get)
    list = _blocking(calls.list_all)
    list_page = _blocking(calls.list_page)
    create = _blocking(calls.create)
    apply = _blocking(calls.apply)
    patch = _blocking(calls.patch)
    read_clock = _blocking(calls.read_clock)
    delete = _blocking(calls.delete)
    may = _blocking(calls.may)
    document = _blocking(calls.document)
    reload = _blocking(calls.reload)

    def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        inactivity: float = INACTIVITY,
        opened: Callable[[], None] = lambda: None,
        **options: Any,
    ) -> Generator[WatchEvent, None, None]:
        """What changes after a version, until the server ends it. ``options`` are those of `.requests.watch`;
        ``opened`` is called when the server has accepted it.

        A break is :class:`~.errors.Unreachable`, ``inactivity`` seconds without an event or bookmark
        :class:`~.errors.Silent`.
        """
        reading = self._watch(kind, namespace, inactivity, options)
        while True:
            with self._used() as http, self._exchange(reading):
                timeout = transport.timeout(inactivity)
                with http.stream(**self._arguments(reading.request), timeout=timeout) as response:
                    self._heard(response)
                    if reading.answered(response.status_code):
                        opened()
                        for data in response.iter_bytes():
                            yield from reading.events(data)
                        yield from reading.rest()
                        return
                    content = _content(response, self._reading(reading.request))
            self._run(reading.refused(response.status_code, response.headers, content))

    def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.http.close()
            self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, steps: Steps[T]) -> T:
        answer: Any = None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            answer = self._perform(effect)

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send(request):
                reading = self._reading(request)
                try:
                    with (
                        self._used() as http,
                        self._exchange(reading),
                        http.stream(**self._arguments(request)) as response,
                    ):
                        self._heard(response)
                        content = _content(response, reading)
                    return self._parsed(request, response, content)
                except KubeError as error:
                    return error
            case Sleep(seconds):
                self.sleep(seconds)
            case Load():
                return self._auth.load(renew=True)
            case Resolve():
                try:
                    changed = self._resolve is not None and self.adopt(self._resolve())
                except Exception as error:  # of a secrets backend, for instance
                    changed = self.unresolved(error)
                return changed or self._auth.renewable
        return None

    @contextmanager
    def _exchange(self, reading: Reading) -> Iterator[None]:
        before, self._bounds.reading = self._bounds.reading, reading
        reading.start()
        try:
            yield
        except httpx.HTTPError as error:
            raise transport.unreachable(reading, self.config, error) from error
        finally:
            self._bounds.reading = before

    @contextmanager
    def _used(self) -> Iterator[httpx.Client]:
        self._auth.load()
        if self._pool is not None and self._pool.generation != self._auth.generation and not self._pool.users:
            self.close()
        if self._pool is None:
            settings = transport.options(self.config, self._auth.tls())
            connections = httpx.HTTPTransport(**settings)
            self._bounds.apply(connections)
            http = httpx.Client(transport=connections, timeout=transport.timeout(), trust_env=False)
            self._pool = Pool(http, self._auth.generation)
        pool = self._pool
        pool.users += 1
        try:
            yield pool.http
        finally:
            pool.users -= 1


def _content(response: httpx.Response, reading: Reading) -> bytes:
    for data in response.iter_bytes():
        reading.feed(data)
    return reading.content

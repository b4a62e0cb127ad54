"""The asynchronous client, see :mod:`.client`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from airflow_ack_sagemaker.core.resource.kinds import Kind
from airflow_ack_sagemaker.handshakes import close_when_cut
from airflow_ack_sagemaker.kube import calls, transport
from airflow_ack_sagemaker.kube.answers import WatchEvent
from airflow_ack_sagemaker.kube.base_client import Client, Pool
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import KubeError
from airflow_ack_sagemaker.kube.reading import INACTIVITY, Reading
from airflow_ack_sagemaker.kube.retry import Effect, Load, Resolve, Retry, Send, Sleep, Steps

P = ParamSpec("P")
T = TypeVar("T")


def _awaited(
    call: Callable[Concatenate[Client[Any], P], Steps[T]],
) -> Callable[Concatenate[AsyncKubeClient, P], Coroutine[Any, Any, T]]:
    """A call of :mod:`.calls` as a coroutine method."""

    @wraps(call)
    async def method(self: AsyncKubeClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(call(self, *args, **kwargs))

    return method


class AsyncKubeClient(Client[httpx.AsyncClient]):
    """An asynchronous client of one cluster, for one event loop and any number of tasks.

    Files are read and plugins run in a thread. The methods are those of :class:`KubeClient`.
    """

    def __init__(
        self,
        config: ClusterConfig,
        *,
        retry: Retry | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        resolve: Callable[[], Awaitable[ClusterConfig]] | None = None,
    ) -> None:
        super().__init__(config, retry or Retry())
        self.sleep = sleep
        self._resolve = resolve
        self._opening = asyncio.Lock()

    get = _awaited(calls.get)
    list = _awaited(calls.list_all)
    list_page = _awaited(calls.list_page)
    create = _awaited(calls.create)
    apply = _awaited(calls.apply)
    patch = _awaited(calls.patch)
    read_clock = _awaited(calls.read_clock)
    delete = _awaited(calls.delete)
    may = _awaited(calls.may)
    reload = _awaited(calls.reload)

    async def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        inactivity: float = INACTIVITY,
        opened: Callable[[], None] = lambda: None,
        **options: Any,
    ) -> AsyncGenerator[WatchEvent, None]:
        """As :meth:`KubeClient.watch`. Close it (``contextlib.aclosing``) when you stop before its end."""
        reading = self._watch(kind, namespace, inactivity, options)
        while True:
            async with self._used() as http, self._exchange(reading), AsyncExitStack() as stack:
                stream = http.stream(**self._arguments(reading.request), timeout=transport.timeout(inactivity))
                async with asyncio.timeout(reading.left):
                    response = await stack.enter_async_context(stream)
                    self._heard(response)
                    if not reading.answered(response.status_code):
                        content = await _content(response, self._reading(reading.request))
                if reading.accepted:
                    opened()
                    pieces = response.aiter_bytes()
                    while True:
                        async with asyncio.timeout(reading.left):
                            data = await anext(pieces, None)
                        if data is None:
                            break
                        for event in reading.events(data):
                            yield event
                    for event in reading.rest():
                        yield event
                    return
            await self._run(reading.refused(response.status_code, response.headers, content))

    async def close(self) -> None:
        """Close the connections; those that are in use, when their requests have ended."""
        pool, self._pool = self._pool, None
        if pool is not None and not pool.users:
            await pool.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self, steps: Steps[T]) -> T:
        answer: Any = None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            answer = await self._perform(effect)

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send(request):
                reading = self._reading(request)
                try:
                    async with (
                        self._used() as http,
                        self._exchange(reading),
                        asyncio.timeout(reading.left),
                        http.stream(**self._arguments(request)) as response,
                    ):
                        self._heard(response)
                        content = await _content(response, reading)
                    return self._parsed(request, response, content)
                except KubeError as error:
                    return error
            case Sleep(seconds):
                await self.sleep(seconds)
            case Load():
                return await asyncio.to_thread(self._auth.load, renew=True)
            case Resolve():
                try:
                    changed = self._resolve is not None and self.adopt(await self._resolve())
                except Exception as error:  # of a secrets backend, for instance
                    changed = self.unresolved(error)
                return changed or self._auth.renewable
        return None

    @asynccontextmanager
    async def _exchange(self, reading: Reading) -> AsyncIterator[None]:
        reading.start()
        try:
            yield
        except httpx.HTTPError as error:
            raise transport.unreachable(reading, self.config, error) from error
        except TimeoutError as error:
            raise reading.silence() from error

    @asynccontextmanager
    async def _used(self) -> AsyncIterator[httpx.AsyncClient]:
        if self._auth.stale or self._pool is None or self._pool.generation != self._auth.generation:
            async with self._opening:
                await self._refresh()
        pool = self._pool
        assert pool is not None
        pool.users += 1
        try:
            yield pool.http
        finally:
            pool.users -= 1
            if not pool.users and pool is not self._pool:
                await pool.http.aclose()

    async def _refresh(self) -> None:
        if self._auth.stale:
            await asyncio.to_thread(self._auth.load)
        if self._pool is None or self._pool.generation != self._auth.generation:
            generation = self._auth.generation
            settings = transport.options(self.config, await asyncio.to_thread(self._auth.tls))
            opened = httpx.AsyncHTTPTransport(**settings)
            close_when_cut(opened)
            http = httpx.AsyncClient(transport=opened, timeout=transport.timeout(), trust_env=False)
            retired, self._pool = self._pool, Pool(http, generation)
            if retired is not None and not retired.users:
                await retired.http.aclose()


async def _content(response: httpx.Response, reading: Reading) -> bytes:
    async for data in response.aiter_bytes():
        reading.feed(data)
    return reading.content

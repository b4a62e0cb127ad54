"""The asynchronous client, see :mod:`.client`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self, cast

import httpx

from airflow_ack_sagemaker.core.resource.kinds import Kind
from airflow_ack_sagemaker.kube import requests, retry, transport
from airflow_ack_sagemaker.kube.base_client import INACTIVITY, Client, Pool
from airflow_ack_sagemaker.kube.connection.config import ClusterConfig
from airflow_ack_sagemaker.kube.errors import KubeError
from airflow_ack_sagemaker.kube.requests import PAGE_SIZE, Request, ResourceList, WatchEvent
from airflow_ack_sagemaker.kube.retry import Effect, Renew, Retry, Send, Sleep, Steps


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
    ) -> None:
        super().__init__(config, retry or Retry())
        self.sleep = sleep
        self._opening = asyncio.Lock()

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> dict[str, Any]:
        """One object."""
        return await self._call(requests.get(kind, name, self._in(namespace)))

    async def list(
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
        return cast(ResourceList, await self._perform_all(steps))

    async def list_page(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        page: str = "",
        limit: int = PAGE_SIZE,
    ) -> ResourceList:
        """One page of a list, for readers that keep little of each object."""
        request = requests.list_page(kind, self._in(namespace), label_selector=label_selector, page=page, limit=limit)
        return requests.parse_list(await self._call(request))

    async def create(self, kind: Kind, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create the object. When the outcome is unknown (:class:`~.errors.Unreachable` with ``sent``), look by its
        name.
        """
        return await self._call(requests.create(kind, manifest, self._of(manifest)))

    async def apply(
        self, kind: Kind, manifest: Mapping[str, Any], *, force: bool = True, dry_run: bool = False
    ) -> dict[str, Any]:
        """Server-side apply as field manager ``airflow-ack-sagemaker``."""
        return await self._call(requests.apply(kind, manifest, self._of(manifest), force=force, dry_run=dry_run))

    async def patch(
        self,
        kind: Kind,
        name: str,
        body: Mapping[str, Any],
        namespace: str | None = None,
        *,
        resource_version: str | None = None,
    ) -> dict[str, Any]:
        """JSON merge patch; :class:`~.errors.Conflict` when ``resource_version`` is given and outdated."""
        return await self._call(
            requests.patch(kind, name, body, self._in(namespace), resource_version=resource_version)
        )

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> dict[str, Any]:
        """As :meth:`KubeClient.delete`."""
        request = requests.delete(kind, name, self._in(namespace), uid=uid, resource_version=resource_version)
        return await self._call(request)

    async def watch(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        timeout_seconds: int = 300,
        inactivity: float = INACTIVITY,
        opened: Callable[[], None] | None = None,
    ) -> AsyncGenerator[WatchEvent, None]:
        """As :meth:`KubeClient.watch`; ``opened`` is called when the server has accepted it. Close it
        (``contextlib.aclosing``) when you stop before its end.
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
            async with self._used() as http:
                try:
                    async with http.stream(
                        **self._arguments(request), timeout=transport.timeout(inactivity)
                    ) as response:
                        if response.status_code == 401 and not renewed and self._auth.renewable:
                            renewed = True
                            await asyncio.to_thread(self._auth.load, renew=True)
                            continue
                        if response.status_code != 200:
                            self._parsed(request, response, await response.aread())
                        self._date = response.headers.get("date") or self._date
                        if opened is not None:
                            opened()
                        lines = transport.Lines()
                        async for data in response.aiter_bytes():
                            for line in lines.feed(data):
                                yield requests.parse_event(request, self.config.server, line)
                        if lines.rest:
                            yield requests.parse_event(request, self.config.server, lines.rest)
                        return
                except httpx.HTTPError as error:
                    raise transport.unreachable(request, self.config, error, inactivity) from error

    async def close(self) -> None:
        """Close the connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _call(self, request: Request) -> dict[str, Any]:
        return cast(dict[str, Any], await self._perform_all(retry.call(request, self._retry)))

    async def _perform_all(self, steps: Steps) -> Any:
        answer: Any = None
        while True:
            try:
                effect = steps.send(answer)
            except StopIteration as end:
                return end.value
            answer = await self._perform(effect)

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send(request):
                async with self._used() as http:
                    try:
                        response = await http.request(**self._arguments(request))
                    except httpx.HTTPError as error:
                        return transport.unreachable(request, self.config, error)
                try:
                    return self._parsed(request, response, response.content)
                except KubeError as error:
                    return error
            case Sleep(seconds):
                await self.sleep(seconds)
            case Renew():
                if self._auth.renewable:
                    await asyncio.to_thread(self._auth.load, renew=True)
                return self._auth.renewable
        return None

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
            http = httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(**settings), timeout=transport.timeout(), trust_env=False
            )
            retired, self._pool = self._pool, Pool(http, generation)
            if retired is not None and not retired.users:
                await retired.http.aclose()

"""Asking for the API server's clock, where it is worth a request; and this machine's, which nobody sets meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from airflow_ack_sagemaker.core.resource.server_clock import ServerClock
from airflow_ack_sagemaker.kube.errors import KubeError
from airflow_ack_sagemaker.kube.log import Log

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import AsyncKubeClient, KubeClient


class SteadyClock:
    """Unix time in seconds as this machine had it in the beginning, going on evenly whoever sets the clock."""

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def __call__(self) -> float:
        return self._ahead + time.monotonic()


def clock_of(client: KubeClient, kind: Kind, name: str, namespace: str | None, *, log: Log) -> ServerClock | None:
    """The API server's clock as this client knows it, else by a dry run of a patch of this object.

    None: the cluster does not tell it; then nothing is known of how old its stamps are.
    """
    if client.clock is None:
        try:
            client.read_clock(kind, name, namespace)
        except KubeError as error:
            log.info("%s", _untold(error))
    return client.clock


async def clock_of_async(
    client: AsyncKubeClient, kind: Kind, name: str, namespace: str | None, *, log: Log
) -> ServerClock | None:
    """`clock_of` on the event loop, always by a request: its client may be older than the clock's last correction."""
    try:
        return await client.read_clock(kind, name, namespace)
    except KubeError as error:
        log.info("%s", _untold(error))
        return None


def _untold(error: KubeError) -> str:
    return f"The API server's clock is not known, so waits count from now where its stamps would tell more: {error}"

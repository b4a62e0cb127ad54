"""`AckHook`: a cluster with the ACK SageMaker controller, on the cncf provider's connection type ``kubernetes``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from airflow.sdk import BaseHook

if TYPE_CHECKING:
    from airflow_ack_sagemaker.kube.client import AsyncKubeClient, KubeClient
    from airflow_ack_sagemaker.kube.connection.config import ClusterConfig

DEFAULT_CONN_ID = "kubernetes_default"

T = TypeVar("T")


class _Digest:
    """The last answer about a connection: how many times it was asked for, and which time gave this one."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.begun = 0
        self.number = 0
        self.digest = ""


_digests: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[type, str], _Digest]] = WeakKeyDictionary()


class AckHook(BaseHook):
    """Talk to the cluster of a ``kubernetes`` connection through a light client.

    Every field of the connection means what it means to the cncf provider's ``KubernetesHook``; that hook itself is not
    imported, because it costs each task process some seconds of CPU and 100 MB.

    ```python
    from airflow.sdk import task
    from airflow_ack_sagemaker.core.resource.kinds import kind_of
    from airflow_ack_sagemaker.hooks.ack import AckHook

    @task
    def endpoints():
        with AckHook("kubernetes_default").get_conn() as client:
            return [one["metadata"]["name"] for one in client.list(kind_of("Endpoint"), client.namespace).items]
    ```

    :param kubernetes_conn_id: the connection; a missing ``kubernetes_default`` means in-cluster or the default
        kubeconfig, as there.
    """

    conn_name_attr = "kubernetes_conn_id"
    default_conn_name = DEFAULT_CONN_ID

    def __init__(self, kubernetes_conn_id: str = DEFAULT_CONN_ID) -> None:
        super().__init__()
        self.kubernetes_conn_id = kubernetes_conn_id

    @cached_property
    def config(self) -> ClusterConfig:
        """The cluster and credentials that the connection led to when this was first asked. Blocks: in a trigger, call
        it in a thread.

        :raises AckInputError: the connection does not exist or makes no sense.
        """
        return self.resolve()

    def resolve(self) -> ClusterConfig:
        """The cluster and credentials that the connection leads to now. Blocks: in a trigger, call it in a thread.

        :raises AckInputError: the connection does not exist or makes no sense.
        """
        from airflow_ack_sagemaker.compat import AirflowException, AirflowNotFoundException
        from airflow_ack_sagemaker.exceptions import AckInputError
        from airflow_ack_sagemaker.kube.errors import ConfigError

        extra: dict[str, Any] = {}
        try:
            extra = self.get_connection(self.kubernetes_conn_id).extra_dejson
        except AirflowNotFoundException as error:
            if self.kubernetes_conn_id != DEFAULT_CONN_ID:
                raise AckInputError(
                    f"Connection {self.kubernetes_conn_id!r} (kubernetes_conn_id) does not exist: create it with the "
                    f"type 'kubernetes', or correct the name."
                ) from error
        except AirflowException as error:
            raise AckInputError(
                f"Connection {self.kubernetes_conn_id!r} (kubernetes_conn_id) cannot be read: {error}"
            ) from error
        try:
            return self.cluster(extra)
        except ConfigError as error:
            raise AckInputError(str(error)) from error

    def cluster(self, extra: dict[str, Any]) -> ClusterConfig:
        """What the connection's extra selects.

        :param extra: the connection's ``extra``, as a mapping.
        :raises ConfigError: it makes no sense.
        """
        from airflow_ack_sagemaker.kube.connection.config import cluster_config

        return cluster_config(extra, conn_id=self.kubernetes_conn_id)

    def get_conn(self) -> KubeClient:
        """A client; close it, or use it in a ``with`` statement."""
        from airflow_ack_sagemaker.kube.client import KubeClient

        return KubeClient(self.config, resolve=self.resolve)

    async def get_async_conn(self) -> AsyncKubeClient:
        """An asynchronous client for what the connection leads to now; it is resolved in a thread, off the event
        loop.
        """

        def make() -> AsyncKubeClient:
            # In the thread, too: the first import takes longer than an event loop should be held up.
            from airflow_ack_sagemaker.kube.client import AsyncKubeClient

            return AsyncKubeClient(self.resolve(), resolve=self._resolve_in_thread)

        return await _in_thread(make)

    async def cluster_digest(self) -> str:
        """Tells the cluster that the connection leads to now from others, see `ClusterConfig.digest`.

        Those that ask at the same time share an answer, but only one that was begun after they had asked: a trigger
        must not be told what the connection said before its task was launched.
        """
        answers = _digests.setdefault(asyncio.get_running_loop(), {})
        answer = answers.setdefault((type(self), self.kubernetes_conn_id), _Digest())
        asked = answer.begun
        async with answer.lock:
            if answer.number <= asked:
                answer.begun += 1
                number = answer.begun
                answer.digest = (await self._resolve_in_thread()).digest
                answer.number = number
            return answer.digest

    async def _resolve_in_thread(self) -> ClusterConfig:
        return await _in_thread(self.resolve)


async def _in_thread(function: Callable[[], T]) -> T:
    from asgiref.sync import sync_to_async

    # Not asyncio.to_thread: on Airflow 3.1 a triggerer answers such a thread only if asgiref made it.
    return await sync_to_async(function)()

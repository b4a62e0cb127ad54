"""The base of the watchers that look at all resources of a kind in a namespace, on one shared watch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_ack_sagemaker.core.run.news import Each, Item, Memory, Seen
from airflow_ack_sagemaker.hooks.ack import DEFAULT_CONN_ID
from airflow_ack_sagemaker.triggers.news import NewsTrigger

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.follow.shared import Prune
    from airflow_ack_sagemaker.follow.watch import CollectionFollower


class ResourcesTrigger(NewsTrigger):
    """Looks at the resources of a kind.

    :param kubernetes_conn_id: connection of type ``kubernetes``, as the cncf provider defines it.
    :param namespace: namespace of the resources; None: the connection's.
    :param poll_interval: seconds between looks, where the cluster does not allow ``watch``.
    """

    kind: ClassVar[Kind]

    def __init__(
        self,
        *,
        kubernetes_conn_id: str = DEFAULT_CONN_ID,
        namespace: str | None = None,
        poll_interval: float = 30.0,
    ) -> None:
        super().__init__()
        self.kubernetes_conn_id = kubernetes_conn_id
        self.namespace = namespace
        self.poll_interval = poll_interval

    def prune(self) -> Prune:
        """The part of a resource that is looked at."""
        from airflow_ack_sagemaker.follow.watch import without_bulk

        return without_bulk

    def resources(self) -> CollectionFollower:
        """The resources that are there, then None, then each that changes: on the stream that all triggers here
        share.
        """
        from airflow_ack_sagemaker.follow.watch import follow_all
        from airflow_ack_sagemaker.hooks.ack import AckHook

        hook = AckHook(self.kubernetes_conn_id)
        return follow_all(
            hook.get_async_conn,
            cluster=hook.cluster_digest,
            key=self.kubernetes_conn_id,
            kind=self.kind,
            namespace=self.namespace,
            poll_interval=self.poll_interval,
            prune=self.prune(),
        )


class EachResourceTrigger(ResourcesTrigger):
    """Fires once for each item that the resources of a kind tell of. The parameters are those of `ResourcesTrigger`."""

    @abstractmethod
    def item(self, resource: dict[str, Any]) -> Item | None:
        """What a resource tells of; None: nothing yet."""

    def memory(self) -> Memory[Any]:
        """All that was told."""
        return Each()

    async def looks(self) -> AsyncGenerator[Any, None]:
        """What is there, then each change. It waits until passing trouble is over; other trouble ends the trigger with
        an error.
        """
        from airflow_ack_sagemaker.kube.errors import Moved

        elsewhere = False
        while True:
            try:
                async with aclosing(self._seen(elsewhere)) as seen:
                    async for one in seen:
                        yield one
            except Moved as moved:
                # What is there is no news here.
                self.log.warning("%s Following what is there.", moved)
                elsewhere = True

    async def _seen(self, elsewhere: bool) -> AsyncGenerator[Seen, None]:
        first: list[Item] | None = []
        async with aclosing(self.resources()) as resources:
            async for resource in resources:
                if resource is None:
                    yield Seen(tuple(first or ()), all=True, elsewhere=elsewhere)
                    first = None
                elif (item := self.item(resource)) is None:
                    continue
                elif first is None:
                    yield Seen((item,))
                else:
                    first.append(item)

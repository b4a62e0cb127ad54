"""The stand-in for the ACK SageMaker controller: watches the resources of a cluster and reconciles them, one thread
with an event loop.

It talks to any Kubernetes API server and any SageMaker endpoint. As the real one it asks STS for the account first:
while that fails it does nothing at all, and only its log says so.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import KINDS
from airflow_ack_sagemaker.sandbox.clock import Clock
from airflow_ack_sagemaker.sandbox.controller.cluster import ClusterClient
from airflow_ack_sagemaker.sandbox.controller.kinds import MANAGERS
from airflow_ack_sagemaker.sandbox.controller.manager import Manager
from airflow_ack_sagemaker.sandbox.controller.queue import Queue
from airflow_ack_sagemaker.sandbox.controller.reconcile import Again, Reconciler
from airflow_ack_sagemaker.sandbox.controller.sagemaker import Aws

log = logging.getLogger(__name__)

START_RETRY_SECONDS = 2.0
"""How long after a failed GetCallerIdentity, or a failed list or watch, it is tried again."""

Key = tuple[str, str, str]
"""Kind, namespace and name."""


class Controller:
    """The controller.

    :param kubeconfig: a kubeconfig, as a path or as its content.
    :param aws_endpoint_url: endpoint of SageMaker and STS; None for AWS itself.
    :param clock: durations (requeues, back-off) follow it.
    :param namespace: the one to watch; None for all.
    :param kinds: which kinds to reconcile.
    :param workers: resources of one kind that are reconciled at the same time (reconcile.defaultMaxConcurrentSyncs).
    :param credentials: (access key id, secret access key); None takes them as botocore finds them.
    """

    def __init__(
        self,
        kubeconfig: Path | str | dict[str, Any],
        aws_endpoint_url: str | None,
        clock: Clock | None = None,
        namespace: str | None = None,
        kinds: Sequence[str] = tuple(KINDS),
        *,
        workers: int = 1,
        region: str = "us-east-1",
        credentials: tuple[str, str] | None = ("sandbox", "sandbox"),
    ) -> None:
        self.kubeconfig = kubeconfig
        self.clock = clock or Clock()
        self.namespace = namespace
        self.managers = tuple(manager for manager in MANAGERS if manager.kind.kind in kinds)
        self.workers = workers
        self.aws = Aws(aws_endpoint_url, region, credentials)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._started = threading.Event()
        self._running: asyncio.Event | None = None
        self._paused = False
        self._reconciling = 0
        self._generations: dict[Key, tuple[str, int]] = {}
        self._queues: list[Queue] = []

    # -- from other threads

    def start(self) -> None:
        """Start the thread. Whether cluster and AWS can be reached only the log tells, as with the real one."""
        self._started.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="sandbox-controller", daemon=True)
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Stop at once; what it does is cut off. Calling it again does nothing."""
        thread, loop, main = self._thread, self._loop, self._main
        if thread is None or loop is None or main is None:
            return
        self._thread = None
        if not loop.is_closed():
            loop.call_soon_threadsafe(main.cancel)
        thread.join()
        self.aws.close()

    def pause(self) -> None:
        """Reconcile nothing until :meth:`resume`, like a controller that is busy or down."""
        self._set_paused(True)

    def resume(self) -> None:
        """Go on after :meth:`pause`."""
        self._set_paused(False)

    @property
    def paused(self) -> bool:
        """Whether it is paused."""
        return self._paused

    @property
    def resting(self) -> bool:
        """Whether it is paused and has finished what it was doing then: nothing is half-written."""
        return self._running is not None and not self._running.is_set() and not self._reconciling

    @property
    def idle(self) -> bool:
        """Whether it follows the cluster and has nothing to do now: what it knows of is done or waits for its time."""
        return bool(self._queues) and all(queue.idle for queue in self._queues)

    def seen(self, kind: str) -> dict[tuple[str, str], tuple[str, int]]:
        """The resources of a kind that the watch has told of: uid and generation by namespace and name."""
        return {key[1:]: seen for key, seen in list(self._generations.items()) if key[0] == kind}

    def _set_paused(self, paused: bool) -> None:
        self._paused = paused
        if self._loop is None or self._running is None:
            return
        change = self._running.clear if paused else self._running.set
        self._loop.call_soon_threadsafe(change)

    def __enter__(self) -> Controller:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # -- in the loop

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._main = asyncio.current_task()
        self._running = asyncio.Event()
        if not self._paused:
            self._running.set()
        self._started.set()
        executor = ThreadPoolExecutor(
            max_workers=len(self.managers) * self.workers + 1, thread_name_prefix="sandbox-controller-aws"
        )

        async def call(function: Callable[..., Any], *arguments: Any) -> Any:
            return await asyncio.get_running_loop().run_in_executor(executor, function, *arguments)

        cluster = ClusterClient(self.kubeconfig, self.namespace)
        try:
            account = await self._account(call)
            reconciler = Reconciler(self.aws, account, self.clock, cluster.patch, call, cluster.deletion_policy)
            async with asyncio.TaskGroup() as group:
                for manager in self.managers:
                    queue = Queue(self.clock)
                    self._queues.append(queue)
                    group.create_task(self._watch(cluster, manager, queue))
                    for _ in range(self.workers):
                        group.create_task(self._work(cluster, manager, queue, reconciler))
        except asyncio.CancelledError:
            return
        finally:
            for queue in self._queues:
                queue.close()
            self._queues.clear()
            await cluster.close()
            executor.shutdown(wait=True, cancel_futures=True)

    async def _account(self, call: Callable[..., Any]) -> str:
        while True:
            try:
                account: str = await call(self.aws.account)
                return account
            except Exception as error:
                log.error("Unable to determine the AWS account (GetCallerIdentity): %s", error)
            await asyncio.sleep(self.clock.shortened(START_RETRY_SECONDS))

    async def _watch(self, cluster: ClusterClient, manager: Manager, queue: Queue) -> None:
        """Put into the queue what has changed: new resources, new generations, deletions."""
        while True:
            try:
                async for event, resource in cluster.follow(manager):
                    self._noticed(manager, queue, event, resource)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.error("Unable to watch %s: %s", manager.kind.plural, error)
                await asyncio.sleep(self.clock.shortened(START_RETRY_SECONDS))

    def _noticed(self, manager: Manager, queue: Queue, event: str, resource: dict[str, Any]) -> None:
        metadata = resource["metadata"]
        name = (metadata["namespace"], metadata["name"])
        key = (manager.kind.kind, *name)
        # Setting a deletionTimestamp raises the generation too. Labels, annotations and the status do not.
        seen = (metadata["uid"], metadata.get("generation", 0))
        if event == "DELETED":
            self._generations.pop(key, None)
        elif self._generations.get(key) != seen:
            # In this order: whoever is told of the change is told, too, that it is to be looked at.
            queue.add(name)
            self._generations[key] = seen

    async def _work(self, cluster: ClusterClient, manager: Manager, queue: Queue, reconciler: Reconciler) -> None:
        assert self._running is not None
        while True:
            item = await queue.take()
            await self._running.wait()
            again = Again()
            self._reconciling += 1
            try:
                # Read anew: since the watch's event it may have been deleted, or have got the ARN of its execution.
                resource = await cluster.get(manager, *item.name)
                if resource is not None:
                    again = await reconciler.reconcile(manager, resource, renew=item.changed)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.warning("%s %s/%s: %s", manager.kind, *item.name, error)
                again = Again(failed=str(error))
            finally:
                self._reconciling -= 1
            queue.done(item, again)

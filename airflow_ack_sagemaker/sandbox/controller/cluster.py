"""The controller's view of Kubernetes, through lightkube: independent of the package's own client."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from lightkube import AsyncClient, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.core_v1 import Namespace
from lightkube.types import OnErrorAction, OnErrorResult, PatchType

from airflow_ack_sagemaker.core.resource.kinds import GROUP, KINDS, VERSION
from airflow_ack_sagemaker.handshakes import close_when_cut
from airflow_ack_sagemaker.sandbox.controller.manager import Manager

FIELD_MANAGER = "ack-sagemaker"
POLICY = f"{GROUP}/deletion-policy"
ANSWER_SECONDS = 60.0
WATCH_SECONDS = 300
"""How long one watch lasts on the server before it is opened again at the version that was reached."""

Resource = dict[str, Any]

_CLASSES: dict[str, Any] = {
    kind.kind: create_namespaced_resource(GROUP, VERSION, kind.kind, kind.plural) for kind in KINDS.values()
}


class Conflict(Exception):
    """A write carried a version that is no longer the resource's."""


class ClusterClient:
    """A cluster.

    :param kubeconfig: a path, or the content of a kubeconfig.
    :param namespace: the one to watch; None for all.
    """

    def __init__(self, kubeconfig: Path | str | dict[str, Any], namespace: str | None) -> None:
        config = (
            KubeConfig.from_dict(kubeconfig)
            if isinstance(kubeconfig, dict)
            else KubeConfig.from_file(os.fspath(kubeconfig))
        )
        self.namespace = namespace
        # Proxies and CA bundles from the environment are not for a cluster that a kubeconfig names.
        # It waits for a busy server, as client-go does. The library's type of a timeout differs between its versions.
        timeout: Any = ANSWER_SECONDS
        self._client = AsyncClient(config=config.get(), trust_env=False, field_manager=FIELD_MANAGER, timeout=timeout)
        # A controller that is stopped as soon as it has started is cut off in its first handshakes.
        http: Any = self._client._client._client
        close_when_cut(http._transport)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def get(self, manager: Manager, namespace: str, name: str) -> Resource | None:
        """A resource as it is; None if it is gone."""
        try:
            return _plain(await self._client.get(_CLASSES[manager.kind.kind], name, namespace=namespace))
        except ApiError as error:
            if error.status.code == 404:
                return None
            raise

    async def deletion_policy(self, namespace: str) -> str | None:
        """The deletion policy that a namespace asks for in an annotation."""
        found = await self._client.get(Namespace, namespace)
        return (found.metadata.annotations or {}).get(POLICY) if found.metadata else None

    async def patch(self, manager: Manager, resource: Resource, body: dict[str, Any], status: bool) -> Resource:
        """Merge-patch a resource or its status. One that is gone is left as it was.

        :raises Conflict: the patch carries an old resourceVersion.
        """
        kind = _CLASSES[manager.kind.kind]
        metadata = resource["metadata"]
        try:
            return _plain(
                await self._client.patch(
                    kind.Status if status else kind,
                    metadata["name"],
                    body,
                    namespace=metadata["namespace"],
                    patch_type=PatchType.MERGE,
                )
            )
        except ApiError as error:
            if error.status.code == 404:
                return resource
            if error.status.code == 409:
                raise Conflict(error.status.message) from None
            raise

    async def follow(self, manager: Manager) -> AsyncIterator[tuple[str, Resource]]:
        """Every resource of a kind, then every change of one: ADDED, MODIFIED or DELETED.

        It ends when the server has forgotten the version that was reached; call it again then.
        """
        kind = _CLASSES[manager.kind.kind]
        namespace = self.namespace or "*"
        listed = self._client.list(kind, namespace=namespace, chunk_size=500)
        async for item in listed:
            yield "ADDED", _plain(item)
        # The client opens the watch again, from where it was, whenever the server ends it.
        watch = self._client.watch(
            kind,
            namespace=namespace,
            resource_version=listed.resourceVersion,
            server_timeout=WATCH_SECONDS,
            on_error=_on_error,
        )
        async for event, item in watch:
            yield event, _plain(item)


def _on_error(error: Exception, *_: Any) -> Any:
    """Stop when the server has forgotten the version (410, as an answer or as an event); raise everything else."""
    code = (
        error.status.code
        if isinstance(error, ApiError)
        else getattr(getattr(error, "response", None), "status_code", None)
    )
    return OnErrorResult(OnErrorAction.STOP if code == 410 else OnErrorAction.RAISE)


def _plain(resource: Any) -> Resource:
    """A resource as the JSON that it came as."""
    found: Resource = json.loads(json.dumps(resource.to_dict()))
    return found

"""Delete one very object: not a younger one of its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ack_sagemaker.kube.errors import Conflict, NotFound

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import AsyncKubeClient, KubeClient

_GONE = (NotFound, Conflict)
"""It is not there, another object has its name, or it has changed: what was to be deleted is not there any more."""


def delete_if_same(
    client: KubeClient, kind: Kind, name: str, namespace: str, *, uid: str | None, resource_version: str | None = None
) -> bool:
    """Delete the object that has this uid.

    :param uid: None: whichever there is.
    :param resource_version: only if nobody has written since this version; None: however it stands.
    :returns: whether it was there, as it was expected.
    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    try:
        client.delete(kind, name, namespace, uid=uid, resource_version=resource_version)
    except _GONE:
        return False
    return True


async def delete_if_same_async(
    client: AsyncKubeClient,
    kind: Kind,
    name: str,
    namespace: str | None,
    *,
    uid: str | None,
    resource_version: str | None = None,
) -> bool:
    """`delete_if_same` on the event loop."""
    try:
        await client.delete(kind, name, namespace, uid=uid, resource_version=resource_version)
    except _GONE:
        return False
    return True

"""Delete one very object: not a younger one of its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ack_sagemaker.kube.errors import Conflict, NotFound

if TYPE_CHECKING:
    from airflow_ack_sagemaker.core.resource.kinds import Kind
    from airflow_ack_sagemaker.kube.client import AsyncKubeClient, KubeClient

_GONE = (NotFound, Conflict)
"""It is not there, or another object has its name: either way there is nothing left to delete."""


def delete_if_same(client: KubeClient, kind: Kind, name: str, namespace: str, *, uid: str | None) -> bool:
    """Delete the object that has this uid.

    :param uid: None: whichever there is.
    :returns: whether it was there.
    :raises KubeError: the cluster refuses it or cannot be asked.
    """
    try:
        client.delete(kind, name, namespace, uid=uid)
    except _GONE:
        return False
    return True


async def delete_if_same_async(
    client: AsyncKubeClient, kind: Kind, name: str, namespace: str | None, *, uid: str | None
) -> bool:
    """`delete_if_same` on the event loop."""
    try:
        await client.delete(kind, name, namespace, uid=uid)
    except _GONE:
        return False
    return True

"""Every call that a client offers, written once as steps; `.client` performs them blocking, `.async_client` awaiting.

``namespace=None`` means the connection's default namespace; "" means all namespaces, for list and watch. Every call
raises :class:`~.errors.KubeError`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from airflow_ack_sagemaker.core.resource import fields
from airflow_ack_sagemaker.core.resource.kinds import Kind
from airflow_ack_sagemaker.core.resource.server_clock import (
    ANNOTATION_STAMP,
    ServerClock,
    server_clock,
    stamp_of_write,
)
from airflow_ack_sagemaker.kube import access, answers, requests, retry
from airflow_ack_sagemaker.kube.answers import ResourceList
from airflow_ack_sagemaker.kube.base_client import Client
from airflow_ack_sagemaker.kube.requests import PAGE_SIZE
from airflow_ack_sagemaker.kube.retry import Resolve, Steps


def get(client: Client[Any], kind: Kind, name: str, namespace: str | None = None) -> Steps[dict[str, Any]]:
    """One object."""
    return retry.call(requests.get(kind, name, client.in_namespace(namespace)), client.retry)


def list_all(
    client: Client[Any],
    kind: Kind,
    namespace: str | None = None,
    *,
    label_selector: str = "",
    field_selector: str = "",
    limit: int | None = None,
) -> Steps[ResourceList]:
    """The objects of a namespace, all pages, or the first ``limit`` objects."""
    return retry.list_all(
        kind,
        client.in_namespace(namespace),
        client.retry,
        label_selector=label_selector,
        field_selector=field_selector,
        limit=limit,
    )


def list_page(
    client: Client[Any],
    kind: Kind,
    namespace: str | None = None,
    *,
    label_selector: str = "",
    field_selector: str = "",
    page: str = "",
    limit: int = PAGE_SIZE,
    most: int | None = None,
) -> Steps[ResourceList]:
    """One page of a list, for readers that keep little of each object.

    :param most: bytes that the page may have.
    :raises TooLarge: it has more.
    """
    request = requests.list_page(
        kind,
        client.in_namespace(namespace),
        label_selector=label_selector,
        field_selector=field_selector,
        page=page,
        limit=limit,
        most=most,
    )
    return answers.parse_list((yield from retry.call(request, client.retry)))


def create(client: Client[Any], kind: Kind, manifest: Mapping[str, Any]) -> Steps[dict[str, Any]]:
    """Create the object. When the outcome is unknown (:class:`~.errors.Unreachable` with ``sent``), look for it by its
    name.
    """
    asked = time.time()
    answer = yield from retry.call(requests.create(kind, manifest, client.namespace_of(manifest)), client.retry)
    if (created := fields.created(answer)) is not None:
        client.clock = server_clock(created, asked=asked, answered=time.time())
    return answer


def read_clock(client: Client[Any], kind: Kind, name: str, namespace: str | None = None) -> Steps[ServerClock | None]:
    """The API server's clock, by a dry run of a patch that changes nothing; None where the answer does not tell it."""
    body = {"metadata": {"annotations": {ANNOTATION_STAMP: str(time.time_ns())}}}
    request = requests.patch(kind, name, body, client.in_namespace(namespace), dry_run=True)
    asked = time.time()
    answer = yield from retry.call(request, client.retry)
    if (stamp := stamp_of_write(answer)) is not None:
        client.clock = server_clock(stamp, asked=asked, answered=time.time())
    return client.clock


def apply(
    client: Client[Any], kind: Kind, manifest: Mapping[str, Any], *, force: bool = True, dry_run: bool = False
) -> Steps[dict[str, Any]]:
    """Server-side apply as field manager ``airflow-ack-sagemaker``."""
    request = requests.apply(kind, manifest, client.namespace_of(manifest), force=force, dry_run=dry_run)
    return retry.call(request, client.retry)


def patch(
    client: Client[Any],
    kind: Kind,
    name: str,
    body: Mapping[str, Any],
    namespace: str | None = None,
    *,
    resource_version: str | None = None,
) -> Steps[dict[str, Any]]:
    """JSON merge patch; :class:`~.errors.Conflict` when ``resource_version`` is given and outdated."""
    request = requests.patch(kind, name, body, client.in_namespace(namespace), resource_version=resource_version)
    return retry.call(request, client.retry)


def delete(
    client: Client[Any],
    kind: Kind,
    name: str,
    namespace: str | None = None,
    *,
    uid: str | None = None,
    resource_version: str | None = None,
) -> Steps[dict[str, Any]]:
    """Delete one object: with ``uid`` only that one, with ``resource_version`` only as it was then (else
    :class:`~.errors.Conflict`). Returns the object, when finalizers keep it for a while, or the server's Status.
    """
    request = requests.delete(kind, name, client.in_namespace(namespace), uid=uid, resource_version=resource_version)
    return retry.call(request, client.retry)


def may(client: Client[Any], verb: str, kind: Kind, namespace: str | None = None) -> Steps[bool]:
    """Whether this user may do that with the objects of a namespace, for example ``watch``."""
    answer = yield from retry.call(access.review(kind, verb, client.in_namespace(namespace)), client.retry)
    return bool((answer.get("status") or {}).get("allowed"))


def document(client: Client[Any], path: str) -> Steps[dict[str, Any]]:
    """What the server says about itself under a path, for example ``/version``."""
    return retry.call(access.document(path), client.retry)


def reload(client: Client[Any]) -> Steps[bool]:
    """Read the connection again, since it may have been changed; whether it gave another credential for this
    cluster.
    """
    return bool((yield Resolve()))

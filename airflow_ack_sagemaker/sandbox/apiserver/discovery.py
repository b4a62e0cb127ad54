"""The documents by which clients find out what is served: discovery, aggregated discovery, the version."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver.catalog import Catalog
from airflow_ack_sagemaker.sandbox.apiserver.resource import STATUS_VERBS, Resource

Document = dict[str, Any]

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

VERSION: Document = {
    "major": "1",
    "minor": "37",
    "emulationMajor": "1",
    "emulationMinor": "37",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "36",
    "gitVersion": "v1.37.2+sandbox",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "python",
}
"""The version of the API that this server speaks; clients compare it with their own."""


def api_versions(address: str) -> Document:
    """``/api``; ``address`` is host:port of the server."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def _group(name: str, versions: list[str]) -> Document:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def groups(catalog: Catalog) -> Document:
    """``/apis``."""
    found = [_group(name, versions) for name, versions in catalog.groups().items()]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}


def group(catalog: Catalog, name: str) -> Document | None:
    """``/apis/GROUP``, or None."""
    versions = catalog.groups().get(name)
    return None if versions is None else {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}


def _members(catalog: Catalog, name: str, version: str) -> list[Resource]:
    return [resource for resource in catalog.all() if (resource.group, resource.version) == (name, version)]


def resources(catalog: Catalog, name: str, version: str) -> Document | None:
    """``/apis/GROUP/VERSION`` or, for the group "", ``/api/v1``; or None."""
    members = _members(catalog, name, version)
    if not members:
        return None
    listed: list[Document] = []
    for resource in members:
        entry: Document = {
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(resource.verbs),
        }
        if resource.short_names:
            entry["shortNames"] = list(resource.short_names)
        if resource.categories:
            entry["categories"] = list(resource.categories)
        digest = hashlib.sha256(f"{resource.group}/{resource.version}/{resource.kind}".encode()).digest()
        if "get" in resource.verbs:
            entry["storageVersionHash"] = base64.b64encode(digest[:8]).decode()
        listed.append(entry)
        if resource.status:
            listed.append(
                {
                    "name": f"{resource.plural}/status",
                    "singularName": "",
                    "namespaced": resource.namespaced,
                    "kind": resource.kind,
                    "verbs": list(STATUS_VERBS),
                }
            )
    group_version = f"{name}/{version}" if name else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": listed}


def _aggregated_resource(resource: Resource) -> Document:
    # For the built-in kinds, the group and version of the response are empty: those of the list that holds them.
    kind = {
        "group": resource.group if resource.custom else "",
        "version": resource.version if resource.custom else "",
        "kind": resource.kind,
    }
    entry: Document = {
        "resource": resource.plural,
        "responseKind": kind,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.status:
        entry["subresources"] = [{"subresource": "status", "responseKind": kind, "verbs": list(STATUS_VERBS)}]
    return entry


def aggregated(catalog: Catalog, *, core: bool) -> Document:
    """``/api`` (core) or ``/apis`` in the aggregated form (apidiscovery.k8s.io/v2): every resource in one document."""
    items: list[Document] = []
    wanted = {"": ["v1"]} if core else catalog.groups()
    for name, versions in wanted.items():
        items.append(
            {
                "metadata": {"name": name} if name else {},
                "versions": [
                    {
                        "version": version,
                        "resources": [_aggregated_resource(resource) for resource in _members(catalog, name, version)],
                        "freshness": "Current",
                    }
                    for version in versions
                ],
            }
        )
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}

"""Which kinds are served: the built-in ones, and those whose CustomResourceDefinition is stored."""

from __future__ import annotations

from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver.kinds import BUILT_IN
from airflow_ack_sagemaker.sandbox.apiserver.resource import AGE, Column, Resource
from airflow_ack_sagemaker.sandbox.apiserver.schema import with_metadata


def from_crd(crd: dict[str, Any]) -> list[Resource]:
    """The resources that a CustomResourceDefinition (apiextensions.k8s.io/v1) serves: one per served version."""
    spec = crd["spec"]
    names = spec["names"]
    found = []
    for version in spec["versions"]:
        if not version.get("served", True):
            continue
        columns = tuple(
            Column(
                column["name"],
                column["jsonPath"],
                column["type"],
                column.get("format", ""),
                column.get("description")
                or f"Custom resource definition column (in JSONPath format): {column['jsonPath']}",
                column.get("priority", 0),
            )
            for column in version.get("additionalPrinterColumns", [])
        )
        found.append(
            Resource(
                group=spec["group"],
                version=version["name"],
                plural=names["plural"],
                singular=names.get("singular") or names["kind"].lower(),
                kind=names["kind"],
                list_kind=names.get("listKind", ""),
                namespaced=spec["scope"] == "Namespaced",
                schema=with_metadata(version["schema"]["openAPIV3Schema"]),
                short_names=tuple(names.get("shortNames", ())),
                categories=tuple(names.get("categories", ())),
                columns=columns or (AGE,),
                status="status" in version.get("subresources", {}),
                custom=True,
            )
        )
    return found


class Catalog:
    """The served kinds, looked up by group, version and plural."""

    def __init__(self) -> None:
        self._resources: dict[tuple[str, str, str], Resource] = {}
        self.generation = 0
        for resource in BUILT_IN:
            self._add(resource)

    def _add(self, resource: Resource) -> None:
        self._resources[resource.group, resource.version, resource.plural] = resource

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource, or None when it is not served."""
        return self._resources.get((group, version, plural))

    def all(self) -> list[Resource]:
        """Every served resource, in a stable order."""
        return [self._resources[key] for key in sorted(self._resources)]

    def groups(self) -> dict[str, list[str]]:
        """The versions of each API group but the core one."""
        found: dict[str, list[str]] = {}
        for group, version, _ in sorted(self._resources):
            if group and version not in found.setdefault(group, []):
                found[group].append(version)
        return found

    def install(self, crd: dict[str, Any]) -> None:
        """Serve what the CustomResourceDefinition defines, in place of what it defined before."""
        self.uninstall(crd)
        for resource in from_crd(crd):
            self._add(resource)

    def uninstall(self, crd: dict[str, Any]) -> None:
        """Stop serving what the CustomResourceDefinition defines."""
        self.generation += 1
        group, plural = crd["spec"]["group"], crd["spec"]["names"]["plural"]
        for key in [key for key in self._resources if (key[0], key[2]) == (group, plural)]:
            del self._resources[key]

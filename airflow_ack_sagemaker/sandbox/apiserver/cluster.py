"""The state behind the API: the store, the served kinds, and what one write entails elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver.catalog import Catalog
from airflow_ack_sagemaker.sandbox.apiserver.decoding import Options, Target
from airflow_ack_sagemaker.sandbox.apiserver.kinds import CRDS, NAMESPACES
from airflow_ack_sagemaker.sandbox.apiserver.store import Object, Store
from airflow_ack_sagemaker.sandbox.apiserver.writes import Writer

_FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


class Cluster:
    """A cluster that has its four namespaces and these CustomResourceDefinitions.

    Removing the content of a deleted namespace, and the objects of a deleted CustomResourceDefinition, are done here at
    once; in a real cluster controllers do it.
    """

    def __init__(self, crds: Iterable[Object], now: Callable[[], datetime], *, history: int = 4096) -> None:
        self.store = Store(history)
        self.catalog = Catalog()
        self.writer = Writer(self.store, now)
        options = Options("sandbox", tracked=False)
        for name in _FIRST_NAMESPACES:
            self.create(
                Target(NAMESPACES), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, options
            )
        for crd in crds:
            self.create(Target(CRDS), crd, options)
        # Nobody has seen a version from before this: it must not be possible to resume a watch at one.
        self.store.compact()

    def create(self, target: Target, body: Any, options: Options) -> Object:
        """Create an object."""
        obj = self.writer.create(target, body, options)
        self._installed(target, obj, options)
        return obj

    def replace(self, target: Target, body: Any, options: Options) -> Object:
        """Replace an object."""
        obj = self.writer.replace(target, body, options)
        self._installed(target, obj, options)
        self._emptied(target)
        return obj

    def patch(self, target: Target, kind: str, body: Any, options: Options) -> Object:
        """Patch an object; ``kind`` is the patch's content type."""
        obj = self.writer.patch(target, kind, body, options)
        self._installed(target, obj, options)
        self._emptied(target)
        return obj

    def apply(self, target: Target, body: Any, options: Options) -> tuple[Object, bool]:
        """Apply a configuration; also says whether the object is new."""
        obj, created = self.writer.apply(target, body, options)
        self._installed(target, obj, options)
        self._emptied(target)
        return obj, created

    def delete(
        self, target: Target, options: Options, preconditions: dict[str, str] | None = None
    ) -> tuple[Object, bool]:
        """Delete an object; also says whether it is gone at once."""
        obj, gone = self.writer.delete(target, options, preconditions)
        if options.dry_run:
            return obj, gone
        if target.resource is CRDS and gone:
            self._uninstall(obj)
        elif target.resource is NAMESPACES:
            self._empty(target.name, options)
        else:
            self._emptied(target)
        return obj, gone

    def _installed(self, target: Target, obj: Object, options: Options) -> None:
        if target.resource is CRDS and not options.dry_run:
            self.catalog.install(obj)

    def _uninstall(self, crd: Object) -> None:
        self.catalog.uninstall(crd)
        resource = crd["metadata"]["name"]
        for key in list(self.store.items(resource)):
            self.store.delete(resource, key)
        self.store.close(resource)

    def _content(self, namespace: str) -> list[Target]:
        return [
            Target(resource, *key)
            for resource in self.catalog.all()
            if resource.namespaced
            for key in self.store.items(resource.qualified)
            if key[0] == namespace
        ]

    def _empty(self, namespace: str, options: Options) -> None:
        for target in self._content(namespace):
            self.writer.delete(target, options)
        self._emptied(Target(NAMESPACES, "", namespace))

    def _emptied(self, target: Target) -> None:
        """Remove the namespace of the target when it is being deleted and nothing is left in it."""
        name = target.name if target.resource is NAMESPACES else target.namespace
        found = self.store.get("namespaces", ("", name)) if name else None
        if found is not None and "deletionTimestamp" in found["metadata"] and not self._content(name):
            self.store.delete("namespaces", ("", name))

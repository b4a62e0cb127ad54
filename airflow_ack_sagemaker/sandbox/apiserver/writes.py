"""What happens to an object that is written: the steps of kube-apiserver between the request and the store."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver import builtin, errors, managed, metadata
from airflow_ack_sagemaker.sandbox.apiserver.decoding import (
    JSON_PATCH,
    STRATEGIC_PATCH,
    Options,
    Target,
    check_patched_type,
    check_put,
    decode,
    place,
    timestamp,
)
from airflow_ack_sagemaker.sandbox.apiserver.kinds import CRDS, LEASES, NAMESPACES
from airflow_ack_sagemaker.sandbox.apiserver.managed import Manager
from airflow_ack_sagemaker.sandbox.apiserver.patch import PatchError, json_patch, merge_patch
from airflow_ack_sagemaker.sandbox.apiserver.resource import Resource
from airflow_ack_sagemaker.sandbox.apiserver.schema import decoder_type, validate
from airflow_ack_sagemaker.sandbox.apiserver.store import Object, Store
from airflow_ack_sagemaker.sandbox.apiserver.strategic import StrategicError, strategic_merge

ETCD_LIMIT = 1_572_864
"""The limit of one write to etcd, in bytes."""


class Writer:
    """Creates, replaces, patches and applies objects."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self.store = store
        self._now = now

    def create(self, target: Target, body: Any, options: Options) -> Object:
        """Store a new object."""
        obj = decode(target, body, options)
        meta = obj["metadata"]
        if target.name:
            check_put(target, meta)
        if "resourceVersion" in meta:
            raise errors.internal("resourceVersion should not be set on objects to be created")
        for name in (
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "selfLink",
        ):
            meta.pop(name, None)
        if "name" not in meta and "generateName" in meta:
            meta["name"] = metadata.generated_name(meta["generateName"])
        if target.resource.status:
            obj.pop("status", None)
        if options.tracked:
            obj = self._managed(target, None, obj, options)
        builtin.complete(target.resource, obj, timestamp(self._now()))
        return self._create(target, obj, options)

    def _create(self, target: Target, obj: Object, options: Options) -> Object:
        resource = target.resource
        meta = obj["metadata"] = {
            **obj["metadata"],
            "uid": str(uuid.uuid4()),
            "creationTimestamp": timestamp(self._now()),
        }
        if target.resource.namespaced:
            self._require_namespace(target, meta.get("name", ""))
        if resource.counted:
            meta["generation"] = 1
        causes = metadata.problems(resource, meta, creating=True)
        causes += validate(obj, resource.schema) if resource.custom else builtin.problems(resource, obj, None)
        name = meta.get("name", "")
        if causes:
            raise errors.invalid(resource, name, causes)
        if (found := self.store.get(resource.qualified, (target.namespace, name))) is not None:
            raise errors.already_exists(resource, name, deleting="deletionTimestamp" in found["metadata"])
        return self._store(resource, obj, options)

    def _require_namespace(self, target: Target, name: str) -> None:
        found = self.store.get(NAMESPACES.qualified, ("", target.namespace))
        if found is None:
            raise errors.not_found(NAMESPACES, target.namespace)
        if "deletionTimestamp" in found["metadata"]:
            raise errors.namespace_ends(target.resource, target.namespace, name)

    def current(self, target: Target) -> Object:
        """The stored object.

        :raises ApiFailure: 404, there is none.
        """
        found = self.store.get(target.resource.qualified, target.key)
        if found is None:
            raise errors.not_found(target.resource, target.name)
        return found

    def replace(self, target: Target, body: Any, options: Options) -> Object:
        """Replace an object (PUT)."""
        obj = decode(target, body, options)
        if not obj["metadata"].get("name"):
            raise self._nameless(target)
        live = self.store.get(target.resource.qualified, target.key)
        if live is None:
            raise errors.not_found(target.resource, target.name)
        meta = obj["metadata"]
        if meta.get("uid", live["metadata"]["uid"]) != live["metadata"]["uid"]:
            raise errors.conflict(
                target.resource,
                target.name,
                f"StorageError: invalid object, Code: 4, Key: "
                f"/registry/{target.resource.group}/{target.resource.plural}/"
                f"{target.namespace}/{target.name}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID "
                f"in "
                f"precondition: {meta['uid']}, UID in object meta: {live['metadata']['uid']}",
            )
        if "resourceVersion" not in meta and (target.resource.custom or target.resource in (CRDS, LEASES)):
            cause = errors.invalid_value("metadata.resourceVersion", "0", "must be specified for an update")
            failure = errors.invalid(target.resource, target.name, [cause], kind=target.resource.plural)
            raise failure
        return self._update(target, live, obj, options)

    def patch(self, target: Target, kind: str, body: Any, options: Options) -> Object:
        """Patch an object with a JSON merge patch or a JSON patch; ``kind`` is the content type."""
        live = self.current(target)
        if kind == JSON_PATCH:
            for value, wanted, go in ((body, list, "[]"), *((one, dict, "") for one in _items(body))):
                if not isinstance(value, wanted):
                    raise errors.bad_request(
                        f"error decoding patch: json: cannot unmarshal {decoder_type(value)} into Go value of type "
                        f"{go}handlers.jsonPatchOp"
                    )
            try:
                patched = json_patch(live, _items(body))
            except PatchError:
                raise errors.unprocessable() from None
        elif not isinstance(body, dict):
            raise errors.bad_request(
                f"error decoding patch: json: cannot unmarshal {decoder_type(body)} into Go value of type "
                f"map[string]interface {{}}"
            )
        elif kind == STRATEGIC_PATCH:
            try:
                patched = strategic_merge(live, body, target.resource.schema)
            except StrategicError as error:
                raise (errors.bad_request if error.unfit else errors.internal)(str(error)) from None
        else:
            patched = merge_patch(live, body)
        if not isinstance(patched, dict):
            raise errors.unprocessable()

        def refuse(message: str) -> Exception:
            text = json.dumps(patched, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
            return errors.invalid_patch('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"', message)

        meta = patched.get("metadata") or {}
        nameless = isinstance(meta, dict) and not meta.get("name")
        if not target.resource.custom and (nameless or not patched.get("apiVersion")):
            raise self._nameless(target)
        check_patched_type(target, patched, refuse)
        if nameless:
            raise self._nameless(target)
        obj = decode(target, patched, options, refuse=refuse)
        return self._update(target, live, obj, options)

    def apply(self, target: Target, body: Any, options: Options) -> tuple[Object, bool]:
        """Apply a configuration on the server's side. Returns the object and whether it is new."""
        resource = target.resource
        if not isinstance(body, dict):
            raise errors.bad_request(
                "error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array "
                "into Go value "
                "of type map[string]interface {}"
            )
        live = self.store.get(resource.qualified, target.key)
        if live is None and target.subresource:
            raise errors.not_found(resource, target.name)
        meta: Any = {} if body.get("metadata") is None else body["metadata"]
        if not isinstance(meta, dict) or (not resource.custom and metadata.wrong_shape(resource, meta)):
            raise errors.bad_request(f"error decoding patch: {metadata.wrong_shape(resource, meta)}")
        if meta.get("managedFields") is not None:
            raise errors.bad_request("metadata.managedFields must be nil")
        if (body.get("apiVersion"), body.get("kind")) != (resource.api_version, resource.kind):
            given = body.get("apiVersion", "/")
            raise errors.bad_request(f"invalid object type: {given}, Kind={body.get('kind', '')}")
        if live is None and not meta.get("name"):
            raise self._nameless(target)
        if live is None and meta.get("uid"):
            detail = f"uid mismatch: the provided object specified uid {meta['uid']}, and no existing object was found"
            raise errors.conflict(resource, target.name, detail)
        config: Object = {**body, "metadata": meta}
        place(target, {**config, "metadata": metadata.tidy(meta)})
        version = meta.get("resourceVersion")
        if live is not None and version is not None and version != live["metadata"]["resourceVersion"]:
            raise errors.conflict(resource, target.name)
        base: Object = live or {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {}}
        manager = Manager(options.manager, "Apply", target.subresource)
        obj = managed.apply(
            base,
            self._own(target, config),
            resource.schema,
            manager,
            resource.api_version,
            timestamp(self._now()),
            force=options.force,
        )
        obj["metadata"] = metadata.tidy(obj["metadata"])
        place(target, obj)
        if resource.custom and not obj["metadata"].get("name") and not meta.get("name"):
            raise self._nameless(target)
        obj["metadata"].setdefault("name", target.name)
        if not resource.custom:
            if message := builtin.misfit(resource, obj):
                raise errors.bad_request(message)
            obj = builtin.decoded(resource, obj)
        if live is not None:
            obj = obj if target.subresource else builtin.kept(resource, live, obj)
            return self._finish(target, live, obj, options), False
        obj["metadata"].pop("resourceVersion", None)
        builtin.complete(resource, obj, timestamp(self._now()))
        return self._create(target, obj, options), True

    @staticmethod
    def _nameless(target: Target) -> Exception:
        return errors.nameless(target.name)

    @staticmethod
    def _own(target: Target, config: Object) -> Object:
        """The part of a configuration that the request may write: all but the status, or the status alone."""
        if target.subresource:
            kept: Object = {key: config[key] for key in ("apiVersion", "kind", "status") if key in config}
            names = {key: config["metadata"][key] for key in ("name", "namespace") if key in config["metadata"]}
            return {**kept, "metadata": names}
        if target.resource.status:
            return {key: value for key, value in config.items() if key != "status"}
        return config

    # -- the common end of all updates

    def _update(self, target: Target, live: Object, obj: Object, options: Options) -> Object:
        version = obj["metadata"].get("resourceVersion")
        if version is not None and not version.isdigit():
            raise errors.internal(f'strconv.ParseUint: parsing "{version}": invalid syntax')
        if version is not None and version != live["metadata"]["resourceVersion"]:
            raise errors.conflict(target.resource, target.name)
        return self._finish(
            target, live, self._managed(target, live, self._writable(target, live, obj), options), options
        )

    @staticmethod
    def _writable(target: Target, live: Object, obj: Object) -> Object:
        """The new object where the request may write, and the stored one elsewhere."""
        if target.subresource:
            kept = {**live, "metadata": dict(live["metadata"])}
            if "managedFields" in obj["metadata"]:
                kept["metadata"]["managedFields"] = obj["metadata"]["managedFields"]
            kept.pop("status", None)
            if "status" in obj:
                kept["status"] = obj["status"]
            return kept
        if target.resource.status:
            obj = {key: value for key, value in obj.items() if key != "status"}
            if "status" in live:
                obj["status"] = live["status"]
        return builtin.kept(target.resource, live, obj)

    def _managed(self, target: Target, live: Object | None, obj: Object, options: Options) -> Object:
        manager = Manager(options.manager, "Update", target.subresource)
        resource = target.resource
        return managed.update(live, obj, resource.schema, manager, resource.api_version, timestamp(self._now()))

    def _finish(self, target: Target, live: Object, obj: Object, options: Options) -> Object:
        resource = target.resource
        before = live["metadata"]
        if target.subresource:
            obj = {**obj, "metadata": {**before, "managedFields": obj["metadata"].get("managedFields")}}
            if obj["metadata"]["managedFields"] is None:
                del obj["metadata"]["managedFields"]
        meta = dict(obj["metadata"])
        causes = metadata.changes(before, meta)
        for name in (
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "name",
            "namespace",
        ):
            if name in before:
                meta[name] = before[name]
            else:
                meta.pop(name, None)
        meta["resourceVersion"] = before["resourceVersion"]
        obj = {**obj, "metadata": meta}
        if resource.counted and not target.subresource and _content(obj) != _content(live):
            meta["generation"] = before.get("generation", 0) + 1
        causes += metadata.problems(resource, meta, creating=False)
        causes += self._validate(target, obj, live) if resource.custom else builtin.problems(resource, obj, live)
        if causes:
            raise errors.invalid(resource, target.name, causes)
        if _same(obj, live):
            return live
        if "deletionTimestamp" in meta and not meta.get("finalizers") and not _held(resource, obj):
            if not options.dry_run:
                self.store.delete(resource.qualified, target.key, obj)
            return obj
        return self._store(resource, obj, options)

    @staticmethod
    def _validate(target: Target, obj: Object, live: Object) -> list[errors.Cause]:
        schema = target.resource.schema
        if target.subresource:
            below = schema["properties"].get("status", {})
            return validate(obj["status"], below, live.get("status"), "status", hidden=7) if "status" in obj else []
        return validate(obj, schema, live)

    def _store(self, resource: Resource, obj: Object, options: Options) -> Object:
        if _stored_size(obj) > ETCD_LIMIT:
            raise errors.internal("etcdserver: request is too large")
        if options.dry_run:
            return obj
        return self.store.put(resource.qualified, obj)

    # -- deletion

    def delete(
        self, target: Target, options: Options, preconditions: dict[str, str] | None = None
    ) -> tuple[Object, bool]:
        """Delete an object, or mark it when finalizers hold it. Returns its last state and whether it is gone."""
        resource = target.resource
        builtin.check_deletion(resource, target.name)
        live = self.current(target)
        meta = live["metadata"]
        for key, title, hint in (
            ("uid", "UID", "The object might have been deleted and then recreated"),
            ("resourceVersion", "ResourceVersion", "The object might have been modified"),
        ):
            wanted = (preconditions or {}).get(key)
            if wanted is not None and wanted != meta[key]:
                raise errors.precondition_failed(resource, target.name, title, wanted, meta[key], hint)
        if meta.get("finalizers") or _held(resource, live):
            if "deletionTimestamp" in meta:
                return live, False
            marked = {**meta, "deletionTimestamp": timestamp(self._now())}
            obj = {**live, "metadata": marked}
            if resource is NAMESPACES:
                obj["status"] = {**obj["status"], "phase": "Terminating"}
            else:
                marked["deletionGracePeriodSeconds"] = 0
            if resource.counted:
                marked["generation"] = meta.get("generation", 0) + 1
            return self._store(resource, obj, options), False
        if not options.dry_run:
            self.store.delete(resource.qualified, target.key)
        return live, True


def _stored_size(obj: Object) -> int:
    """The size of the object as kube-apiserver stores it, in bytes: JSON in which ``<``, ``>`` and ``&`` take six."""
    text = json.dumps(obj, separators=(",", ":"), ensure_ascii=False)
    return len(text.encode()) + 5 * (text.count("<") + text.count(">") + text.count("&"))


def _content(obj: Object) -> Object:
    """What a generation counts: all but metadata and status."""
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def _held(resource: Resource, obj: Object) -> bool:
    return resource is NAMESPACES and bool((obj.get("spec") or {}).get("finalizers"))


def _same(obj: Object, live: Object) -> bool:
    """Whether a write would change nothing but the times of managed fields."""
    if _content(obj) != _content(live) or obj.get("status") != live.get("status"):
        return False

    def timeless(meta: Object) -> Object:
        entries = [
            {key: value for key, value in entry.items() if key != "time"} for entry in meta.get("managedFields", [])
        ]
        entries.sort(key=lambda entry: (entry["operation"], entry["manager"], entry.get("subresource", "")))
        return {**meta, "managedFields": entries}

    return timeless(obj["metadata"]) == timeless(live["metadata"])


def _items(operations: Any) -> list[Any]:
    """The operations of a JSON patch; null is one without members, as in Go."""
    return [{} if one is None else one for one in operations] if isinstance(operations, list) else []

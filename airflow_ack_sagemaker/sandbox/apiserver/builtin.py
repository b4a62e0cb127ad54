"""The rules of the built-in kinds: what the server adds to an object, what it refuses, what cannot be deleted."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver import definitions, errors, typed
from airflow_ack_sagemaker.sandbox.apiserver.errors import Cause
from airflow_ack_sagemaker.sandbox.apiserver.kinds import CONFIG_MAPS, CRDS, EVENTS, LEASES, NAMESPACES, SECRETS
from airflow_ack_sagemaker.sandbox.apiserver.metadata import FINALIZER_RULE, FINALIZERS
from airflow_ack_sagemaker.sandbox.apiserver.resource import Resource

Object = dict[str, Any]

_DATA_LIMIT = 1_048_576
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    f"'key-name', regex used for validation is '{_KEY.pattern}')"
)
_NEEDED = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
"""The keys that a Secret of a type must have."""
_KEPT_NAMESPACES = ("default", "kube-system", "kube-public")


def misfit(resource: Resource, obj: Object) -> str:
    """What keeps an object from being decoded, as the server says it; "" for nothing."""
    return definitions.misfit(obj) if resource is CRDS else typed.misfit(resource, obj)


def decoded(resource: Resource, obj: Object) -> Object:
    """An object as the server holds it once it is decoded: without what is empty, ``stringData`` as ``data``."""
    if resource is CRDS:
        return definitions.decoded(obj)
    obj = {name: value for name, value in obj.items() if value is not None}
    if resource is SECRETS and "stringData" in obj:
        plain = obj.pop("stringData") or {}
        data = {key: base64.b64encode((value or "").encode()).decode() for key, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **data}
    if resource is SECRETS:
        obj["type"] = obj.get("type") or "Opaque"
    if resource in (CONFIG_MAPS, SECRETS):
        for name in ("data", "binaryData"):
            if not obj.get(name, True):
                del obj[name]
            elif name in obj:
                # In Go, null is the empty text.
                obj[name] = {key: "" if value is None else value for key, value in obj[name].items()}
    if resource is NAMESPACES and (name := obj["metadata"].get("name")):
        labels = obj["metadata"].get("labels") or {}
        obj["metadata"] = {**obj["metadata"], "labels": {**labels, "kubernetes.io/metadata.name": name}}
    if resource in (LEASES, NAMESPACES):
        obj.setdefault("spec", {})
    if resource is LEASES:
        unknown = ("strategy", "preferredHolder")
        obj["spec"] = {key: value for key, value in obj["spec"].items() if key not in unknown and value is not None}
    if resource is EVENTS:
        for name in ("involvedObject", "source"):
            obj.setdefault(name, {})
        for name in ("firstTimestamp", "lastTimestamp", "eventTime"):
            obj.setdefault(name, None)
        for name in ("reportingComponent", "reportingInstance"):
            obj.setdefault(name, "")
    return obj


def complete(resource: Resource, obj: Object, now: str) -> None:
    """Complete a new object in place; ``now`` is the time of its conditions."""
    if resource is NAMESPACES:
        labels = obj["metadata"].setdefault("labels", {})
        labels["kubernetes.io/metadata.name"] = obj["metadata"].get("name", "")
        finalizers = obj.get("spec", {}).get("finalizers") or []
        obj["spec"] = {"finalizers": finalizers if "kubernetes" in finalizers else [*finalizers, "kubernetes"]}
        obj["status"] = {"phase": "Active"}
    elif resource is CRDS:
        definitions.complete(obj, now)


def problems(resource: Resource, obj: Object, live: Object | None) -> list[Cause]:
    """What is wrong with an object that decodes; ``live`` is the one that it replaces."""
    if resource in (CONFIG_MAPS, SECRETS):
        return [*_data(resource, obj), *_frozen(obj, live)]
    if resource is LEASES:
        return list(_lease(obj.get("spec") or {}))
    if resource is CRDS:
        return definitions.problems(obj, live)
    if resource is EVENTS:
        about, at = obj["involvedObject"].get("namespace", ""), obj["metadata"]["namespace"]
        # Events about what has no namespace are told in one of these.
        if about != at and (about or at not in ("default", "kube-system")):
            detail = "does not match event.namespace"
            return [errors.invalid_value("involvedObject.namespace", json.dumps(about), detail)]
        return list(_event(obj)) if live is None else []
    if resource is NAMESPACES and live is None:
        return [
            errors.invalid_value("spec.finalizers", json.dumps(name), problem)
            for name in (each or "" for each in obj["spec"]["finalizers"])
            for problem in (FINALIZER_RULE,)
            if "/" not in name and name not in FINALIZERS
        ]
    return []


def _data(resource: Resource, obj: Object) -> Iterator[Cause]:
    size = 0
    for field, names in (("data", ()), ("binaryData", obj.get("data") or {})):
        for key, value in (obj.get(field) or {}).items():
            size += len(value.encode()) if resource is CONFIG_MAPS and field == "data" else len(value) * 3 // 4
            where = f"{field}[{key}]"
            if key in names:
                detail = "duplicate of key present in binaryData"
                yield errors.invalid_value(f"data[{key}]", json.dumps(key), detail)
            if len(key) > 253:
                yield errors.invalid_value(where, json.dumps(key), "must be no more than 253 characters")
            if not _KEY.fullmatch(key):
                yield errors.invalid_value(where, json.dumps(key), _KEY_RULE)
            elif key in (".", ".."):
                yield errors.invalid_value(where, json.dumps(key), f"must not be '{key}'")
            elif key.startswith(".."):
                yield errors.invalid_value(where, json.dumps(key), "must not start with '..'")
    if size > _DATA_LIMIT:
        where = "[]" if resource is CONFIG_MAPS else "data"
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {_DATA_LIMIT} bytes", where)
    if resource is SECRETS:
        yield from _secret(obj)


def _secret(secret: Object) -> Iterator[Cause]:
    data, kind = secret.get("data") or {}, secret["type"]
    for key in _NEEDED.get(kind, ()):
        if key not in data:
            yield errors.required(f"data[{key}]")
        elif kind.startswith("kubernetes.io/docker"):
            try:
                json.loads(base64.b64decode(data[key]))
            except ValueError:
                yield errors.invalid_value(f"data[{key}]", '"<secret contents redacted>"', "invalid JSON")
    account = "kubernetes.io/service-account.name"
    if kind == "kubernetes.io/service-account-token" and not secret["metadata"].get("annotations", {}).get(account):
        yield errors.required(f"metadata.annotations[{account}]")
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        yield errors.required("data[username]")
        yield errors.required("data[password]")


def _frozen(obj: Object, live: Object | None) -> Iterator[Cause]:
    if live is None:
        return
    if "type" in live and obj["type"] != live["type"]:
        yield errors.invalid_value("type", json.dumps(obj["type"]), "field is immutable")
    if live.get("immutable"):
        if not obj.get("immutable"):
            yield errors.forbidden_value("immutable", "field is immutable when `immutable` is set")
        for name in ("data", "binaryData"):
            if obj.get(name) != live.get(name):
                yield errors.forbidden_value(name, "field is immutable when `immutable` is set")


def _event(event: Object) -> Iterator[Cause]:
    """An event with an ``eventTime`` is one of the newer API, which knows more that is required."""
    if not event.get("eventTime"):
        return
    for name in ("reportingComponent", "reportingInstance", "action", "reason"):
        if not event.get(name):
            yield errors.required(name)
    if event.get("type") not in ("Normal", "Warning"):
        yield errors.invalid_value("type", json.dumps(event.get("type", "")), "has invalid value")


def _lease(spec: Object) -> Iterator[Cause]:
    if (seconds := spec.get("leaseDurationSeconds")) is not None and seconds <= 0:
        yield errors.invalid_value("spec.leaseDurationSeconds", str(seconds), "must be greater than 0")
    if (count := spec.get("leaseTransitions")) is not None and count < 0:
        yield errors.invalid_value("spec.leaseTransitions", str(count), "must be greater than or equal to 0")


def kept(resource: Resource, live: Object, obj: Object) -> Object:
    """An update with what no update of the object itself changes: its status, and a namespace's finalizers."""
    return {**obj, "spec": live["spec"]} if resource is NAMESPACES else obj


def check_deletion(resource: Resource, name: str) -> None:
    """Refuse to delete what the cluster cannot do without.

    :raises ApiFailure: 403.
    """
    if resource is NAMESPACES and name in _KEPT_NAMESPACES:
        raise errors.forbidden(resource, name, "this namespace may not be deleted")

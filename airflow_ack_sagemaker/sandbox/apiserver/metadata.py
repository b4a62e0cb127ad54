"""The rules of ``metadata``: names, labels, annotations, finalizers, owners."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver.errors import Cause, forbidden_value, invalid_value, required
from airflow_ack_sagemaker.sandbox.apiserver.resource import Resource
from airflow_ack_sagemaker.sandbox.apiserver.schema import type_name

Object = dict[str, Any]

ANNOTATIONS_LIMIT = 262_144
"""The limit of all annotations of an object together, in bytes of keys and values."""

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_NAME_PART = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
# The letters of generated names: no vowels and nothing that looks alike, as Kubernetes chooses them.
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
"""A time as Kubernetes takes it (RFC 3339)."""
FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
"""Those without a domain that the core group's kinds may have."""
FINALIZER_RULE = "name is neither a standard finalizer name nor is it fully qualified"

_LISTS = {
    "finalizers": "[]string",
    "ownerReferences": "[]v1.OwnerReference",
    "managedFields": "[]v1.ManagedFieldsEntry",
}
_ENDS = "must start and end with an alphanumeric character"
_SUBDOMAIN_RULE = (
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and {_ENDS} "
    f"(e.g. 'example.com', regex used for validation is '{_SUBDOMAIN.pattern}')"
)
_LABEL_RULE = (
    f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and {_ENDS} "
    f"(e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL.pattern}')"
)
_CHARACTERS = f"must consist of alphanumeric characters, '-', '_' or '.', and {_ENDS}"
_NAME_EXAMPLE = f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME_PART.pattern}')"
_VALUE_RULE = (
    f"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and {_ENDS} "
    f"(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '{_VALUE.pattern}')"
)


def generated_name(prefix: str) -> str:
    """The prefix, cut to 58 characters, and five random letters."""
    return prefix[:58] + "".join(secrets.choice(_LETTERS) for _ in range(5))


def _shown(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def key_problems(key: str) -> Iterator[str]:
    """What is wrong with the key of a label or an annotation."""
    prefix, slash, name = key.rpartition("/")
    if prefix.count("/"):
        yield (
            f"a valid label key {_CHARACTERS} {_NAME_EXAMPLE} with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')"
        )
        return
    if slash and not prefix:
        yield "prefix part must be non-empty"
    elif slash and not _SUBDOMAIN.fullmatch(prefix):
        yield f"prefix part {_SUBDOMAIN_RULE}"
    if not name:
        yield "name part must be non-empty"
    elif len(name) > 63:
        yield "name part must be no more than 63 bytes"
    if not _NAME_PART.fullmatch(name):
        yield f"name part {_CHARACTERS} {_NAME_EXAMPLE}"


def value_problems(value: str) -> Iterator[str]:
    """What is wrong with the value of a label."""
    if len(value) > 63:
        yield "must be no more than 63 bytes"
    if not _VALUE.fullmatch(value):
        yield _VALUE_RULE


def _labels(labels: dict[str, str]) -> Iterator[Cause]:
    for key, value in sorted(labels.items()):
        for problem in key_problems(key):
            yield invalid_value("metadata.labels", _shown(key), problem)
        for problem in value_problems(value):
            yield invalid_value("metadata.labels", _shown(value), problem)


def _annotations(annotations: dict[str, str]) -> Iterator[Cause]:
    size = 0
    for key, value in sorted(annotations.items()):
        # Upper case is allowed in an annotation's prefix, so the key is judged in lower case.
        for problem in key_problems(key.lower()):
            yield invalid_value("metadata.annotations", _shown(key), problem)
        size += len(key.encode()) + len(value.encode())
    if size > ANNOTATIONS_LIMIT:
        yield Cause(
            "FieldValueTooLong", f"Too long: may not be more than {ANNOTATIONS_LIMIT} bytes", "metadata.annotations"
        )


def _finalizers(resource: Resource, finalizers: list[str]) -> Iterator[Cause]:
    for index, finalizer in enumerate(finalizers):
        for problem in key_problems(finalizer or ""):
            yield invalid_value("metadata.finalizers", _shown(finalizer or ""), problem)
        if not resource.group and "/" not in (finalizer or "") and finalizer not in FINALIZERS:
            yield invalid_value(f"metadata.finalizers[{index}]", _shown(finalizer or ""), FINALIZER_RULE)


def _owners(owners: list[Object]) -> Iterator[Cause]:
    for index, owner in enumerate(owners):
        for name in ("apiVersion", "kind", "name", "uid"):
            if not (owner or {}).get(name):
                yield required(f"metadata.ownerReferences[{index}].{name}", "must not be empty")
    controllers = [f"{owner.get('kind')}/{owner.get('name')}" for owner in owners if (owner or {}).get("controller")]
    if len(controllers) > 1:
        detail = (
            f'Only one reference can have Controller set to true. Found "true" in references for {controllers[0]} and '
            f"{controllers[1]}"
        )
        shown = json.dumps(owners, separators=(",", ":"))
        yield invalid_value("metadata.ownerReferences", shown, detail)


def wrong_shape(resource: Resource, metadata: Any) -> str:
    """What the server's decoder says of metadata whose parts have the wrong JSON type; "" when all is right."""

    def refuse(value: Any, where: str, expected: str) -> str:
        found = {"integer": "number", "boolean": "bool"}.get(type_name(value), type_name(value))
        return f"json: cannot unmarshal {found} into Go struct field {where} of type {expected}"

    if not isinstance(metadata, dict):
        return refuse(metadata, f"{resource.kind}.metadata", "v1.ObjectMeta")
    for name in ("creationTimestamp", "deletionTimestamp"):
        value = metadata.get(name)
        if isinstance(value, str) and not TIME.fullmatch(value):
            return f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as "2006"'
    for name in ("generation", "deletionGracePeriodSeconds"):
        value = metadata.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            return refuse(value, f"ObjectMeta.{name}", "int64")
    for name in ("labels", "annotations"):
        value = metadata.get(name)
        if value is None:
            continue
        if not isinstance(value, dict):
            return refuse(value, f"ObjectMeta.{name}", "map[string]string")
        for item in value.values():
            if item is not None and not isinstance(item, str):
                return refuse(item, f"ObjectMeta.{name}", "string")
    for name, expected in _LISTS.items():
        if metadata.get(name) is None:
            continue
        if not isinstance(metadata[name], list):
            return refuse(metadata[name], f"ObjectMeta.{name}", expected)
        for item in metadata[name]:
            if item is not None and not isinstance(item, str if name == "finalizers" else dict):
                return refuse(item, f"ObjectMeta.{name}", expected.removeprefix("[]"))
    for owner in metadata.get("ownerReferences") or ():
        for name in ("apiVersion", "kind", "name", "uid"):
            if (owner or {}).get(name) is not None and not isinstance(owner[name], str):
                return refuse(owner[name], f"OwnerReference.ownerReferences.{name}", "string")
        for name in ("controller", "blockOwnerDeletion"):
            if (owner or {}).get(name) is not None and not isinstance(owner[name], bool):
                return refuse(owner[name], f"OwnerReference.ownerReferences.{name}", "bool")
    texts = ("name", "generateName", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp")
    for name in texts:
        if metadata.get(name) is not None and not isinstance(metadata[name], str):
            return refuse(metadata[name], f"ObjectMeta.{name}", "string")
    return ""


def tidy(metadata: Object) -> Object:
    """Metadata without what is empty, which the server does not store, nor the same owner twice; null is the empty text
    in its maps of texts.
    """
    if owners := metadata.get("ownerReferences"):
        metadata = {**metadata, "ownerReferences": [one for i, one in enumerate(owners) if one not in owners[:i]]}
    for name in ("labels", "annotations"):
        if isinstance(texts := metadata.get(name), dict) and None in texts.values():
            metadata = {**metadata, name: {key: "" if text is None else text for key, text in texts.items()}}
    return {key: value for key, value in metadata.items() if value not in (None, "", {}, [])}


def problems(resource: Resource, metadata: Object, *, creating: bool) -> list[Cause]:
    """What is wrong with the metadata of an object."""
    causes: list[Cause] = []
    name = metadata.get("name", "")
    if not name:
        causes.append(required("metadata.name", "name or generateName is required"))
    elif creating:
        strict = resource.plural == "namespaces"
        if len(name) > (63 if strict else 253):
            causes.append(
                invalid_value("metadata.name", _shown(name), f"must be no more than {63 if strict else 253} characters")
            )
        if not (_LABEL if strict else _SUBDOMAIN).fullmatch(name):
            causes.append(invalid_value("metadata.name", _shown(name), _LABEL_RULE if strict else _SUBDOMAIN_RULE))
    causes.extend(_labels(metadata.get("labels", {})))
    causes.extend(_annotations(metadata.get("annotations", {})))
    causes.extend(_owners(metadata.get("ownerReferences", [])))
    causes.extend(_finalizers(resource, metadata.get("finalizers", [])))
    return causes


def changes(old: Object, new: Object) -> list[Cause]:
    """What is wrong with the change of an object's metadata."""
    causes: list[Cause] = []
    if new.get("uid", old["uid"]) != old["uid"]:
        causes += [invalid_value("metadata.uid", _shown(new["uid"]), "field is immutable")] * 2
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        value, before = new.get(name), old.get(name)
        # Another time of an object that is being deleted is passed over.
        if value in (None, before) or (name == "deletionTimestamp" and before is not None):
            continue
        causes += [invalid_value(f"metadata.{name}", json.dumps(value), "field is immutable")] * 2
    if "deletionTimestamp" in old:
        added = [finalizer for finalizer in new.get("finalizers", []) if finalizer not in old.get("finalizers", [])]
        if added:
            listed = ", ".join(_shown(finalizer) for finalizer in added)
            detail = (
                "no new finalizers can be added if the object is being deleted, found new finalizers "
                f"[]string{{{listed}}}"
            )
            causes += [forbidden_value("metadata.finalizers", detail)] * 2
    return causes

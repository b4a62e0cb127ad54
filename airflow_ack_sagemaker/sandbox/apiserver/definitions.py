"""CustomResourceDefinitions: what the server adds to one, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver import errors
from airflow_ack_sagemaker.sandbox.apiserver.errors import Cause

Object = dict[str, Any]

_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+")
_SCOPES = ("Cluster", "Namespaced")
_LABEL_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)


def decoded(crd: Object) -> Object:
    """A definition with the members that the server always has, so that it can be judged."""
    spec = crd["spec"] = dict(crd.get("spec") or {})
    spec.setdefault("group", "")
    spec.setdefault("scope", "")
    names = spec["names"] = dict(spec.get("names") or {})
    names.setdefault("plural", "")
    names.setdefault("kind", "")
    if names["kind"]:
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {"strategy": "None"})
    spec["versions"] = spec.get("versions") or []
    return crd


def complete(crd: Object, now: str) -> None:
    """Complete a new definition in place; ``now`` is the time of its conditions."""
    spec = decoded(crd)["spec"]
    crd["metadata"]["generation"] = 1
    crd["status"] = {
        "acceptedNames": spec["names"],
        "conditions": [
            {
                "type": "NamesAccepted",
                "status": "True",
                "lastTransitionTime": now,
                "reason": "NoConflicts",
                "message": "no conflicts found",
            },
            {
                "type": "Established",
                "status": "True",
                "lastTransitionTime": now,
                "reason": "InitialNamesAccepted",
                "message": "the initial names have been accepted",
            },
        ],
        "storedVersions": [version["name"] for version in spec["versions"] if version.get("storage")],
    }


def misfit(crd: Object) -> str:
    """What keeps a definition from being decoded; "" for nothing."""
    spec = crd.get("spec")
    shapes: list[tuple[Any, type, str, str]] = [(spec, dict, "spec", "v1.CustomResourceDefinitionSpec")]
    if isinstance(spec, dict):
        shapes += [
            (spec.get("names"), dict, "spec.names", "v1.CustomResourceDefinitionNames"),
            (spec.get("versions"), list, "spec.versions", "[]v1.CustomResourceDefinitionVersion"),
            (spec.get("group"), str, "spec.group", "string"),
            (spec.get("scope"), str, "spec.scope", "v1.ResourceScope"),
        ]
    for value, shape, where, go in shapes:
        if value is not None and not isinstance(value, shape):
            return f"json: cannot unmarshal {type(value).__name__} into Go struct field {where} of type {go}"
    return ""


def problems(crd: Object, live: Object | None) -> list[Cause]:
    """What is wrong with a definition; ``live`` is the one that it replaces."""
    spec = crd["spec"]
    names = spec["names"]
    causes = []
    wanted = f"{names['plural']}.{spec['group']}"
    if crd["metadata"].get("name", wanted) != wanted:
        shown = json.dumps(crd["metadata"]["name"])
        causes.append(errors.invalid_value("metadata.name", shown, 'must be spec.names.plural+"."+spec.group'))
    causes += _names(spec, names)
    causes += _versions(spec["versions"])
    if live is not None:
        before = live["spec"]
        for where, old, new in (
            ("spec.group", before["group"], spec["group"]),
            ("spec.scope", before["scope"], spec["scope"]),
            ("spec.names.kind", before["names"]["kind"], names["kind"]),
            ("spec.names.plural", before["names"]["plural"], names["plural"]),
        ):
            if old != new:
                causes.append(errors.invalid_value(where, json.dumps(new), "field is immutable"))
    return causes


def _names(spec: Object, names: Object) -> Iterator[Cause]:
    if not spec["group"]:
        yield errors.required("spec.group")
    elif not _SUBDOMAIN.fullmatch(spec["group"]):
        yield errors.invalid_value("spec.group", json.dumps(spec["group"]), "should be a domain with at least one dot")
    if not spec["scope"]:
        yield errors.required("spec.scope")
    elif spec["scope"] not in _SCOPES:
        yield errors.not_supported("spec.scope", json.dumps(spec["scope"]), _SCOPES)
    for name in ("plural", "singular", "kind", "listKind"):
        value = names.get(name, "")
        if not value:
            yield errors.required(f"spec.names.{name}")
        elif not _LABEL.fullmatch(value.lower()):
            yield errors.invalid_value(f"spec.names.{name}", json.dumps(value), _LABEL_RULE)


def _versions(versions: list[Object]) -> Iterator[Cause]:
    stored = [version for version in versions if version.get("storage")]
    if len(stored) != 1:
        detail = "must have exactly one version marked as storage version"
        yield errors.invalid_value("spec.versions", json.dumps(versions), detail)
    for index, version in enumerate(versions):
        where = f"spec.versions[{index}]"
        if not _LABEL.fullmatch(str(version.get("name", ""))):
            yield errors.invalid_value(f"{where}.name", json.dumps(version.get("name", "")), _LABEL_RULE)
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is None:
            yield errors.required(f"{where}.schema.openAPIV3Schema")
        elif schema.get("type") != "object":
            # A definition of one version is stored as it was before versions had schemas of their own.
            at = ("spec.validation" if len(versions) == 1 else f"{where}.schema") + ".openAPIV3Schema.type"
            if not schema.get("type"):
                yield errors.required(at, "must not be empty at the root")
            else:
                yield errors.invalid_value(at, json.dumps(schema["type"]), "must be object at the root")

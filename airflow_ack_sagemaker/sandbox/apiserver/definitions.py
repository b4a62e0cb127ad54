"""CustomResourceDefinitions: what the server adds to one, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver import errors
from airflow_ack_sagemaker.sandbox.apiserver.errors import Cause
from airflow_ack_sagemaker.sandbox.apiserver.schema import validate

Object = dict[str, Any]

_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+")
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
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
        if isinstance(spec.get("names"), dict):
            names = ("plural", "singular", "kind", "listKind")
            shapes += [(spec["names"].get(name), str, f"spec.names.{name}", "string") for name in names]
            lists = ("shortNames", "categories")
            shapes += [(spec["names"].get(name), list, f"spec.names.{name}", "[]string") for name in lists]
        if isinstance(spec.get("versions"), list):
            shapes += [each for version in spec["versions"] for each in _version_shapes(version)]
    for value, shape, where, go in shapes:
        if value is not None and not isinstance(value, shape):
            return f"json: cannot unmarshal {type(value).__name__} into Go struct field {where} of type {go}"
    return ""


def _version_shapes(version: Any) -> Iterator[tuple[Any, type, str, str]]:
    yield "null" if version is None else version, dict, "spec.versions", "v1.CustomResourceDefinitionVersion"
    if not isinstance(version, dict):
        return
    schema = version.get("schema")
    yield version.get("name"), str, "spec.versions.name", "string"
    yield version.get("subresources"), dict, "spec.versions.subresources", "v1.CustomResourceSubresources"
    yield schema, dict, "spec.versions.schema", "v1.CustomResourceValidation"
    if isinstance(schema, dict):
        yield from _schema_shapes(schema.get("openAPIV3Schema"), "spec.versions.schema.openAPIV3Schema")
    columns = version.get("additionalPrinterColumns")
    yield columns, list, "spec.versions.additionalPrinterColumns", "[]v1.CustomResourceColumnDefinition"
    for column in columns if isinstance(columns, list) else ():
        yield (
            "null" if column is None else column,
            dict,
            "spec.versions.additionalPrinterColumns",
            "v1.CustomResourceColumnDefinition",
        )


def _schema_shapes(schema: Any, where: str) -> Iterator[tuple[Any, type, str, str]]:
    yield schema, dict, where, "v1.JSONSchemaProps"
    if not isinstance(schema, dict):
        return
    for name in ("type", "format", "pattern", "description", "x-kubernetes-list-type", "x-kubernetes-map-type"):
        yield schema.get(name), str, f"{where}.{name}", "string"
    for name in ("required", "enum", "x-kubernetes-validations", "x-kubernetes-list-map-keys", "allOf", "anyOf"):
        yield schema.get(name), list, f"{where}.{name}", "[]string"
    for name in ("maxLength", "minLength"):
        yield schema.get(name), int, f"{where}.{name}", "int64"
    for rule in schema.get("x-kubernetes-validations") or () if _is(schema, "x-kubernetes-validations", list) else ():
        yield rule, dict, f"{where}.x-kubernetes-validations", "v1.ValidationRule"
    for name in schema.get("required") or () if _is(schema, "required", list) else ():
        yield name, str, f"{where}.required", "string"
    properties = schema.get("properties")
    yield properties, dict, f"{where}.properties", "map[string]v1.JSONSchemaProps"
    below = list(properties.values()) if isinstance(properties, dict) else []
    # These two may say true or false in place of a schema.
    below += [each for name in ("items", "additionalProperties") if not isinstance(each := schema.get(name), bool)]
    for each in below:
        if each is not None:
            yield from _schema_shapes(each, where)


def _is(schema: Object, name: str, shape: type) -> bool:
    return isinstance(schema.get(name), shape)


def _structural(schema: Any, where: str, part: str = "") -> Iterator[Cause]:
    """What keeps a schema from being a structural one; ``part`` says what it is one of, where that must have a type."""
    if not isinstance(schema, dict):
        return
    kind = schema.get("type") or ""
    typeless = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if kind not in ("", *_TYPES):
        yield errors.not_supported(f"{where}.type", json.dumps(kind), _TYPES)
    elif part and not kind and not typeless:
        yield errors.required(f"{where}.type", f"must not be empty for specified {part}")
    if kind == "array" and schema.get("items") is None:
        yield errors.required(f"{where}.items", "must be specified")
    for name in ("$ref", "definitions", "dependencies", "deprecated", "id", "patternProperties"):
        if schema.get(name):
            yield errors.forbidden_value(f"{where}.{name}", f"{name} is not supported")
    pattern = schema.get("pattern") or ""
    if why := _no_pattern(pattern):
        yield errors.invalid_value(
            f"{where}.pattern", json.dumps(pattern), f"must be a valid regular expression, but isn't: {why}"
        )
    elif kind in _TYPES and schema.get("default") is not None:
        for cause in _wrong_types(schema):
            yield replace(cause, field=f"{where}.default")
    for name, below in (schema.get("properties") or {}).items():
        yield from _structural(below, f"{where}.properties[{name}]", "object fields")
    yield from _structural(schema.get("items"), f"{where}.items", "array items")
    yield from _structural(schema.get("additionalProperties"), f"{where}.additionalProperties", "object fields")
    for rule in schema.get("x-kubernetes-validations") or ():
        if not rule.get("rule"):
            yield errors.required(f"{where}.x-kubernetes-validations.rule", "rule is not specified")


def _wrong_types(schema: Object) -> list[Cause]:
    """Where the default of a schema is of another type than it says."""
    try:
        return [cause for cause in validate(schema["default"], schema) if cause.reason == "FieldValueTypeInvalid"]
    except re.error:
        return []  # a pattern further in, which is refused itself


def _no_pattern(pattern: str) -> str:
    """Why a pattern is no regular expression; empty for one, and for what only Go's may know (``\\z``, ``\\pL``)."""
    try:
        re.compile(pattern)
    except re.error as error:
        return "" if "bad escape" in error.msg else f"error parsing regexp: {error.msg}"
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
    if spec.get("preserveUnknownFields"):
        detail = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        )
        causes.append(errors.invalid_value("spec.preserveUnknownFields", "true", detail))
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
    names = [version.get("name") for version in versions]
    if len(set(names)) != len(names):
        yield errors.invalid_value("spec.versions", json.dumps(versions), "must contain unique version names")
    for index, version in enumerate(versions):
        where = f"spec.versions[{index}]"
        if not _LABEL.fullmatch(str(version.get("name", ""))):
            yield errors.invalid_value(f"{where}.name", json.dumps(version.get("name", "")), _LABEL_RULE)
        for number, column in enumerate(version.get("additionalPrinterColumns") or ()):
            for name in ("name", "type", "jsonPath"):
                if not column.get(name):
                    yield errors.required(f"{where}.additionalPrinterColumns[{number}].{name}")
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        start = "spec.validation" if len(versions) == 1 else f"{where}.schema"
        if schema is None:
            yield errors.required(f"{where}.schema.openAPIV3Schema")
        elif schema.get("type") != "object":
            # A definition of one version is stored as it was before versions had schemas of their own.
            at = f"{start}.openAPIV3Schema.type"
            if not schema.get("type"):
                yield errors.required(at, "must not be empty at the root")
            else:
                yield errors.invalid_value(at, json.dumps(schema["type"]), "must be object at the root")
        yield from _structural(schema, f"{start}.openAPIV3Schema")

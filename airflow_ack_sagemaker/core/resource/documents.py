"""Manifests that somebody has written by hand: checked before anything is applied, and put into order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_ack_sagemaker.core.resource.kinds import API_VERSION, Kind, kind_of
from airflow_ack_sagemaker.core.resource.manifest import SpecError, check_mapping, check_resource_name
from airflow_ack_sagemaker.core.resource.references import rank

_MEMBERS = frozenset({"apiVersion", "kind", "metadata", "spec"})
_METADATA = frozenset({"name", "namespace", "labels", "annotations"})


@dataclass(frozen=True, slots=True)
class Document:
    """One resource as it is asked for. ``name`` None: of a job, whose name follows from the run that asks."""

    kind: Kind
    name: str | None
    spec: Mapping[str, Any]
    namespace: str | None = None
    labels: Mapping[str, Any] | None = None
    annotations: Mapping[str, Any] | None = None


def document(
    kind: Any,
    name: Any,
    spec: Any,
    *,
    where: str = "",
    namespace: Any = None,
    labels: Any = None,
    annotations: Any = None,
) -> Document:
    """A resource by its parts.

    :param where: begins the error's text, for example ``document 2 of the manifest: ``.
    :raises SpecError: a kind that the controller does not have, a name that Kubernetes would refuse, or no spec.
    """
    if not isinstance(kind, str):
        raise SpecError(f"{where}kind must be a text, for example Endpoint, not {type(kind).__name__}.")
    try:
        known = kind_of(kind)
    except ValueError as error:
        raise SpecError(f"{where}{error}") from None
    if not isinstance(spec, Mapping):
        raise SpecError(f"{where}spec of {kind} {name!r} must be a mapping, not {type(spec).__name__}.")
    if name is None and not known.is_job:
        raise SpecError(f"{where}a {kind} needs a name; only a job's follows from the run that asks for it.")
    try:
        json.dumps(spec, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise SpecError(
            f"{where}spec of {kind} {name!r} holds what is no JSON ({error}): write dates and other values as texts."
        ) from None
    return Document(
        known,
        None if name is None else check_resource_name(name),
        spec,
        None if namespace is None else check_resource_name(namespace),
        check_mapping("labels", labels),
        check_mapping("annotations", annotations),
    )


def documents_of(written: Any) -> list[Document]:
    """The resources of a manifest, or of a list of them, in the order in which they are applied.

    :param written: what YAML or a DAG says: a mapping, or a list of mappings. Empty documents are passed over.
    :raises SpecError: one of them is no resource of the controller's; nothing of the others may be applied then.
    """
    given = [written] if isinstance(written, Mapping) else written
    if not isinstance(given, list | tuple):
        raise SpecError(f"manifest must be a mapping or a list of mappings, not {type(written).__name__}.")
    found = [
        _document(one, f"document {number} of the manifest: " if len(given) > 1 else "manifest: ")
        for number, one in enumerate(given, start=1)
        if one is not None
    ]
    if not found:
        raise SpecError("manifest has no resource.")
    named = [(each.kind.kind, each.namespace, each.name) for each in found]
    twice = next((one for one in named if one[2] is not None and named.count(one) > 1), None)
    if twice is not None:
        raise SpecError(f"manifest has {twice[0]} {twice[2]!r} twice.")
    return sorted(found, key=lambda each: rank(each.kind.kind))


def _document(one: Any, where: str) -> Document:
    if not isinstance(one, Mapping):
        raise SpecError(f"{where}a resource is a mapping with kind, metadata and spec, not {type(one).__name__}.")
    if (version := one.get("apiVersion", API_VERSION)) != API_VERSION:
        raise SpecError(f"{where}apiVersion must be {API_VERSION}, not {version!r}.")
    # Not as of what the API server returns: what is wrong is said here, and not passed over.
    metadata = {"metadata": None, **one}["metadata"] or {}
    if not isinstance(metadata, Mapping):
        raise SpecError(f"{where}metadata must be a mapping, not {type(metadata).__name__}.")
    strange = sorted(map(str, ({*one} - _MEMBERS) | ({*metadata} - _METADATA)))
    if strange:
        raise SpecError(f"{where}{', '.join(strange)} cannot be applied: write {', '.join(sorted(_MEMBERS))} only.")
    return document(
        one.get("kind"),
        metadata.get("name"),
        one.get("spec", {}),
        where=where,
        namespace=metadata.get("namespace"),
        labels=metadata.get("labels"),
        annotations=metadata.get("annotations"),
    )

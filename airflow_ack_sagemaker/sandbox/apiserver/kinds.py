"""The built-in kinds that are served: those that a user of the ACK kinds needs, and no others.

Namespaces and CustomResourceDefinitions for the kinds themselves, ConfigMaps and Secrets for helm and kustomize, Leases
for operators that elect a leader, Events for what operators tell, and the reviews by which clients ask what they may
do. Every other API answers 404, as on a server without it. Their schemas are those of Kubernetes 1.37.
"""

from __future__ import annotations

from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver.resource import AGE, ANYTHING, Column, Resource, Schema
from airflow_ack_sagemaker.sandbox.apiserver.schema import with_metadata

_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_INT32: Schema = {"type": "integer", "format": "int32"}
_TIME: Schema = {"type": "string", "format": "date-time", "nullable": True}
_BYTES: Schema = {"type": "string", "format": "byte"}
_TEXTS: Schema = {"type": "array", "items": _TEXT, "x-kubernetes-list-type": "atomic"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


def _part(**properties: Schema) -> Schema:
    """A part that every object of the kind has, be it empty."""
    return {**_object(**properties), "default": {}}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _contents(values: Schema) -> Schema:
    """What a ConfigMap or a Secret holds: a key without a value has the empty one, and is not lost."""
    return _map({**values, "nullable": True})


def _whole(**properties: Schema) -> Schema:
    return with_metadata(_object(**properties))


_CONDITION = _object(type=_TEXT, status=_TEXT, reason=_TEXT, message=_TEXT, lastTransitionTime=_TIME)
_CONDITIONS: Schema = {
    "type": "array",
    "items": _CONDITION,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
    "x-kubernetes-patch-strategy": "merge",
    "x-kubernetes-patch-merge-key": "type",
}
_OBJECT_REFERENCE: Schema = {
    **_object(
        **dict.fromkeys(("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"), _TEXT)
    ),
    "x-kubernetes-map-type": "atomic",
}
_RESOURCE_ATTRIBUTES = _object(
    **dict.fromkeys(("namespace", "verb", "group", "version", "resource", "subresource", "name"), _TEXT),
    fieldSelector=ANYTHING,
    labelSelector=ANYTHING,
)
_ATTRIBUTES: dict[str, Schema] = {
    "resourceAttributes": _RESOURCE_ATTRIBUTES,
    "nonResourceAttributes": _object(path=_TEXT, verb=_TEXT),
}
_OF_USER: dict[str, Schema] = {**_ATTRIBUTES, "user": _TEXT, "groups": _TEXTS, "uid": _TEXT, "extra": _map(_TEXTS)}


def _kind(
    group: str, kind: str, schema: Schema, *short_names: str, columns: tuple[Column, ...] = (), **more: Any
) -> Resource:
    given = {"namespaced": True, "status": False, "verbs": _VERBS, "plural": f"{kind.lower()}s", **more}
    return Resource(
        group=group,
        version="v1",
        singular=kind.lower(),
        kind=kind,
        schema=schema,
        short_names=short_names,
        columns=(*columns, AGE) if columns else (AGE,),
        **given,
    )


def _review(group: str, kind: str, spec: dict[str, Schema], *, namespaced: bool = False) -> Resource:
    schema = _whole(**({"spec": _part(**spec)} if spec else {}), status=ANYTHING)
    return _kind(f"{group}.k8s.io", kind, schema, namespaced=namespaced, verbs=("create",))


def _size(*names: str) -> Any:
    return lambda obj: sum(len(obj.get(name) or {}) for name in names)


NAMESPACES = _kind(
    "",
    "Namespace",
    _whole(spec=_part(finalizers=_TEXTS), status=_part(phase=_TEXT, conditions=_CONDITIONS)),
    "ns",
    columns=(Column("Status", ".status.phase"),),
    namespaced=False,
    status=True,
    # One at a time: there is no deletecollection.
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
)
CONFIG_MAPS = _kind(
    "",
    "ConfigMap",
    _whole(data=_contents(_TEXT), binaryData=_contents(_BYTES), immutable=_FLAG),
    "cm",
    columns=(Column("Data", "", compute=_size("data", "binaryData")),),
)
SECRETS = _kind(
    "",
    "Secret",
    _whole(data=_contents(_BYTES), stringData=_contents(_TEXT), type=_TEXT, immutable=_FLAG),
    columns=(Column("Type", ".type"), Column("Data", "", compute=_size("data"))),
)
EVENTS = _kind(
    "",
    "Event",
    _whole(
        **dict.fromkeys(("reason", "message", "type", "action", "reportingComponent", "reportingInstance"), _TEXT),
        **dict.fromkeys(("firstTimestamp", "lastTimestamp", "eventTime"), _TIME),
        involvedObject={**_OBJECT_REFERENCE, "default": {}},
        related=_OBJECT_REFERENCE,
        source=_part(component=_TEXT, host=_TEXT),
        count=_INT32,
        series=_object(count=_INT32, lastObservedTime=_TIME),
    ),
    "ev",
    columns=(
        Column("Last Seen", ".lastTimestamp", "date"),
        Column("Type", ".type"),
        Column("Reason", ".reason"),
        Column("Object", "", compute=lambda event: _object_of(event["involvedObject"])),
        Column("Message", ".message"),
    ),
)
LEASES = _kind(
    "coordination.k8s.io",
    "Lease",
    _whole(
        spec=_part(
            holderIdentity=_TEXT,
            leaseDurationSeconds=_INT32,
            acquireTime=_TIME,
            renewTime=_TIME,
            leaseTransitions=_INT32,
            # Known, and dropped: coordinated leader election is off where nobody has switched it on.
            strategy=_TEXT,
            preferredHolder=_TEXT,
        )
    ),
    columns=(Column("Holder", ".spec.holderIdentity"),),
)


def _object_of(reference: dict[str, Any]) -> str:
    return f"{reference.get('kind', '').lower()}/{reference.get('name', '')}"


def _versions(crd: dict[str, Any]) -> str:
    """The versions of a CustomResourceDefinition as ``kubectl get crd`` shows them."""
    return ",".join(
        version["name"] + ("(storage)" if version.get("storage") else "") for version in crd["spec"]["versions"]
    )


CRDS = Resource(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "customresourcedefinition",
    "CustomResourceDefinition",
    namespaced=False,
    schema=with_metadata(ANYTHING),
    short_names=("crd", "crds"),
    categories=("api-extensions",),
    verbs=_VERBS,
    columns=(
        Column("Scope", ".spec.scope"),
        Column("Versions", "", compute=_versions),
        Column("Created At", "", "date", compute=lambda crd: crd["metadata"]["creationTimestamp"]),
        Column("Group", ".spec.group", priority=1),
        Column("Kind", ".spec.names.kind", priority=1),
        Column(
            "ShortNames", "", priority=1, compute=lambda crd: ",".join(crd["spec"]["names"].get("shortNames") or ())
        ),
        Column("Established", "", "boolean", priority=1, compute=lambda crd: True),
    ),
)
REVIEWS = (
    _review("authorization", "SelfSubjectAccessReview", _ATTRIBUTES),
    _review("authorization", "SelfSubjectRulesReview", {"namespace": _TEXT}),
    _review("authorization", "SubjectAccessReview", _OF_USER),
    _review("authorization", "LocalSubjectAccessReview", _OF_USER, namespaced=True),
    _review("authentication", "SelfSubjectReview", {}),
    _review("authentication", "TokenReview", {"token": _TEXT, "audiences": _TEXTS}),
)
BUILT_IN = (NAMESPACES, CONFIG_MAPS, SECRETS, EVENTS, LEASES, CRDS, *REVIEWS)

"""What the server adds to the built-in kinds when one is created: defaults and the first status."""

from __future__ import annotations

from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver.resource import Resource

Object = dict[str, Any]


def defaults(resource: Resource, obj: Object, now: str) -> None:
    """Complete a new object of a built-in kind in place; ``now`` is the time of its conditions."""
    if resource.plural == "namespaces":
        labels = obj["metadata"].setdefault("labels", {})
        labels["kubernetes.io/metadata.name"] = obj["metadata"].get("name", "")
        obj["spec"] = {"finalizers": ["kubernetes"]}
        obj["status"] = {"phase": "Active"}
    elif resource.plural == "customresourcedefinitions":
        _crd(obj, now)
    elif resource.plural == "secrets":
        obj["type"] = obj.get("type") or "Opaque"


def _crd(crd: Object, now: str) -> None:
    spec = crd["spec"]
    names = spec["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {"strategy": "None"})
    crd["metadata"]["generation"] = 1
    crd["status"] = {
        "acceptedNames": names,
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

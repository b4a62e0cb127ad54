"""From client-side to server-side apply with kubectl: the annotation that the former leaves.

kubectl's client-side apply notes the configuration in an annotation. When kubectl then applies on the server's side,
the fields of that configuration count as its own, and the annotation is kept up to date.
"""

from __future__ import annotations

import json
from typing import Any

from airflow_ack_sagemaker.sandbox.apiserver import fields
from airflow_ack_sagemaker.sandbox.apiserver.metadata import ANNOTATIONS_LIMIT
from airflow_ack_sagemaker.sandbox.apiserver.resource import Schema

Object = dict[str, Any]

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
MANAGER = "kubectl"


def _noted(live: Object) -> str:
    text: str = (live["metadata"].get("annotations") or {}).get(ANNOTATION, "")
    return text


def own_paths(live: Object, schema: Schema, manager: str) -> fields.Paths:
    """The paths that the manager may take over: those that client-side apply set and nobody changed since."""
    if manager != MANAGER or not (text := _noted(live)):
        return frozenset()
    try:
        configuration = json.loads(text)
    except ValueError:
        return frozenset()
    difference = fields.compare(live, configuration, schema)
    noted = fields.field_set(configuration, schema)
    return noted - difference.modified - difference.added - difference.removed


def noted_again(live: Object, obj: Object, configuration: Object, manager: str) -> Object:
    """The object with the new configuration in its annotation, if it had one; without it when it is too large."""
    if manager != MANAGER or not _noted(live):
        return obj
    text = json.dumps(configuration, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
    annotations = {key: value for key, value in (obj["metadata"].get("annotations") or {}).items() if key != ANNOTATION}
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size + len(ANNOTATION) + len(text.encode()) <= ANNOTATIONS_LIMIT:
        annotations[ANNOTATION] = text
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}

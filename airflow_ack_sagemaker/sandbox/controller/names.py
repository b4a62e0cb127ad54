"""Between the names of the CRDs and those of the SageMaker API: they are the same but for capital letters.

``roleARN`` is ``RoleArn``, ``s3URI`` is ``S3Uri``, ``volumeSizeInGB`` is ``VolumeSizeInGB``; a word of the language Go
gets an underscore, so that ``type_`` is ``Type``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.model import Shape

from airflow_ack_sagemaker.sandbox.crds import load_crds

Schema = Mapping[str, Any]


def request_of(value: Any, shape: Shape) -> Any:
    """A value of a spec as a request has it; members that the API does not have are left out."""
    if shape.type_name == "structure" and isinstance(value, Mapping):
        members = {key_of(name): (name, member) for name, member in shape.members.items()}
        found = {}
        for name, inner in value.items():
            known = members.get(key_of(name))
            if known is not None and inner is not None:
                found[known[0]] = request_of(inner, known[1])
        return found
    if shape.type_name == "list" and isinstance(value, list):
        return [request_of(item, shape.member) for item in value]
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {name: request_of(inner, shape.value) for name, inner in value.items()}
    return value


def fields_of(answer: Any, schema: Schema) -> Any:
    """A value of an answer as a CRD has it. What the CRD does not have is left out, and so is what is empty."""
    if isinstance(answer, Mapping) and "properties" in schema:
        members = {key_of(name): name for name in answer}
        found = {}
        for name, inner in schema["properties"].items():
            value = answer.get(members.get(key_of(name), ""))
            # As Go's omitempty has it: a list or map without items is none.
            if value is not None and not (value in ([], {}) and "properties" not in inner):
                found[name] = fields_of(value, inner)
        return found
    if isinstance(answer, list) and "items" in schema:
        return [fields_of(item, schema["items"]) for item in answer]
    if isinstance(answer, Mapping) and isinstance(schema.get("additionalProperties"), Mapping):
        return {name: fields_of(inner, schema["additionalProperties"]) for name, inner in answer.items()}
    return time_text(answer) if isinstance(answer, datetime) else answer


def key_of(name: str) -> str:
    """What is the same of a name in both."""
    return name.lower().rstrip("_")


def time_text(value: datetime) -> str:
    """A time as Kubernetes writes it."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@cache
def schema_of(plural: str, part: str) -> Schema:
    """The schema of a kind's ``spec`` or ``status``."""
    [crd] = load_crds([plural])
    schema: Schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][part]
    return schema

"""Who a resource belongs to: the names and labels of an Airflow task's run.

The same task instance always gets the same names, whichever process asks and however often, so that a retry finds what
an earlier try has made. Limits: a DNS-1123 label has at most 63 characters (Kubernetes), a label value at most 63 of
``[A-Za-z0-9._-]``, an execution's display name at most 82 of ``[A-Za-z0-9-]`` (SageMaker).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "airflow-ack-sagemaker"
"""Prefix of our labels and annotations, and the field manager of our writes."""

MANAGED_BY = "app.kubernetes.io/managed-by"
OURS = f"{MANAGED_BY}={PREFIX}"
"""Selector of the resources that this package has made."""
LABEL_RUN = f"{PREFIX}/run"
LABEL_ATTEMPT = f"{PREFIX}/attempt"
LABEL_PIPELINE = f"{PREFIX}/pipeline"

ANNOTATION_IDENTITY = f"{PREFIX}/identity"
ANNOTATION_REPORTED = f"{PREFIX}/reported"
ANNOTATION_FIRST_TRY = f"{PREFIX}/first-try"
ANNOTATION_DEFINITION_SOURCE = f"{PREFIX}/definition-source"
ANNOTATION_DEFINITION_VERSION = f"{PREFIX}/definition-version-id"
ANNOTATION_DEFINITION_SHA256 = f"{PREFIX}/definition-sha256"

MAX_NAME = 63
_DIGEST = 12


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """One task instance of one DAG run; ``map_index`` is -1 where the task is not mapped, as in Airflow."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1

    @property
    def text(self) -> str:
        """The identity as canonical JSON: what the annotation holds and what a 409 is compared with."""
        return json.dumps(
            [self.dag_id, self.run_id, self.task_id, self.map_index], ensure_ascii=True, separators=(",", ":")
        )

    @property
    def digest(self) -> str:
        """12 hexadecimal digits of its SHA-256: 48 bits, so two of a million runs collide with a chance of 1 in 500."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:_DIGEST]

    def resource_name(self, prefix: str, attempt: int) -> str:
        """The name of this run's resource: a DNS-1123 label, readable first, unique after.

        :param prefix: what a reader knows it by, for example the pipeline's name; any characters.
        :param attempt: 1 for the first launch of the run.
        """
        tail = f"-{self.digest}-{attempt}"
        return f"{slug(prefix, MAX_NAME - len(tail))}{tail}"

    def labels(self) -> dict[str, str]:
        """Label-safe values, to select and to read; the annotation holds the full strings."""
        labels = {
            MANAGED_BY: PREFIX,
            LABEL_RUN: self.digest,
            f"{PREFIX}/dag-id": label_value(self.dag_id),
            f"{PREFIX}/run-id": label_value(self.run_id),
            f"{PREFIX}/task-id": label_value(self.task_id),
        }
        if self.map_index >= 0:
            labels[f"{PREFIX}/map-index"] = str(self.map_index)
        return labels

    def owns(self, resource: Mapping[str, Any]) -> bool:
        """Whether this run made the resource."""
        annotations = (resource.get("metadata") or {}).get("annotations") or {}
        return bool(annotations.get(ANNOTATION_IDENTITY) == self.text)


def slug(text: str, length: int) -> str:
    """A readable DNS-1123 label of at most ``length`` characters; ``x`` where nothing of the text can stay."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:length].rstrip("-") or "x"


def label_value(text: str) -> str:
    """``text`` as a label's value: itself where that is allowed, else its readable part and a digest."""
    if len(text) <= 63 and re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", text)[: 63 - 9].strip("._-")
    return f"{readable}-{digest}" if readable else digest


def pipeline_resource_name(pipeline_name: str) -> str:
    """The Kubernetes name of the resource of a SageMaker pipeline: its own name in lower case.

    Longer than a DNS-1123 subdomain (253 characters) is cut and made unique. Two pipelines that differ in case only
    would share a resource; whoever applies it compares ``spec.pipelineName`` and refuses.
    """
    name = pipeline_name.lower()
    if len(name) <= 253:
        return name
    return f"{name[: 253 - 9].rstrip('-')}-{hashlib.sha256(pipeline_name.encode()).hexdigest()[:8]}"

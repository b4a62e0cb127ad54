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
from dataclasses import dataclass, replace
from typing import Any

from airflow_ack_sagemaker.core.resource import fields

PREFIX = "airflow-ack-sagemaker"
"""Prefix of our labels and annotations, and the field manager of our writes."""

MANAGED_BY = "app.kubernetes.io/managed-by"
OURS = f"{MANAGED_BY}={PREFIX}"
"""Selector of the resources that this package has made."""
LABEL_RUN = f"{PREFIX}/run"
"""Digest of the run: all executions of one task of one DAG run."""
LABEL_ATTEMPT = f"{PREFIX}/attempt"
"""Number of the launch within the run, from 1."""
LABEL_PIPELINE = f"{PREFIX}/pipeline"
"""Name of the pipeline in SageMaker."""
LABEL_TASK = f"{PREFIX}/task"
"""The same in every run of a task (and map index): one list finds a run's own resources and those of earlier runs."""
LABEL_DAG = f"{PREFIX}/dag-id"
"""Of a Pipeline: the DAG that applied it first."""
LABEL_INDEX = f"{PREFIX}/index"
"""Place of an execution in a batch that one task launches."""

ANNOTATION_IDENTITY = f"{PREFIX}/identity"
"""DAG, run, task, map index (and place in a batch), as JSON."""
ANNOTATION_REPORTED = f"{PREFIX}/reported"
"""Which end a task has reported, and when."""
ANNOTATION_INSTANCE = f"{PREFIX}/instance"
"""Which Airflow, where several share a namespace; absent where it is not told apart."""
ANNOTATION_LAUNCHED_BY = f"{PREFIX}/launched-by"
"""What Airflow's database said about the try that launched it (`core.resource.launched_by`)."""
ANNOTATION_ASKED = f"{PREFIX}/asked"
"""Digest of what was asked for: parameters, version, steps (`ExecutionSpec.asked`)."""
ANNOTATION_GENERATION = f"{PREFIX}/pipeline-generation"
"""Generation of the Pipeline resource at the launch, where the definition is a fixed one."""
ANNOTATION_RAN = f"{PREFIX}/definition-ran"
"""Digest of the definition that is known to have run, whatever the Pipeline became afterwards."""
ANNOTATION_RETRY_WHOLE = f"{PREFIX}/retry-whole"
"""Why a retry must not run selectively on the results of this failed execution: it was tried in vain."""
ANNOTATION_DEFINITION_SOURCE = f"{PREFIX}/definition-source"
"""Address of the definition in S3."""
ANNOTATION_DEFINITION_VERSION = f"{PREFIX}/definition-version-id"
"""Version of the object in S3."""
ANNOTATION_DEFINITION_SHA256 = f"{PREFIX}/definition-sha256"
"""Digest of the definition in canonical form, placeholders filled in."""

MAX_NAME = 63
_DIGEST = 12
_MAX_ID, _MAX_INDEX = 250, 2**31 - 1
"""Characters of an id, and the greatest map index, that Airflow's database holds."""
_ROOM = 13
"""Characters of a name for ``-<index>-<attempt>``: six and five digits."""


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """One task instance of one DAG run; ``map_index`` is -1 where the task is not mapped, as in Airflow.

    Where a task launches a batch, ``index`` tells its executions apart, from 0. ``instance`` tells Airflows apart that
    share a namespace; "" where they are not.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    index: int | None = None
    instance: str = ""

    @property
    def text(self) -> str:
        """The identity as canonical JSON: what the annotation holds and what a 409 is compared with."""
        place = [] if self.index is None else [self.index]
        return _text(self.dag_id, self.run_id, self.task_id, self.map_index, *place)

    @property
    def digest(self) -> str:
        """12 hexadecimal digits of a SHA-256, the same for all of a batch: 48 bits, so two of a million runs collide
        with a chance of 1 in 500.
        """
        return _digest(_text(*self._of(), self.dag_id, self.run_id, self.task_id, self.map_index))

    @property
    def task_digest(self) -> str:
        """The same for the task (and map index) without the run."""
        return _digest(_text(*self._of(), self.dag_id, self.task_id, self.map_index))

    def _of(self) -> tuple[str, ...]:
        return (self.instance,) if self.instance else ()

    def member(self, index: int) -> RunIdentity:
        """The identity of one execution of this run's batch."""
        return replace(self, index=index)

    def stem(self, prefix: str) -> str:
        """What the names of a batch's executions have in common: ``<stem>-<index>-<attempt>``.

        :param prefix: as for `resource_name`. It is cut the same for every index and attempt.
        """
        return f"{slug(prefix, MAX_NAME - _DIGEST - 1 - _ROOM)}-{self.digest}"

    def resource_name(self, prefix: str, attempt: int) -> str:
        """The name of this run's resource: a DNS-1123 label, readable first, unique after.

        :param prefix: what a reader knows it by, for example the pipeline's name; any characters.
        :param attempt: 1 for the first launch of the run.
        """
        if self.index is not None:
            return f"{self.stem(prefix)}-{self.index}-{attempt}"
        tail = f"-{self.digest}-{attempt}"
        return f"{slug(prefix, MAX_NAME - len(tail))}{tail}"

    def labels(self) -> dict[str, str]:
        """Label-safe values, to select and to read; the annotation holds the full strings."""
        labels = {
            MANAGED_BY: PREFIX,
            LABEL_RUN: self.digest,
            LABEL_TASK: self.task_digest,
            LABEL_DAG: label_value(self.dag_id),
            f"{PREFIX}/run-id": label_value(self.run_id),
            f"{PREFIX}/task-id": label_value(self.task_id),
        }
        if self.map_index >= 0:
            labels[f"{PREFIX}/map-index"] = str(self.map_index)
        if self.index is not None:
            labels[LABEL_INDEX] = str(self.index)
        return labels

    def annotations(self) -> dict[str, str]:
        """The full strings: whose it is."""
        instance = {ANNOTATION_INSTANCE: self.instance} if self.instance else {}
        return {ANNOTATION_IDENTITY: self.text, **instance}

    def owns(self, resource: Mapping[str, Any]) -> bool:
        """Whether this run's identity is written on the resource."""
        return identity_of(resource) == self

    def of_run(self, resource: Mapping[str, Any]) -> bool:
        """Whether this run, or any of its batch, made the resource."""
        owner = identity_of(resource)
        return owner is not None and replace(owner, index=None) == replace(self, index=None)


def identity_of(resource: Mapping[str, Any]) -> RunIdentity | None:
    """The run that made the resource, as its annotation says; None where it has none, or what Airflow cannot have
    written: whoever may write resources may write anything there.
    """
    try:
        parts = json.loads(fields.annotation(resource, ANNOTATION_IDENTITY) or "")
    except (TypeError, ValueError, RecursionError):
        return None
    if not isinstance(parts, list) or len(parts) not in (4, 5):
        return None
    if not all(map(_is_id, parts[:3])) or not all(type(part) is int and -1 <= part <= _MAX_INDEX for part in parts[3:]):
        return None
    index = parts[4] if len(parts) == 5 else None
    return RunIdentity(
        parts[0], parts[1], parts[2], parts[3], index, fields.annotation(resource, ANNOTATION_INSTANCE) or ""
    )


def _is_id(part: object) -> bool:
    if not isinstance(part, str) or not 0 < len(part) <= _MAX_ID or "\0" in part:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in part)


def _text(*parts: str | int) -> str:
    return json.dumps(parts, ensure_ascii=True, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]


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
